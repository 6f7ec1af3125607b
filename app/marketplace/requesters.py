"""Requesters and their access keys."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.errors import InvalidInput, Problem
from app.marketplace import accounting
from app.marketplace.accounting import Entry
from app.marketplace.store import AccessKey, Requester, TransactionKind
from app.secrets import local_credentials
from app.settings import Settings

FIRST_REQUESTER_ID = "A1LABELJURYREQUESTER"
_REMEMBERED_S = 10.0
# How exactly `last_used_at` is kept: a key in steady use costs one write a minute.
_NOTED_EVERY = timedelta(minutes=1)


def ensure_first_requester(db: Session, settings: Settings, now: datetime) -> None:
    """Make sure the first Requester, the opening balance and the installation's access key exist.

    May run in several processes at once and again at every start; the balance is deposited once. A key made from a
    former secret of the installation stops working.
    """
    fresh = insert(Requester).values(
        id=FIRST_REQUESTER_ID, name="Label Jury", available_usd=0, on_hold_usd=0, created_at=now
    )
    made = db.scalar(fresh.on_conflict_do_nothing().returning(Requester.id))
    key = local_credentials(settings)
    db.execute(
        insert(AccessKey)
        .values(
            access_key_id=key.access_key_id,
            secret_access_key=key.secret_access_key,
            requester_id=FIRST_REQUESTER_ID,
            of_installation=True,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    db.execute(delete(AccessKey).where(AccessKey.of_installation, AccessKey.access_key_id != key.access_key_id))
    opening = settings.marketplace_opening_balance_usd
    if made is not None and opening:
        accounting.post(db, made, [Entry(TransactionKind.DEPOSIT, available_delta_usd=opening)], now)


def deposit(db: Session, requester_id: str, amount_usd: Decimal, now: datetime) -> Decimal:
    """Add funds to a Requester; returns the new available balance. Must end the transaction, as `accounting.post`.

    Raises InvalidInput unless the amount is positive, in whole cents, and leaves a balance that can be kept.
    """
    requester = db.get_one(Requester, requester_id, with_for_update=True)
    if not amount_usd.is_finite() or amount_usd <= 0:
        raise InvalidInput([Problem("use a positive number of dollars", field="amount")])
    if requester.available_usd + amount_usd > accounting.MOST_USD:
        raise InvalidInput([Problem(f"the account can hold ${accounting.MOST_USD} at most", field="amount")])
    if amount_usd != round(amount_usd, 2):
        raise InvalidInput([Problem("use at most two decimals", field="amount")])
    accounting.post(db, requester_id, [Entry(TransactionKind.DEPOSIT, available_delta_usd=amount_usd)], now)
    db.refresh(requester)
    return requester.available_usd


class KeyRing:
    """Access keys, each remembered for ten seconds: in every process a revoked key stops working after that."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, str, str]] = {}
        self._noted: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def secret_of(self, access_key_id: str) -> str | None:
        """The key's secret; None when there is no such key."""
        found = self._find(access_key_id)
        return None if found is None else found[0]

    def requester_of(self, access_key_id: str) -> str | None:
        """The id of the key's Requester. Ask when the signature is verified: this counts as a use of the key."""
        found = self._find(access_key_id)
        if found is None:
            return None
        self._note_use(access_key_id, datetime.now(UTC))
        return found[1]

    def forget(self, access_key_id: str) -> None:
        """Look the key up again at its next use; other processes do within ten seconds."""
        with self._lock:
            self._known.pop(access_key_id, None)

    def _note_use(self, access_key_id: str, now: datetime) -> None:
        with self._lock:
            before = self._noted.get(access_key_id)
            if before is not None and now - before < _NOTED_EVERY:
                return
            self._noted[access_key_id] = now
        long_ago = or_(AccessKey.last_used_at.is_(None), AccessKey.last_used_at <= now - _NOTED_EVERY)
        with self._database.transaction() as db:
            db.execute(
                update(AccessKey)
                .where(AccessKey.access_key_id == access_key_id, long_ago)
                .values(last_used_at=now)
                .execution_options(synchronize_session=False)
            )

    def _find(self, access_key_id: str) -> tuple[str, str] | None:
        with self._lock:
            known = self._known.get(access_key_id)
        if known is not None and time.monotonic() - known[0] < _REMEMBERED_S:
            return known[1:]
        with self._database.transaction() as db:
            statement = select(AccessKey.secret_access_key, AccessKey.requester_id)
            usable = (AccessKey.access_key_id == access_key_id) & AccessKey.revoked_at.is_(None)
            row = db.execute(statement.where(usable)).one_or_none()
        with self._lock:
            # Only keys that exist are remembered, so the ring cannot be made to grow from outside.
            self._known.pop(access_key_id, None)
            if row is not None:
                self._known[access_key_id] = (time.monotonic(), row[0], row[1])
        return None if row is None else (row[0], row[1])
