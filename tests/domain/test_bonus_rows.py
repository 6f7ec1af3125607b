from decimal import Decimal
from uuid import UUID

import pytest

from app.domain.bonus_rows import BonusRow, bonus_key, bonus_token, read_row
from app.errors import Problem


def row(**changed: str) -> BonusRow | list[Problem]:
    return read_row(7, {"AssignmentId": "3ABC", "BonusAmount": "0.50", "Reason": "Careful", **changed})


def faults(**changed: str) -> list[str]:
    found = row(**changed)
    assert not isinstance(found, BonusRow)
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("written", "usd"), [("0.50", "0.50"), (" $1 ", "1.00"), ("0.500", "0.50"), ("0.01", "0.01"), ("10000", "10000.00")]
)
def test_amounts_are_read_to_the_cent(written: str, usd: str) -> None:
    found = row(BonusAmount=written)
    assert isinstance(found, BonusRow)
    assert str(found.amount_usd) == usd


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("0", "less than a cent"),
        ("0.009", "less than a cent"),
        ("0.015", "parts of a cent"),
        ("10000.01", "the most that one bonus may be"),
        ("-1", "no amount"),
        ("0,50", "no amount"),
        ("1e2", "no amount"),
        ("NaN", "no amount"),
        ("٠.٥", "no amount"),
        ("", "is empty"),
    ],
)
def test_an_amount_that_cannot_be_paid_is_named_with_its_line(written: str, fault: str) -> None:
    (said,) = faults(BonusAmount=written)
    assert said.startswith("line 7, BonusAmount: ")
    assert fault in said


@pytest.mark.parametrize(
    ("reason", "fault"), [(" ", "is empty"), ("x" * 4097, "4,097 characters"), ("a\x07b", "control characters")]
)
def test_a_reason_is_text_that_a_worker_can_read(reason: str, fault: str) -> None:
    (said,) = faults(Reason=reason)
    assert fault in said


def test_all_faults_of_a_row_are_named_together() -> None:
    assert len(faults(AssignmentId="", BonusAmount="much", Reason="")) == 3


def test_a_reason_may_have_lines_and_any_script() -> None:
    found = row(Reason="Danke!\r\nमहान 👩\u200d🚀")
    assert isinstance(found, BonusRow)
    assert found.reason == "Danke!\nमहान 👩\u200d🚀"


def test_the_key_is_that_of_amount_and_reason_alone() -> None:
    usd = Decimal("0.5")
    assert bonus_key(usd, "So  good\n") == bonus_key(Decimal("0.50"), "So good")
    assert len({bonus_key(usd, "So good"), bonus_key(usd, "So bad"), bonus_key(Decimal("0.51"), "So good")}) == 3


def test_the_token_follows_from_the_batch_the_assignment_and_the_key() -> None:
    batch = UUID(int=7)
    assert bonus_token(batch, "3ABC", "k") == bonus_token(batch, "3ABC", "k")
    assert len({bonus_token(batch, "3ABC", "k"), bonus_token(batch, "3ABD", "k"), bonus_token(batch, "3ABC", "l")}) == 3
