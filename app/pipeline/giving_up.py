"""Give up on what a stopping Batch waits for in vain: an endpoint that is gone, credentials that are not let in any more.

Nothing is called. What is not known is assumed to have cost money, since only that keeps the books right: work that the
marketplace approves by itself is booked as paid, and so is a bonus that may have been paid. HITs of which nobody knows
whether they were published are written off; should one exist, it is found by its annotation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, hit_rooms, ledger
from app.db.locks import lock_items
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.plurals import counted
from app.domain.vocabulary import AssignmentId, BatchId, BatchStatus, PaymentStatus
from app.errors import Conflict
from app.logs import get_logger

log = get_logger(__name__)

_WHY = "given up"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was written off: HITs perhaps published, HITs live, work booked as paid, bonuses booked as paid, other calls."""

    perhaps_published: int
    live_hits: int
    assumed_paid: int
    bonuses_assumed_paid: int
    calls: int

    @property
    def anything(self) -> bool:
        """Whether there was anything to give up."""
        return any((self.perhaps_published, self.live_hits, self.assumed_paid, self.bonuses_assumed_paid, self.calls))


def give_up(db: Session, batch_id: BatchId, *, by: str) -> GivenUp:
    """Write off all that a stopping Batch waits for; it ends when its answers are read and counted.

    Raises NotFound; Conflict while it is not stopping, while a runner may be making a call, and while work is undecided
    that the marketplace has not approved by itself yet.
    """
    batch = ledger.locked_batch(db, batch_id)
    _check(db, batch)
    given_up = GivenUp(
        perhaps_published=_write_off_unpublished(db, batch_id),
        assumed_paid=_assume_approved(db, batch_id),
        bonuses_assumed_paid=_close_bonuses(db, batch_id),
        calls=_cancel_calls(db, batch_id),
        live_hits=_close_hits(db, batch_id),
    )
    batch.attention = None
    audit.record(
        db,
        actor=by,
        action="batch.given_up",
        batch_id=batch_id,
        profile=batch.profile,
        perhaps_published=given_up.perhaps_published,
        live_hits=given_up.live_hits,
        assumed_paid=given_up.assumed_paid,
        bonuses_assumed_paid=given_up.bonuses_assumed_paid,
        calls=given_up.calls,
    )
    log.warning("batch.given_up", batch_id=batch_id, live_hits=given_up.live_hits, assumed_paid=given_up.assumed_paid)
    enqueue(db, Job.CONSENSUS, batch_id=batch_id)
    return given_up


def _check(db: Session, batch: Batch) -> None:
    if batch.status != BatchStatus.STOPPING:
        raise Conflict(f"Batch {batch.id} is {batch.status}; only a Batch that was stopped can be given up")
    row = db.execute(
        text("""
            SELECT (SELECT max(lease_until) FROM operations
                    WHERE batch_id = :id AND status = 'acting' AND lease_until >= now()) AS leased_until,
                   count(a.id) AS undecided,
                   max(coalesce(a.auto_approval_at, a.collected_at + make_interval(secs => :delay_s))) AS approved_at,
                   now() AS now
            FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id AND a.status = 'submitted' WHERE h.batch_id = :id
        """),
        {"id": batch.id, "delay_s": batch.auto_approval_delay_s},
    ).one()
    if row.leased_until is not None:
        wait_s = int((row.leased_until - row.now).total_seconds()) + 1
        raise Conflict(f"a job runner may be making calls for Batch {batch.id}; try again in {wait_s} s")
    if row.undecided and row.approved_at > row.now:
        raise Conflict(
            f"Batch {batch.id} has {counted(row.undecided, 'undecided Assignment')}; the marketplace approves the"
            f" last by itself at {row.approved_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC; give up after that"
        )


def _write_off_unpublished(db: Session, batch_id: BatchId) -> int:
    hits = db.scalars(
        text("""
            UPDATE hits SET status = 'cancelled' WHERE batch_id = :id AND status IN ('planned', 'publishing') RETURNING id
        """),
        {"id": batch_id},
    ).all()
    ledger.release_hits(db, hits)
    return len(hits)


def _assume_approved(db: Session, batch_id: BatchId) -> int:
    """Work whose time was over long ago: approved by the marketplace, or about to be."""
    rows = db.scalars(
        text("""
            UPDATE assignments AS a SET status = 'approved', decided_at = now(), held_at = NULL
            FROM hits AS h WHERE h.id = a.hit_id AND h.batch_id = :id AND a.status = 'submitted' RETURNING a.id
        """),
        {"id": batch_id},
    ).all()
    # With what was collected as approved and not booked yet: there may be no other time for it. A rejection that was taken
    # back elsewhere has given its money back.
    hit_rooms.book_overrides_made_elsewhere(db, batch_id)
    approved = db.scalars(
        text("""
            SELECT a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'approved'
              AND NOT EXISTS (SELECT 1 FROM payments AS p
                              WHERE p.assignment_id = a.id AND p.kind = 'reward' AND p.status = 'paid')
        """),
        {"id": batch_id},
    )
    ids = [AssignmentId(assignment_id) for assignment_id in approved]
    ledger.owe(db, ids, status=PaymentStatus.PAID)
    ledger.pay(db, ids)
    return len(rows)


def _close_bonuses(db: Session, batch_id: BatchId) -> int:
    """Bonuses: refused or never tried, not owed any more; tried without an answer, perhaps paid. Returns how many of these."""
    tried = _close(db, batch_id, "kind = 'bonus' AND attempts > 0 AND status IN ('intended', 'acting')", "done")
    ledger.close_bonuses(db, tried, PaymentStatus.PAID)
    others = _close(db, batch_id, "kind = 'bonus'", "cancelled")
    ledger.close_bonuses(db, others, PaymentStatus.CANCELLED)
    return len(tried)


def _cancel_calls(db: Session, batch_id: BatchId) -> int:
    """All other calls. An override that was not made leaves the rejection as it is, and costs nothing."""
    overrides = _close(db, batch_id, "kind = 'override'", "cancelled")
    rejected = db.scalars(text("SELECT assignment_id FROM operations WHERE id = ANY(:ids)"), {"ids": overrides}).all()
    ledger.cancel_owed(db, [AssignmentId(assignment_id) for assignment_id in rejected])
    extensions = _close(db, batch_id, "kind = 'extend'", "cancelled")
    ledger.release(db, [*overrides, *extensions])
    others = _close(db, batch_id, "kind <> 'delete'", "cancelled")
    return len(overrides) + len(extensions) + len(others)


def _close(db: Session, batch_id: BatchId, which: str, status: str) -> Sequence[int]:
    return db.scalars(
        text(f"""
            UPDATE operations SET status = :status, finished_at = now(), lease_until = NULL,
                error = CASE WHEN error IS NULL THEN :why ELSE :why || '; ' || error END
            WHERE batch_id = :id AND status IN ('intended', 'acting', 'failed') AND {which} RETURNING id
        """),
        {"id": batch_id, "status": status, "why": _WHY},
    ).all()


def _close_hits(db: Session, batch_id: BatchId) -> int:
    """Nothing more is waited for; what they did not spend is released, and what they brought is counted."""
    hits = db.scalars(
        text("""
            UPDATE hits SET status = 'done', exhausted = true, pending = 0, hinted_at = NULL
            WHERE batch_id = :id AND status = 'live' RETURNING id
        """),
        {"id": batch_id},
    ).all()
    ledger.release_hits(db, hits)
    items = db.scalars(text("SELECT item_id FROM hit_items WHERE hit_id = ANY(:ids)"), {"ids": list(hits)}).all()
    lock_items(db, items)
    db.execute(text("UPDATE items SET consensus_stale = true WHERE id = ANY(:ids)"), {"ids": list(items)})
    return len(hits)
