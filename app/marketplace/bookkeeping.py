"""What time alone does to a HIT: deadlines pass, lifetimes end, work is approved by itself. Applied when looked at.

Nothing here waits for a background job: every read settles what is due first, and each change to a HIT settles that HIT
under its lock. The server's timer only keeps the pile small.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, union
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.marketplace import accounting, lifecycle
from app.marketplace.accounting import Entry
from app.marketplace.lifecycle import Counts
from app.marketplace.store import HIT, Assignment, AssignmentStatus, HITStatus, constant

_AT_ONCE = 500
_PENDING = Assignment.status == constant(AssignmentStatus.PENDING)
_SUBMITTED = Assignment.status == constant(AssignmentStatus.SUBMITTED)


def counts_of(hit: HIT) -> Counts:
    """The HIT's counters as a value."""
    return Counts(hit.max_assignments, hit.pending, hit.submitted, hit.approved, hit.rejected)


def lock(db: Session, hit_id: str, *, skip_locked: bool = False) -> HIT | None:
    """The HIT, locked until the transaction ends, as it stands now."""
    statement = select(HIT).where(HIT.id == hit_id).execution_options(populate_existing=True)
    return db.scalars(statement.with_for_update(key_share=True, skip_locked=skip_locked)).one_or_none()


def lock_of_assignment(db: Session, assignment_id: str) -> tuple[HIT, Assignment] | None:
    """The Assignment and its HIT, both as they stand now, under the HIT's lock."""
    hit_id = db.scalar(select(Assignment.hit_id).where(Assignment.id == assignment_id))
    hit = None if hit_id is None else lock(db, hit_id)
    if hit is None:
        return None
    statement = select(Assignment).where(Assignment.id == assignment_id).execution_options(populate_existing=True)
    return hit, db.scalars(statement).one()


def rebook(hit: HIT, now: datetime) -> list[Entry]:
    """Bring a locked HIT's status and reserved slots in line with its counters; the money that moves with it."""
    expired = hit.expires_at <= now
    status = lifecycle.hit_status(HITStatus(hit.status), counts_of(hit), expired=expired)
    slots = lifecycle.slots_to_reserve(status, counts_of(hit), expired=expired)
    entries = accounting.hold(hit.id, hit.reward_usd + hit.fee_usd, slots - hit.reserved_slots)
    if hit.status != status:
        hit.status = status
    hit.reserved_slots = slots
    return entries


def settle_hit(db: Session, hit: HIT, now: datetime) -> list[Entry]:
    """Apply to a locked HIT what is due at `now`. The caller posts the entries."""
    due = db.scalars(select(Assignment).where(Assignment.hit_id == hit.id, _due(now))).all()
    return _settle(hit, due, now)


def approve(hit: HIT, assignment: Assignment, now: datetime) -> list[Entry]:
    """Approve a Submitted Assignment of a locked HIT; the payment."""
    assignment.status = AssignmentStatus.APPROVED
    assignment.approved_at = now
    hit.submitted -= 1
    hit.approved += 1
    hit.reserved_slots -= 1
    return accounting.pay(hit.id, assignment.id, reward_usd=hit.reward_usd, fee_usd=hit.fee_usd)


def settle(database: Database, now: datetime, *, wait: bool = True) -> int:
    """Apply what is due on any HIT, a few hundred a transaction; how many HITs were settled.

    wait=False leaves out HITs that somebody else has locked.
    """
    settled = 0
    while True:
        with database.transaction() as db:
            hit_ids = due_hits(db, now)
            done = settle_hits(db, hit_ids, now, wait=wait) if hit_ids else 0
        settled += done
        if done == 0:
            return settled


def due_hits(db: Session, now: datetime, limit: int = _AT_ONCE) -> Sequence[str]:
    """Ids of HITs on which something is due; three short index scans when there is nothing."""
    expired = select(HIT.id).where(HIT.expires_at <= now, HIT.reserved_slots > HIT.pending + HIT.submitted)
    abandoned = select(Assignment.hit_id).where(_PENDING, Assignment.deadline < now)
    approved = select(Assignment.hit_id).where(_SUBMITTED, Assignment.auto_approval_at <= now)
    return db.scalars(union(*(part.limit(limit).subquery().select() for part in (expired, abandoned, approved)))).all()


def settle_hits(db: Session, hit_ids: Iterable[str], now: datetime, *, wait: bool = True) -> int:
    """Lock these HITs in the order of their ids, apply what is due, post the money; how many were locked."""
    statement = select(HIT).where(HIT.id.in_(list(hit_ids))).order_by(HIT.id)
    hits = db.scalars(statement.with_for_update(key_share=True, skip_locked=not wait)).all()
    due = defaultdict[str, list[Assignment]](list)
    for assignment in db.scalars(select(Assignment).where(Assignment.hit_id.in_([hit.id for hit in hits]), _due(now))):
        due[assignment.hit_id].append(assignment)
    entries = defaultdict[str, list[Entry]](list)
    for hit in hits:
        entries[hit.requester_id] += _settle(hit, due[hit.id], now)
    for requester_id in sorted(entries):
        accounting.post(db, requester_id, entries[requester_id], now)
    return len(hits)


def _settle(hit: HIT, due: Iterable[Assignment], now: datetime) -> list[Entry]:
    entries: list[Entry] = []
    for assignment in due:
        if assignment.status == AssignmentStatus.SUBMITTED:
            # It happened when it was due, whenever somebody looks.
            entries += approve(hit, assignment, assignment.auto_approval_at or now)
        else:
            assignment.status = AssignmentStatus.ABANDONED
            hit.pending -= 1
    return entries + rebook(hit, now)


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(
        _PENDING & (Assignment.deadline < now),
        _SUBMITTED & (Assignment.auto_approval_at <= now),
    )
