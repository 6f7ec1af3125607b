from decimal import Decimal

import pytest

from app.errors import InvalidInput
from app.web.form_values import FormReader, money


@pytest.mark.parametrize(
    ("typed", "amount"), [("0.05", "0.05"), (" $1,234.50 ", "1234.50"), ("7", "7"), ("-1", "-1"), ("0.005", "0.005")]
)
def test_amounts_are_read_as_people_write_them(typed: str, amount: str) -> None:
    assert money("reward_usd", typed) == Decimal(amount)


@pytest.mark.parametrize("typed", ["", "five", "NaN", "Infinity", "1e999", "1" * 13, "0,05,5x"])
def test_what_is_no_amount_is_refused_with_its_field(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        money("reward_usd", typed)
    assert refused.value.problems[0].field == "reward_usd"


def test_lengths_of_time_may_have_fractions() -> None:
    assert FormReader().span_s("lifetime_s", "1.5", unit_s=86_400) == 129_600


@pytest.mark.parametrize("typed", ["", "-1", "soon", "NaN", "1e9"])
def test_what_is_no_length_of_time_is_refused(typed: str) -> None:
    reader = FormReader()
    reader.span_s("lifetime_s", typed, unit_s=86_400)
    assert [problem.field for problem in reader.problems] == ["lifetime_s"]


@pytest.mark.parametrize("typed", ["", "-1", "2.5", "²", "99999999999999"])
def test_what_is_no_whole_number_is_refused(typed: str) -> None:
    reader = FormReader()
    reader.whole("quorum", typed)
    with pytest.raises(InvalidInput, match="whole number"):
        reader.check()
