"""The Requester's balance."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace.operations.shapes import usd
from app.marketplace.store import Requester


def get_account_balance(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """What can be spent, and what is on hold for HITs."""
    requester = db.scalars(select(Requester).where(Requester.id == requester_id)).one()
    return {"AvailableBalance": usd(requester.available_usd), "OnHoldBalance": usd(requester.on_hold_usd)}
