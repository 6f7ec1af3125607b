"""CreateHIT and CreateHITWithHITType: a HIT, its money put on hold, once per token."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.marketplace import accounting, layouts, questions, review_policies, tokens
from app.marketplace.changes import post
from app.marketplace.decisions import happened
from app.marketplace.ids import new_id
from app.marketplace.operations import hit_types, limits
from app.marketplace.operations.shapes import hit_shape
from app.marketplace.store import HIT, EventType, HITStatus, HITType
from app.marketplace.wire_errors import ParameterValidationError, RequestError


def create_hit(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Make a HIT of the HIT Type that these values describe."""
    _refuse_replay(db, requester_id, "CreateHIT", params, now)
    _check(params)
    params = _with_question(db, requester_id, params)
    hit_type = hit_types.find_or_create(db, requester_id, params, now)
    return _create(db, "CreateHIT", hit_type, params, now)


def create_hit_with_hit_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Make a HIT of an existing HIT Type."""
    _refuse_replay(db, requester_id, "CreateHITWithHITType", params, now)
    _check(params)
    params = _with_question(db, requester_id, params)
    hit_type = hit_types.usable(db, requester_id, params["HITTypeId"])
    return _create(db, "CreateHITWithHITType", hit_type, params, now)


def _refuse_replay(db: Session, requester_id: str, operation: str, params: Mapping[str, Any], now: datetime) -> None:
    """Raise HitAlreadyExists for a token that made a HIT, before anything else can be wrong with the call.

    Who repeats a call whose reply was lost must hear of the HIT, even if its Qualification Type is gone by now.
    """
    token = params.get("UniqueRequestToken")
    if token is None:
        return
    earlier = tokens.result_of(db, requester_id=requester_id, operation=operation, token=token, now=now)
    if earlier is not None:
        raise _already_exists(earlier, token)


def _already_exists(hit_id: str, token: str) -> RequestError:
    return RequestError("HitAlreadyExists", f'The HIT {hit_id} was already created with the request token "{token}".')


def _check(params: Mapping[str, Any]) -> None:
    limits.check(params)
    review_policies.check(params)


def _with_question(db: Session, requester_id: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The input with its Question, filled in from the HITLayout where it names one. Raises ParameterValidationError."""
    question, layout_id = params.get("Question"), params.get("HITLayoutId")
    if (question is None) == (layout_id is None):
        raise ParameterValidationError("Either Question or HITLayoutId is required, and not both.")
    parameters = params.get("HITLayoutParameters", [])
    if question is None:
        question = layouts.fill(db, requester_id, params["HITLayoutId"], parameters)
    elif parameters:
        raise ParameterValidationError("HITLayoutParameters need a HITLayoutId.")
    questions.check(question)
    return {**params, "Question": question}


def _create(
    db: Session, operation: str, hit_type: HITType, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    hit = _new_hit(hit_type, params, now)
    token = params.get("UniqueRequestToken")
    if token is not None:
        earlier = tokens.claim(
            db, requester_id=hit.requester_id, operation=operation, token=token, result_id=hit.id, now=now
        )
        if earlier is not None:
            raise _already_exists(earlier, token)
    db.add(hit)
    reserved = accounting.hold(hit.id, hit.reward_usd + hit.fee_usd, hit.reserved_slots)
    post(db, hit.requester_id, [*reserved, happened(EventType.HIT_CREATED, hit, now)], now)
    return {"HIT": hit_shape(hit, hit_type)}


def _new_hit(hit_type: HITType, params: Mapping[str, Any], now: datetime) -> HIT:
    max_assignments = params.get("MaxAssignments", 1)
    return HIT(
        id=new_id(),
        requester_id=hit_type.requester_id,
        hit_type_id=hit_type.id,
        question=params["Question"],
        hit_layout_id=params.get("HITLayoutId"),
        requester_annotation=params.get("RequesterAnnotation") or None,
        assignment_review_policy=params.get(review_policies.ON_ASSIGNMENT),
        hit_review_policy=params.get(review_policies.ON_HIT),
        max_assignments=max_assignments,
        reward_usd=hit_type.reward_usd,
        fee_usd=hit_types.fee_usd(hit_type, max_assignments),
        status=HITStatus.ASSIGNABLE,
        pending=0,
        submitted=0,
        approved=0,
        rejected=0,
        reserved_slots=max_assignments,
        created_at=now,
        expires_at=now + timedelta(seconds=params["LifetimeInSeconds"]),
    )
