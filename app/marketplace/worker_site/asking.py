"""A Worker asks for a Qualification: at once, by a test, or by waiting for the Requester's decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import granting, question_forms
from app.marketplace.ids import new_id
from app.marketplace.question_forms import Filled, answer_key
from app.marketplace.sites.refusals import Refused, not_found
from app.marketplace.store import (
    Qualification,
    QualificationRequest,
    QualificationStatus,
    QualificationType,
    QualificationTypeStatus,
    Requester,
    RequestStatus,
    Worker,
)

_TIME_IS_OVER = "The time for this test is over, so your answers were not taken."


class Standing(StrEnum):
    """How a Worker stands to a Qualification Type: may they ask for it, and if not, why not."""

    OPEN = "open"
    TESTING = "testing"
    WAITING = "waiting"
    HELD = "held"
    ONCE_ONLY = "once_only"
    TOO_SOON = "too_soon"
    CLOSED = "closed"


_WHY_NOT = {
    Standing.WAITING: "You have asked for this Qualification already. The Requester has not decided yet.",
    Standing.HELD: "You have this Qualification already.",
    Standing.ONCE_ONLY: "This Qualification can be asked for only once, and you have done so.",
    Standing.TOO_SOON: "You have asked for this Qualification a short time ago. Try again later.",
    Standing.CLOSED: "This Qualification cannot be asked for.",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A Qualification Type before a Worker: what they have of it, their latest request, and when they may ask again."""

    kind: QualificationType
    requester_name: str
    held: Qualification | None
    last: QualificationRequest | None
    standing: Standing
    again_at: datetime | None


def standing(
    kind: QualificationType, held: Qualification | None, last: QualificationRequest | None, now: datetime
) -> Standing:
    """May the Worker ask now? Pure.

    A test that is begun can be handed in whatever becomes of the type. The delay runs from the latest request, however
    it ended; without a delay there is one request, ever.
    """
    if last is not None and is_being_sat(last, now):
        return Standing.TESTING
    if last is not None and last.status == RequestStatus.PENDING:
        return Standing.WAITING
    if kind.status != QualificationTypeStatus.ACTIVE or kind.deleted_at is not None:
        return Standing.CLOSED
    if kind.test is None and held is not None and held.status == QualificationStatus.GRANTED:
        return Standing.HELD
    return Standing.OPEN if last is None else _after(kind, last, now)


def _after(kind: QualificationType, last: QualificationRequest, now: datetime) -> Standing:
    again_at = may_ask_again_at(kind, last)
    if again_at is None:
        return Standing.ONCE_ONLY
    return Standing.OPEN if again_at <= now else Standing.TOO_SOON


def is_being_sat(request: QualificationRequest, now: datetime) -> bool:
    """Whether the test can still be handed in."""
    return request.status == RequestStatus.TESTING and request.deadline is not None and now <= request.deadline


def may_ask_again_at(kind: QualificationType, last: QualificationRequest) -> datetime | None:
    """When the delay after this request is over; None: never."""
    return None if kind.retry_delay_s is None else last.started_at + timedelta(seconds=kind.retry_delay_s)


def case(db: Session, worker_id: str, type_id: str, now: datetime) -> Case:
    """How the Worker stands to this type. Raises Refused for one that does not exist."""
    statement = select(QualificationType, Requester.name).join(
        Requester, Requester.id == QualificationType.requester_id
    )
    row = db.execute(statement.where(QualificationType.id == type_id)).one_or_none()
    if row is None:
        raise not_found("Qualification")
    kind, requester_name = row
    held, last = granting.held(db, type_id, worker_id), _latest(db, worker_id, type_id)
    if held is None and last is None and kind.status != QualificationTypeStatus.ACTIVE:
        raise not_found("Qualification")
    again_at = None if last is None else may_ask_again_at(kind, last)
    return Case(kind, requester_name, held, last, standing(kind, held, last, now), again_at)


def ask(db: Session, worker_id: str, type_id: str, now: datetime) -> Standing:
    """Ask for the Qualification: TESTING when a test comes first, else WAITING or HELD. Raises Refused.

    Whoever is in the middle of the test goes on with it.
    """
    # Shared with other Workers who ask, but not with a Requester who changes or deletes the type.
    type_now = select(QualificationType).where(QualificationType.id == type_id).with_for_update(read=True)
    kind = db.scalars(type_now.execution_options(populate_existing=True)).one_or_none()
    if kind is None:
        raise not_found("Qualification")
    # Of two requests of one Worker at once the second sees the first.
    db.execute(select(Worker.id).where(Worker.id == worker_id).with_for_update(key_share=True))
    last = _latest(db, worker_id, type_id)
    stands = standing(kind, granting.held(db, type_id, worker_id), last, now)
    if stands is Standing.TESTING:
        return stands
    if stands is not Standing.OPEN:
        raise Refused(409, _WHY_NOT[stands])
    if last is not None and last.status == RequestStatus.TESTING:
        last.status = RequestStatus.EXPIRED
        db.flush()
    return _asked(db, worker_id, kind, now)


def test_of(db: Session, worker_id: str, type_id: str, now: datetime) -> QualificationRequest:
    """The request whose test the Worker is sitting. Raises Refused."""
    last = _latest(db, worker_id, type_id)
    if last is None or last.test is None:
        raise not_found("test")
    if last.status == RequestStatus.TESTING and not is_being_sat(last, now):
        raise Refused(409, _TIME_IS_OVER)
    if last.status != RequestStatus.TESTING:
        raise Refused(409, "This test is over: you have handed it in, or it was withdrawn.")
    return last


def hand_in(
    db: Session, worker_id: str, type_id: str, fields: Sequence[tuple[str, str]], now: datetime
) -> tuple[QualificationRequest, Filled]:
    """Hand in the test: scored and granted at once with an AnswerKey, else it waits for the Requester.

    When the answers break the form's rules, nothing is stored and they come back with their problems. Raises Refused.
    """
    current = test_of(db, worker_id, type_id, now)
    again = select(QualificationRequest).where(QualificationRequest.id == current.id).with_for_update(key_share=True)
    request = db.scalars(again.execution_options(populate_existing=True)).one()
    if request.status != RequestStatus.TESTING:
        raise Refused(409, "You have handed in this test already. Your first answers count.")
    filled = question_forms.read(question_forms.parse(request.test or "", parameter="Test"), fields)
    if filled.problems:
        return request, filled
    request.answer = question_forms.answer_xml(filled)
    request.submitted_at = now
    request.status = RequestStatus.PENDING
    if request.answer_key is not None:
        request.status = RequestStatus.GRANTED
        request.decided_at = now
        value = answer_key.score(answer_key.parse(request.answer_key), request.answer)
        granting.grant(db, type_id, worker_id, value, now)
    return request, filled


def _asked(db: Session, worker_id: str, kind: QualificationType, now: datetime) -> Standing:
    request = QualificationRequest(
        id=new_id(), qualification_type_id=kind.id, worker_id=worker_id, started_at=now, status=RequestStatus.PENDING
    )
    db.add(request)
    if kind.test is not None:
        request.status = RequestStatus.TESTING
        request.test, request.answer_key = kind.test, kind.answer_key
        request.deadline = now + timedelta(seconds=kind.test_duration_s or 0)
        return Standing.TESTING
    request.submitted_at = now
    if not kind.auto_granted:
        return Standing.WAITING
    request.status = RequestStatus.GRANTED
    request.decided_at = now
    value = 1 if kind.auto_granted_value is None else kind.auto_granted_value
    granting.grant(db, kind.id, worker_id, value, now)
    return Standing.HELD


def _latest(db: Session, worker_id: str, type_id: str) -> QualificationRequest | None:
    statement = (
        select(QualificationRequest)
        .where(QualificationRequest.worker_id == worker_id, QualificationRequest.qualification_type_id == type_id)
        .order_by(QualificationRequest.started_at.desc(), QualificationRequest.seq.desc())
        .limit(1)
    )
    return db.scalars(statement.execution_options(populate_existing=True)).one_or_none()
