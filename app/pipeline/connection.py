"""How things stand between us and a marketplace: is it well, what does the account hold, which Batches may go on.

A Batch that stopped for want of funds or because our credentials were refused goes on by itself once that is over.
"""

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, funds
from app.db.engine import Database
from app.domain.alerts import Funds, refill
from app.domain.vocabulary import BatchId, PauseReason
from app.errors import MarketplaceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

# A Batch that was paused a moment ago is not resumed at once: where the marketplace counts otherwise than we do, it would
# be paused and resumed without end.
LEAST_PAUSE_S = 30


class Asked(StrEnum):
    """What was asked of the marketplace when it was found in trouble: how the sentence on its Batches begins."""

    CONNECTION = "The marketplace cannot be used with these settings"
    BALANCE = "The marketplace does not tell the account's balance"
    PUBLISHING = "Nothing can be published or taken back at the moment"
    ANSWERS = "Answers cannot be collected at the moment, and none is lost"


def in_trouble(db: Session, profile: str, asked: Asked, error: Exception, *, batch_id: BatchId | None = None) -> None:
    """Say on every active Batch of a profile, or on the one alone, what is wrong; what else is said there stays."""
    said = f"{asked}: {error}; tried again by itself"
    changed = db.execute(
        text("""
            UPDATE batches SET attention = :said
            WHERE profile = :profile AND status IN ('live', 'paused', 'stopping')
              AND (CAST(:batch_id AS bigint) IS NULL OR id = :batch_id)
              AND (attention IS NULL OR starts_with(attention, :ours)) AND attention IS DISTINCT FROM :said
        """),
        {"said": said, "profile": profile, "ours": asked, "batch_id": batch_id},
    )
    if changed.rowcount:  # type: ignore[attr-defined]  # a cursor's result has it
        log.warning(
            "marketplace.in_trouble", profile=profile, batch_id=batch_id, asked=asked.name.lower(), error=str(error)
        )


def well(db: Session, profile: str, asked: Asked, *, batch_id: BatchId | None = None) -> None:
    """Take back what `in_trouble` said about the same."""
    changed = db.execute(
        text("""
            UPDATE batches SET attention = NULL WHERE profile = :profile AND starts_with(attention, :ours)
              AND (CAST(:batch_id AS bigint) IS NULL OR id = :batch_id)
        """),
        {"profile": profile, "ours": asked, "batch_id": batch_id},
    )
    if changed.rowcount:  # type: ignore[attr-defined]  # a cursor's result has it
        log.info("marketplace.well_again", profile=profile, batch_id=batch_id, asked=asked.name.lower())


def ask_balance(database: Database, marketplace: Marketplace, pacer: Pacer) -> Decimal:
    """GetAccountBalance, written down. What the account may still spend, in USD. Raises MarketplaceError."""
    try:
        found = pacer.call(requester.account_balance, marketplace)
    except MarketplaceError as error:
        with database.transaction() as db:
            funds.write(db, marketplace.endpoint_url, available_usd=None, on_hold_usd=None)
            in_trouble(db, marketplace.profile, Asked.BALANCE, error)
        raise
    with database.transaction() as db:
        funds.write(db, marketplace.endpoint_url, available_usd=found.available_usd, on_hold_usd=found.on_hold_usd)
        well(db, marketplace.profile, Asked.BALANCE)
    return found.available_usd


def may_go_on(db: Session, profile: str, available_usd: Decimal) -> list[BatchId]:
    """Batches that waited for funds or credentials and need not any more, oldest first; the others say what is missing.

    That the account told its balance shows that the credentials are good. `available_usd` is shared out in turn.
    """
    waiting = funds.waiting_usd(db, profile)
    ready: list[BatchId] = []
    left_usd = available_usd
    for batch_id, reason in _paused(db, profile):
        needed_usd = waiting.get(batch_id, Decimal(0))
        if reason is PauseReason.CREDENTIALS or needed_usd <= left_usd:
            ready.append(batch_id)
            left_usd -= needed_usd
        else:
            _say_what_is_missing(db, batch_id, Funds(left_usd, needed_usd, profile))
    return [batch_id for batch_id in ready if _paused_long_enough(db, batch_id)]


def waits(db: Session, profile: str) -> bool:
    """Whether a Batch of the profile waits for funds or credentials."""
    return bool(_paused(db, profile))


def active_profiles(db: Session) -> list[str]:
    """Profiles with Batches at work, or that are over and still have something to pay."""
    statement = """
        SELECT DISTINCT b.profile FROM batches AS b
        WHERE b.status IN ('live', 'paused', 'stopping') OR EXISTS (
            SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.kind IN ('bonus', 'override', 'publish')
              AND o.status IN ('intended', 'acting'))
        ORDER BY b.profile
    """
    return list(db.scalars(text(statement)))


def _paused(db: Session, profile: str) -> list[tuple[BatchId, PauseReason]]:
    rows = db.execute(
        text("""
            SELECT id, pause_reason FROM batches
            WHERE profile = :profile AND status = 'paused' AND pause_reason IN ('funds', 'credentials') ORDER BY id
        """),
        {"profile": profile},
    )
    return [(BatchId(row.id), PauseReason(row.pause_reason)) for row in rows]


def _paused_long_enough(db: Session, batch_id: BatchId) -> bool:
    statement = text("""
        SELECT coalesce(max(at) < now() - make_interval(secs => :least_s), true) FROM audit
        WHERE batch_id = :id AND action = 'batch.needs_attention' AND id > (
            SELECT coalesce(max(id), 0) - 1000 FROM audit WHERE batch_id = :id)
    """)
    return bool(db.execute(statement, {"id": batch_id, "least_s": LEAST_PAUSE_S}).scalar_one())


def _say_what_is_missing(db: Session, batch_id: BatchId, lacking: Funds) -> None:
    said = (
        f"Out of funds: the {lacking.profile} account has ${max(lacking.available_usd, Decimal(0)):.2f} left for this Batch,"
        f" and what waits to be published needs ${lacking.needed_usd:.2f}. {refill(lacking)}."
        " The Batch goes on by itself then."
    )
    changed = db.execute(
        text(
            "UPDATE batches SET attention = :said WHERE id = :id AND status = 'paused' AND attention IS DISTINCT FROM :said"
            " RETURNING profile"
        ),
        {"id": batch_id, "said": said},
    ).first()
    if changed is not None:
        audit.record(
            db,
            actor="job runner",
            action="batch.out_of_funds",
            batch_id=batch_id,
            profile=lacking.profile,
            available_usd=lacking.available_usd,
            needed_usd=lacking.needed_usd,
        )
