"""Operations on existing HITs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.marketplace import accounting, bookkeeping, fees, lifecycle, paging, tokens
from app.marketplace.changes import Change, post
from app.marketplace.decisions import happened
from app.marketplace.lifecycle import Counts
from app.marketplace.operations import hit_types, limits
from app.marketplace.operations.shapes import hit_shape
from app.marketplace.store import HIT, EventType, HITStatus, HITType, constant
from app.marketplace.wire_errors import (
    RequestError,
    does_not_exist,
    out_of_range,
    wrong_hit_state,
)

_DELETABLE = "Reviewing, Reviewable"
_SHORTEST_EXTENSION = timedelta(seconds=60)
_LONGEST_EXTENSION = timedelta(seconds=limits.YEAR_S)


def get_hit(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """One HIT, a disposed one too until it is purged."""
    hit = owned(db, requester_id, params["HITId"])
    return {"HIT": hit_shape(hit, db.get_one(HITType, hit.hit_type_id))}


def list_hits(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The Requester's HITs that are not disposed, newest first."""
    return _listed(db, requester_id, params, [HIT.status != constant(HITStatus.DISPOSED)])


def list_reviewable_hits(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """HITs that are Reviewable (or, when asked for, Reviewing), newest first."""
    status = params.get("Status", HITStatus.REVIEWABLE.value)
    wanted: list[ColumnElement[bool]] = [HIT.status == status, HIT.status.like(constant("Review%"))]
    if "HITTypeId" in params:
        wanted.append(HIT.hit_type_id == params["HITTypeId"])
    seen_until = params.get(paging.SEEN_UNTIL)
    if seen_until is not None:
        wanted.append(HIT.reviewable_at <= seen_until)
    return _listed(db, requester_id, params, wanted)


def update_hit_review_status(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Reviewable to Reviewing, or back with Revert; nothing else."""
    hit, changes = locked(db, requester_id, params["HITId"], now)
    needed, then = HITStatus.REVIEWABLE, HITStatus.REVIEWING
    if params.get("Revert", False):
        needed, then = then, needed
    if hit.status != needed:
        raise wrong_hit_state(hit.status, needed)
    hit.status = then
    post(db, requester_id, changes, now)
    return {}


def update_expiration_for_hit(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Now or in the past: end the lifetime at once. In the future: extend it, never shorten it."""
    hit, changes = locked(db, requester_id, params["HITId"], now)
    _refuse_disposed(hit)
    expire_at: datetime = params["ExpireAt"]
    if expire_at <= now:
        hit.expires_at = min(hit.expires_at, now)
    else:
        _extend(db, hit, expire_at, now)
        changes.append(happened(EventType.HIT_EXTENDED, hit, now))
    changes += bookkeeping.rebook(db, hit, now)
    post(db, requester_id, changes, now)
    return {}


def create_additional_assignments_for_hit(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Ask for more Assignments; a HIT made with fewer than ten may not reach ten, since its fee would change."""
    limits.check(params)
    more = params["NumberOfAdditionalAssignments"]
    hit, changes = locked(db, requester_id, params["HITId"], now)
    # First of all: a repeated call must hear that it was done, not that it does not fit what it did.
    if "UniqueRequestToken" in params:
        _use_token(db, hit, "CreateAdditionalAssignmentsForHIT", params["UniqueRequestToken"], now)
    _refuse_disposed(hit)
    total = hit.max_assignments + more
    if hit.max_assignments < fees.MANY_ASSIGNMENTS <= total:
        raise RequestError(
            "InvalidMaximumAssignmentsIncrease",
            f"A HIT created with fewer than {fees.MANY_ASSIGNMENTS} assignments cannot be extended to {total}.",
        )
    if total > limits.MOST_ASSIGNMENTS:
        raise out_of_range("MaxAssignments", total, 1, limits.MOST_ASSIGNMENTS)
    hit.max_assignments = total
    changes.append(happened(EventType.HIT_EXTENDED, hit, now))
    changes += bookkeeping.rebook(db, hit, now)
    post(db, requester_id, changes, now)
    return {}


def update_hit_type_of_hit(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Give the HIT all the values of another HIT Type; what is on hold follows the new cost.

    The Reward changes only while nobody has accepted the HIT. Deadlines and approval dates that are set already stay.
    """
    hit_type = hit_types.usable(db, requester_id, params["HITTypeId"])
    hit, changes = locked(db, requester_id, params["HITId"], now)
    _refuse_disposed(hit)
    if hit_type.reward_usd != hit.reward_usd and not lifecycle.may_change_reward(Counts.of(hit)):
        raise RequestError(
            "InvalidHITState", "The reward of this HIT cannot be changed: it has assignments that were accepted."
        )
    changes += accounting.hold(hit.id, hit.reward_usd + hit.fee_usd, -hit.reserved_slots)
    hit.hit_type_id = hit_type.id
    hit.reward_usd, hit.fee_usd = hit_type.reward_usd, hit_types.fee_usd(hit_type, hit.max_assignments)
    changes += accounting.hold(hit.id, hit.reward_usd + hit.fee_usd, hit.reserved_slots)
    post(db, requester_id, changes, now)
    return {}


def delete_hit(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Dispose of a HIT that is Reviewable or Reviewing and whose work is all decided."""
    hit, changes = locked(db, requester_id, params["HITId"], now)
    if hit.status not in (HITStatus.REVIEWABLE, HITStatus.REVIEWING):
        raise wrong_hit_state(hit.status, _DELETABLE)
    if hit.submitted:
        raise RequestError(
            "InvalidHITState",
            f"This HIT has {hit.submitted} submitted assignments that are neither approved nor rejected.",
        )
    hit.status = HITStatus.DISPOSED
    changes.append(happened(EventType.HIT_DISPOSED, hit, now))
    changes += bookkeeping.rebook(db, hit, now)
    post(db, requester_id, changes, now)
    return {}


def is_theirs(hit: HIT, requester_id: str) -> bool:
    """Whether the HIT exists for this Requester: theirs, and not purged."""
    return hit.requester_id == requester_id and hit.purged_at is None


def owned(db: Session, requester_id: str, hit_id: str) -> HIT:
    """The Requester's HIT, to be read. Raises RequestError HITDoesNotExist."""
    hit = db.get(HIT, hit_id)
    if hit is None or not is_theirs(hit, requester_id):
        raise does_not_exist("HIT", hit_id)
    return hit


def locked(db: Session, requester_id: str, hit_id: str, now: datetime) -> tuple[HIT, list[Change]]:
    """The Requester's HIT, locked and settled, and the changes of the settling for the caller to post.

    Raises RequestError HITDoesNotExist.
    """
    hit = bookkeeping.lock(db, hit_id)
    if hit is None or not is_theirs(hit, requester_id):
        raise does_not_exist("HIT", hit_id)
    return hit, bookkeeping.settle_hit(db, hit, now)


def _listed(
    db: Session, requester_id: str, params: Mapping[str, Any], wanted: Sequence[ColumnElement[bool]]
) -> Mapping[str, Any]:
    page = paging.requested(params, int)
    statement = select(HIT, HITType).join(HITType, HITType.id == HIT.hit_type_id)
    statement = statement.where(HIT.requester_id == requester_id, *wanted).order_by(HIT.seq.desc()).limit(page.size)
    if page.after is not None:
        statement = statement.where(HIT.seq < page.after[0])
    if page.seen_until is not None:
        statement = statement.where(HIT.created_at <= page.seen_until)
    rows = db.execute(statement).all()
    return paging.answer("HITs", [hit_shape(*row) for row in rows], [rows[-1][0].seq] if rows else [])


def _extend(db: Session, hit: HIT, expire_at: datetime, now: datetime) -> None:
    increment = expire_at - hit.expires_at
    # MTurk's hidden idempotency key: the same extension is refused the second time.
    token = f"{hit.id}-{int(expire_at.timestamp())}"
    _use_token(db, hit, "UpdateExpirationForHIT", token, now)
    if not _SHORTEST_EXTENSION <= increment <= _LONGEST_EXTENSION:
        raise out_of_range(
            "ExpirationIncrementInSeconds",
            int(increment.total_seconds()),
            int(_SHORTEST_EXTENSION.total_seconds()),
            limits.YEAR_S,
        )
    hit.expires_at = expire_at


def _use_token(db: Session, hit: HIT, operation: str, token: str, now: datetime) -> None:
    """Raise RequestError when the token was used within 24 hours; the HIT's lock makes the check and the use one."""
    earlier = tokens.claim(
        db, requester_id=hit.requester_id, operation=operation, token=token, result_id=hit.id, now=now
    )
    if earlier is not None:
        raise RequestError("AlreadyProcessed", f'The idempotency token "{token}" has already been processed.')


def _refuse_disposed(hit: HIT) -> None:
    if hit.status == HITStatus.DISPOSED:
        raise wrong_hit_state(hit.status, "Assignable, Unassignable, Reviewable, Reviewing")
