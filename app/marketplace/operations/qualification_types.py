"""Qualification Types: what Workers can be required to have."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace import granting
from app.marketplace.ids import new_id
from app.marketplace.operations import limits, qualification_tests
from app.marketplace.operations.shapes import qualification_type_shape, system_type_shape
from app.marketplace.store import (
    HIT,
    HITStatus,
    HITType,
    QualificationRequest,
    QualificationType,
    QualificationTypeStatus,
    RequestStatus,
    constant,
)
from app.marketplace.system_qualifications import SYSTEM
from app.marketplace.wire_errors import (
    ParameterValidationError,
    RequestError,
    does_not_exist,
    not_valid,
    out_of_range,
    wrong_qualification_type_state,
)

LONGEST_NAME = 200
LONGEST_DELAY_S = 2**31 - 1
_EXISTING = "Active,Inactive"


def create_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Define a Qualification; its name is unique among the Requester's."""
    _check(params)
    test = qualification_tests.checked(params)
    values = {
        "id": new_id(),
        "requester_id": requester_id,
        "name": params["Name"],
        "description": params["Description"],
        "keywords": params.get("Keywords") or None,
        "status": params["QualificationTypeStatus"],
        "retry_delay_s": params.get("RetryDelayInSeconds"),
        "test": None if test is None else test.questions,
        "test_duration_s": None if test is None else test.duration_s,
        "answer_key": None if test is None else test.answer_key,
        "auto_granted": params.get("AutoGranted", False),
        "auto_granted_value": params.get("AutoGrantedValue"),
        "created_at": now,
    }
    if values["test"] and values["auto_granted"]:
        raise _automatic_with_test()
    if not _inserted(db, values) and not (_freed(db, requester_id, params["Name"], now) and _inserted(db, values)):
        raise RequestError(
            "QualificationTypeAlreadyExists",
            "You have already created a QualificationType with this name."
            " A QualificationType's name must be unique among all of the QualificationTypes created by the same user.",
        )
    return {"QualificationType": qualification_type_shape(db.get_one(QualificationType, values["id"]))}


def update_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Change what is given. A test can be replaced, whole, never removed; retries can be enabled, never disabled."""
    _check(params)
    test = qualification_tests.checked(params)
    kind = owned(db, requester_id, params["QualificationTypeId"], lock=True)
    if test is not None:
        kind.test, kind.test_duration_s, kind.answer_key = test.questions, test.duration_s, test.answer_key
    elif kind.test:
        kind.test_duration_s = params.get("TestDurationInSeconds", kind.test_duration_s)
    kind.description = params.get("Description", kind.description)
    kind.status = params.get("QualificationTypeStatus", kind.status)
    kind.retry_delay_s = params.get("RetryDelayInSeconds", kind.retry_delay_s)
    kind.auto_granted = params.get("AutoGranted", kind.auto_granted)
    kind.auto_granted_value = params.get("AutoGrantedValue", kind.auto_granted_value)
    if kind.test and kind.auto_granted:
        raise _automatic_with_test()
    db.flush()
    return {"QualificationType": qualification_type_shape(kind)}


def get_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """One Qualification Type, the Requester's own or the system's."""
    id = params["QualificationTypeId"]
    if id in SYSTEM:
        return {"QualificationType": system_type_shape(id)}
    return {"QualificationType": qualification_type_shape(owned(db, requester_id, id))}


def delete_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Reject its pending requests; it is gone, and its name free, as soon as no HIT uses it. What was granted stays."""
    kind = owned(db, requester_id, params["QualificationTypeId"], lock=True)
    kind.status = QualificationTypeStatus.DISPOSING
    kind.deleted_at = None if _is_used(db, kind) else now
    db.flush()
    open_request = QualificationRequest.status.in_([RequestStatus.TESTING.value, RequestStatus.PENDING.value])
    rejected = (
        update(QualificationRequest)
        .where(QualificationRequest.qualification_type_id == kind.id, open_request)
        .values(status=RequestStatus.REJECTED, decided_at=now)
        .returning(QualificationRequest.worker_id)
    )
    for worker_id in db.scalars(rejected, execution_options={"synchronize_session": False}).all():
        granting.tell_refused(db, kind, worker_id, None, now)
    return {}


def owned(
    db: Session, requester_id: str, type_id: str, *, lock: bool = False, disposing: bool = False
) -> QualificationType:
    """The Requester's Qualification Type, as it stands now; disposing: one that is being deleted will do.

    Raises RequestError QualificationTypeDoesNotExist, InvalidQualificationTypeState, or, for one of the system's,
    PermissionDeniedException.
    """
    if type_id in SYSTEM:
        raise RequestError("PermissionDeniedException", f"The QualificationType {type_id} is managed by the system.")
    statement = select(QualificationType).where(
        QualificationType.id == type_id,
        QualificationType.requester_id == requester_id,
        QualificationType.deleted_at.is_(None),
    )
    statement = statement.with_for_update(key_share=True) if lock else statement
    kind = db.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if kind is None:
        raise does_not_exist("QualificationType", type_id)
    if kind.status == QualificationTypeStatus.DISPOSING and not disposing:
        # It goes with its last HIT, whoever looks first.
        raise (
            wrong_qualification_type_state(_EXISTING)
            if _is_used(db, kind)
            else does_not_exist("QualificationType", type_id)
        )
    return kind


def check_usable(db: Session, requester_id: str, requirements: Iterable[Mapping[str, Any]]) -> None:
    """Refuse HITs that require what is neither the system's nor an Active type of the Requester's own."""
    ids = {one["QualificationTypeId"] for one in requirements} - SYSTEM.keys()
    if not ids:
        return
    found = select(QualificationType.id, QualificationType.status).where(
        QualificationType.id.in_(ids),
        QualificationType.requester_id == requester_id,
        QualificationType.deleted_at.is_(None),
    )
    statuses = {row.id: row.status for row in db.execute(found)}
    for id in sorted(ids):
        if id not in statuses:
            raise does_not_exist("QualificationType", id)
        if statuses[id] != QualificationTypeStatus.ACTIVE:
            raise wrong_qualification_type_state(QualificationTypeStatus.ACTIVE)


def _check(params: Mapping[str, Any]) -> None:
    limits.check(params)
    name = params.get("Name")
    if name is not None and not 1 <= len(name) <= LONGEST_NAME:
        raise out_of_range("the length of Name", len(name), 1, LONGEST_NAME)
    for parameter in ("Name", "Description"):
        if parameter in params and not params[parameter].strip():
            raise not_valid(parameter, params[parameter])
    delay_s = params.get("RetryDelayInSeconds", 0)
    if not 0 <= delay_s <= LONGEST_DELAY_S:
        raise out_of_range("RetryDelayInSeconds", delay_s, 0, LONGEST_DELAY_S)


def _automatic_with_test() -> ParameterValidationError:
    return ParameterValidationError("AutoGranted cannot be true for a QualificationType with a Test.")


def _inserted(db: Session, values: Mapping[str, Any]) -> bool:
    fresh = insert(QualificationType).values(**values)
    fresh = fresh.on_conflict_do_nothing(
        index_elements=["requester_id", "name"], index_where=QualificationType.deleted_at.is_(None)
    )
    return db.scalar(fresh.returning(QualificationType.id)) is not None


def _freed(db: Session, requester_id: str, name: str, now: datetime) -> bool:
    """Finish the deletion of the type that has this name, when no HIT uses it any more; whether that freed the name."""
    statement = select(QualificationType).where(
        QualificationType.requester_id == requester_id,
        QualificationType.name == name,
        QualificationType.deleted_at.is_(None),
    )
    kind = db.scalars(statement.with_for_update(key_share=True)).one_or_none()
    if kind is None:
        return True
    if kind.status != QualificationTypeStatus.DISPOSING or _is_used(db, kind):
        return False
    kind.deleted_at = now
    db.flush()
    return True


def _is_used(db: Session, kind: QualificationType) -> bool:
    """Whether a HIT that is not deleted requires it."""
    hits = select(HIT.id).join(HITType, HITType.id == HIT.hit_type_id).where(using(kind.requester_id, kind.id))
    return db.scalar(hits.limit(1)) is not None


def using(requester_id: str, type_id: str) -> ColumnElement[bool]:
    """The condition that a HIT of a HIT Type is the Requester's, requires this type and is not deleted."""
    return and_(
        HIT.requester_id == requester_id,
        HIT.status != constant(HITStatus.DISPOSED),
        HITType.qualification_requirements.contains([{"QualificationTypeId": type_id}]),
    )
