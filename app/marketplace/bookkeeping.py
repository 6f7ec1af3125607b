"""What time alone does to a HIT: deadlines pass, lifetimes end, work is approved by itself. Applied when looked at.

Nothing here waits for a background job: every read settles what is due first, and each change to a HIT settles that HIT
under its lock. The server's timer only keeps the pile small.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import count, groupby

from sqlalchemy import CompoundSelect, DateTime, Select, bindparam, or_, select, union
from sqlalchemy.orm import Session, defer

from app.db.engine import Database
from app.marketplace import accounting, decisions, lifecycle, purging, review_policies
from app.marketplace.accounting import Entry
from app.marketplace.changes import Change, post
from app.marketplace.decisions import happened
from app.marketplace.events import Event
from app.marketplace.lifecycle import Counts
from app.marketplace.store import HIT, Assignment, AssignmentStatus, EventType, HITStatus, constant

_AT_ONCE = 500
# After hours without a server much may be due at once: one request does not wait for all of it, the timer does the rest.
ROUNDS_A_REQUEST = 2
# A HIT expires, for those who are notified, when its lifetime ends before its work is complete.
_UNFINISHED = {HITStatus.ASSIGNABLE, HITStatus.UNASSIGNABLE}
_PENDING = Assignment.status == constant(AssignmentStatus.PENDING)
_SUBMITTED = Assignment.status == constant(AssignmentStatus.SUBMITTED)


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


def rebook(db: Session, hit: HIT, now: datetime) -> list[Change]:
    """Bring a locked HIT's status and reserved slots in line with its counters; the money that moves with it.

    A HIT that becomes Reviewable by this meets its review policy, which may decide Assignments and ask for more.
    """
    changes = _rebook(hit, now)
    if hit.hit_review_policy is not None and _became(EventType.HIT_REVIEWABLE, changes):
        db.flush()
        freed = sum((one.available_delta_usd for one in changes if isinstance(one, Entry)), accounting.ZERO)
        changes += review_policies.on_reviewable(db, hit, now, freed_usd=freed)
        changes += _rebook(hit, now)
    return changes


def settle_hit(db: Session, hit: HIT, now: datetime) -> list[Change]:
    """Apply to a locked HIT what is due at `now`. The caller posts the changes."""
    due = db.scalars(_due_assignments(now).where(Assignment.hit_id == hit.id)).all()
    return _settle(db, hit, due, now)


def settle(
    database: Database,
    now: datetime,
    *,
    rounds: int | None = ROUNDS_A_REQUEST,
    at_once: int = _AT_ONCE,
    wait: bool = True,
) -> int:
    """Apply what is due on any HIT, a few hundred a transaction; how many HITs were settled.

    rounds: at most so many transactions, for about `at_once` HITs each; None: until nothing is due.
    wait=False leaves out HITs that somebody else has locked.
    """
    settled = 0
    for _ in count() if rounds is None else range(rounds):
        # Nearly always there is nothing; what is due is looked at again under the HITs' locks.
        with database.reading() as db:
            hit_ids = due_hits(db, now, at_once)
        if not hit_ids:
            return settled
        with database.transaction() as db:
            done = settle_hits(db, hit_ids, now, wait=wait)
        settled += done
        if done == 0:
            break
    return settled


def due_hits(db: Session, now: datetime, limit: int = _AT_ONCE) -> Sequence[str]:
    """Ids of HITs on which something is due; four short index scans when there is nothing."""
    return db.scalars(_due_hits(limit), {"now": now, "done_until": now - lifecycle.KEPT}).all()


@cache  # Nearly every page asks it: building the statement took longer than the database takes to answer.
def _due_hits(limit: int) -> CompoundSelect[str]:
    now, done_until = (bindparam(name, type_=DateTime(timezone=True)) for name in ("now", "done_until"))
    expired = select(HIT.id).where(HIT.expires_at <= now, HIT.expired_at.is_(None))
    abandoned = select(Assignment.hit_id).where(_PENDING, Assignment.deadline < now)
    approved = select(Assignment.hit_id).where(_SUBMITTED, Assignment.auto_approval_at <= now)
    purgeable = select(HIT.id).where(purging.due(done_until))
    parts = (expired, abandoned, approved, purgeable)
    return union(*(part.limit(limit).subquery().select() for part in parts))


def settle_hits(db: Session, hit_ids: Iterable[str], now: datetime, *, wait: bool = True) -> int:
    """Lock these HITs in the order of their ids, apply what is due, post the money; how many were locked."""
    statement = select(HIT).where(HIT.id.in_(list(hit_ids))).order_by(HIT.id).options(defer(HIT.question))
    hits = db.scalars(statement.with_for_update(key_share=True, skip_locked=not wait)).all()
    due = defaultdict[str, list[Assignment]](list)
    for assignment in db.scalars(_due_assignments(now).where(Assignment.hit_id.in_([hit.id for hit in hits]))):
        due[assignment.hit_id].append(assignment)
    # Requester by Requester, since a review policy that extends a HIT locks the Requester to look at the balance; and
    # what a policy costs is paid before the next one looks.
    for requester_id, theirs in groupby(sorted(hits, key=_by_requester), key=_by_requester):
        changes: list[Change] = []
        for hit in theirs:
            if hit.hit_review_policy is not None:
                post(db, requester_id, changes, now)
                changes = []
            changes += _settle(db, hit, due[hit.id], now)
        post(db, requester_id, changes, now)
    return len(hits)


def _settle(db: Session, hit: HIT, due: Iterable[Assignment], now: datetime) -> list[Change]:
    changes: list[Change] = []
    for assignment in due:
        if assignment.status == AssignmentStatus.SUBMITTED:
            # It happened when it was due, whenever somebody looks.
            changes += decisions.approve(hit, assignment, assignment.auto_approval_at or now)
        else:
            assignment.status = AssignmentStatus.ABANDONED
            hit.pending -= 1
            changes.append(happened(EventType.ASSIGNMENT_ABANDONED, hit, assignment.deadline, assignment))
    changes += rebook(db, hit, now)
    return changes + purging.purge_if_due(db, hit, now)


def _rebook(hit: HIT, now: datetime) -> list[Change]:
    expired = lifecycle.is_expired(hit.expires_at, hit.expired_at, now)
    was, counts = HITStatus(hit.status), Counts.of(hit)
    status = lifecycle.hit_status(was, counts, expired=expired)
    slots = lifecycle.slots_to_reserve(status, counts, expired=expired)
    changes: list[Change] = [*accounting.hold(hit.id, hit.reward_usd + hit.fee_usd, slots - hit.reserved_slots)]
    hit.reserved_slots = slots
    if expired and hit.expired_at is None and was in _UNFINISHED:
        changes.append(happened(EventType.HIT_EXPIRED, hit, hit.expires_at))
    hit.expired_at = hit.expires_at if expired else None
    if status in _UNFINISHED:
        hit.reviewable_at = None
    if status is was:
        return changes
    hit.status = status
    if status is HITStatus.REVIEWABLE and was is not HITStatus.REVIEWING:
        hit.reviewable_at = now
        changes.append(happened(EventType.HIT_REVIEWABLE, hit, now))
    return changes


def _by_requester(hit: HIT) -> str:
    return hit.requester_id


def _became(kind: EventType, changes: Iterable[Change]) -> bool:
    return any(isinstance(change, Event) and change.kind is kind for change in changes)


def _due_assignments(now: datetime) -> Select[Assignment]:
    """What time decides, without the answers, which may be long and change nothing about it."""
    due = or_(
        _PENDING & (Assignment.deadline < now),
        _SUBMITTED & (Assignment.auto_approval_at <= now),
    )
    return select(Assignment).where(due).options(defer(Assignment.answer))
