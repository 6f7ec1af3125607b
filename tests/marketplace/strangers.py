"""A second Requester on the same marketplace: Mallory, who should see nothing of Rita's."""

from decimal import Decimal
from typing import TYPE_CHECKING

from app.db.engine import Database
from app.marketplace import requester_accounts
from app.marketplace.context import utc_now
from tests.marketplace.conftest import mturk_client

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def second_requester(url: str, database: Database) -> "MTurkClient":
    """Mallory's client."""
    with database.transaction() as db:
        made = requester_accounts.add(db, "Mallory", deposit_usd=Decimal("100.00"), now=utc_now())
    return mturk_client(url, made.key)
