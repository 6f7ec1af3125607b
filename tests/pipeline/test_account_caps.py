"""An Account's cap holds over all Batches that it created, together."""

from decimal import Decimal

import pytest

from app.access import accounts
from app.domain.vocabulary import BatchId, Role
from app.errors import BudgetExceeded
from app.pipeline import batches
from tests.cast import RITA, sign_up
from tests.pipeline.conftest import House


def of_rita(house: House, *batch_ids: BatchId, cap_usd: str) -> None:
    """These drafts are Rita's, whose cap this is."""
    account = sign_up(house.database, RITA, Role.REQUESTER)
    house.execute(
        "UPDATE batches SET created_by = :id WHERE id = ANY(:ids)", id=account.account_id, ids=list(batch_ids)
    )
    with house.database.transaction() as db:
        accounts.set_cap(db, RITA, Decimal(cap_usd), by="owner")


def test_a_launch_beyond_the_accounts_cap_is_refused_before_anything_is_connected(house: House) -> None:
    batch_id = house.draft(4)  # $1.20
    of_rita(house, batch_id, cap_usd="1.19")

    def connect(*_: object) -> None:
        raise AssertionError("connected")

    with pytest.raises(BudgetExceeded, match=r"needs \$1.20 and the Account's cap leaves \$1.19"):
        batches.launch(house.database, connect, batch_id, by=RITA, settings=house.settings)  # type: ignore[arg-type]
    with house.database.transaction() as db:
        accounts.set_cap(db, RITA, Decimal("1.20"), by="owner")
    house.launch(batch_id)
    house.publish(batch_id)
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 4


def test_two_batches_share_the_cap_and_the_second_pauses_and_says_so(house: House) -> None:
    first, second = house.draft(4), house.draft(4)
    of_rita(house, first, second, cap_usd="2.00")
    house.launch(first)
    house.launch(second)  # nothing is committed yet: both may still hope
    house.publish(first)
    house.publish(second)
    row = house.one("SELECT status, pause_reason, attention FROM batches WHERE id = :id", id=second)
    assert (row.status, row.pause_reason) == ("paused", "cap")
    assert "the Account's cap leaves $0.80" in row.attention
    with house.database.transaction() as db:
        (spending,) = accounts.spending(db)
        assert (spending.cap_usd, spending.committed_usd) == (Decimal("2.00"), Decimal("1.20"))
        accounts.set_cap(db, RITA, Decimal("2.40"), by="owner")
        batches.resume(db, second, by=RITA)
    house.publish(second)
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 8


def test_a_cap_below_what_is_committed_takes_nothing_back_and_lets_nothing_more(house: House) -> None:
    first, second = house.draft(4), house.draft(1)
    of_rita(house, first, second, cap_usd="10.00")
    house.launch(first)
    house.publish(first)
    with house.database.transaction() as db:
        accounts.set_cap(db, RITA, Decimal("0.50"), by="owner")
    with pytest.raises(BudgetExceeded, match=r"leaves \$0.00"):
        house.launch(second)
    assert house.one("SELECT status FROM batches WHERE id = :id", id=first).status == "live"
