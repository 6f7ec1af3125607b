"""What a verb did to a locked HIT, to be written at the end: movements of money and events."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.marketplace import accounting, events
from app.marketplace.accounting import Entry
from app.marketplace.events import Event

Change = Entry | Event


def post(db: Session, requester_id: str, changes: Iterable[Change], now: datetime) -> None:
    """Write the events and move the money. Must be the transaction's last statement, as `accounting.post` says.

    Raises RequestError InsufficientFunds, and then the caller's transaction must end without a commit.
    """
    changes = list(changes)
    # Before the rest is flushed the rows they speak of may be missing.
    db.flush()
    events.write(db, requester_id, [change for change in changes if isinstance(change, Event)], now)
    accounting.post(db, requester_id, [change for change in changes if isinstance(change, Entry)], now)
