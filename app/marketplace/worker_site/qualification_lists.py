"""What a Worker sees of Qualifications: theirs, their requests, what the system says of them, what they can ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.marketplace import qualifying, system_qualifications
from app.marketplace.fees import MASTERS_QUALIFICATION_IDS
from app.marketplace.store import (
    Qualification,
    QualificationRequest,
    QualificationStatus,
    QualificationType,
    QualificationTypeStatus,
    Requester,
    RequestStatus,
    constant,
)
from app.marketplace.system_qualifications import SYSTEM

A_PAGE = 30
MOST_HELD_SHOWN = 500
MOST_REQUESTS_SHOWN = 50
# What the marketplace tells Workers of themselves; the percentages that MTurk no longer documents are not among it.
_TOLD = (
    system_qualifications.PERCENT_APPROVED,
    system_qualifications.NUMBER_APPROVED,
    system_qualifications.LOCALE,
    system_qualifications.ADULT,
    system_qualifications.MASTERS,
)
_YES_OR_NO = {system_qualifications.ADULT, *MASTERS_QUALIFICATION_IDS}


@dataclass(frozen=True, slots=True)
class Held:
    """A Qualification that the Worker has, or had."""

    qualification: Qualification
    kind: QualificationType
    requester_name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits, is in its test, or was rejected."""

    request: QualificationRequest
    kind: QualificationType


@dataclass(frozen=True, slots=True)
class Offered:
    """A Qualification that the Worker may be able to ask for."""

    kind: QualificationType
    requester_name: str


def held(db: Session, worker_id: str) -> Sequence[Held]:
    """The Worker's Qualifications, the newest first; revoked ones with the reason."""
    statement = (
        select(Qualification, QualificationType, Requester.name)
        .join(QualificationType, QualificationType.id == Qualification.qualification_type_id)
        .join(Requester, Requester.id == QualificationType.requester_id)
        .where(Qualification.worker_id == worker_id)
        .order_by(Qualification.granted_at.desc(), Qualification.qualification_type_id)
        .limit(MOST_HELD_SHOWN)
    )
    return [Held(*row) for row in db.execute(statement)]


def asked(db: Session, worker_id: str, now: datetime) -> Sequence[Asked]:
    """The Worker's latest request for each type, unless it was granted, the newest first."""
    newer = aliased(QualificationRequest)
    overtaken = exists().where(
        newer.worker_id == worker_id,
        newer.qualification_type_id == QualificationRequest.qualification_type_id,
        newer.seq > QualificationRequest.seq,
    )
    sitting = and_(QualificationRequest.status == constant(RequestStatus.TESTING), QualificationRequest.deadline >= now)
    ended = QualificationRequest.status.in_([RequestStatus.PENDING.value, RequestStatus.REJECTED.value])
    statement = (
        select(QualificationRequest, QualificationType)
        .join(QualificationType, QualificationType.id == QualificationRequest.qualification_type_id)
        .where(QualificationRequest.worker_id == worker_id, or_(sitting, ended), ~overtaken)
        .order_by(QualificationRequest.started_at.desc(), QualificationRequest.seq.desc())
        .limit(MOST_REQUESTS_SHOWN)
    )
    return [Asked(*row) for row in db.execute(statement)]


def offered(db: Session, worker_id: str, *, query: str = "", page: int = 1) -> Sequence[Offered]:
    """Active types that the Worker does not have and may ask for, now or later, the newest first.

    One more than a page if there are.
    """
    has = exists().where(
        Qualification.qualification_type_id == QualificationType.id,
        Qualification.worker_id == worker_id,
        Qualification.status == QualificationStatus.GRANTED.value,
    )
    spent = exists().where(
        QualificationRequest.qualification_type_id == QualificationType.id,
        QualificationRequest.worker_id == worker_id,
        or_(
            QualificationRequest.status.in_([RequestStatus.TESTING.value, RequestStatus.PENDING.value]),
            QualificationType.retry_delay_s.is_(None),
        ),
    )
    statement = (
        select(QualificationType, Requester.name)
        .join(Requester, Requester.id == QualificationType.requester_id)
        .where(QualificationType.status == QualificationTypeStatus.ACTIVE.value)
        .where(QualificationType.deleted_at.is_(None), ~has, ~spent)
        .order_by(QualificationType.seq.desc())
        .limit(A_PAGE + 1)
        .offset((page - 1) * A_PAGE)
    )
    if query:
        searched = (QualificationType.name, QualificationType.keywords, QualificationType.description, Requester.name)
        statement = statement.where(or_(*(column.icontains(query, autoescape=True) for column in searched)))
    return [Offered(*row) for row in db.execute(statement)]


def told(db: Session, worker_id: str) -> Sequence[tuple[str, str]]:
    """What the system's own Qualifications say of the Worker, name and value."""
    values = system_qualifications.values_of(db, worker_id, _TOLD)
    return [(SYSTEM[id].to_workers, _in_words(id, values.get(id))) for id in _TOLD]


def _in_words(type_id: str, value: system_qualifications.Value | None) -> str:
    if type_id in _YES_OR_NO:
        return "yes" if value else "no"
    if value is None:
        return "not said"
    percent = " %" if type_id == system_qualifications.PERCENT_APPROVED else ""
    return qualifying.shown(value) + percent
