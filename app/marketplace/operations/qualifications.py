"""Who has a Qualification: give it, take it away, look it up."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import granting, paging
from app.marketplace.operations import qualification_types
from app.marketplace.operations.shapes import qualification_shape
from app.marketplace.store import Qualification, QualificationStatus, Worker
from app.marketplace.system_qualifications import SYSTEM
from app.marketplace.wire_errors import RequestError, not_valid, out_of_range

DEFAULT_VALUE = 1
LONGEST_REASON = 1024


def associate_qualification_with_worker(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Give the Worker the Qualification, or another score in it; a request of theirs stays as it is."""
    kind = qualification_types.owned(db, requester_id, params["QualificationTypeId"])
    _check_worker(db, params["WorkerId"])
    value = params.get("IntegerValue", DEFAULT_VALUE)
    granting.grant(db, kind.id, params["WorkerId"], value, now)
    if params.get("SendNotification", True):
        granting.tell_granted(db, kind, params["WorkerId"], value, now)
    return {}


def disassociate_qualification_from_worker(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Take the Qualification away. The Worker hears of it when there is a reason to read."""
    check_reason(params)
    kind = qualification_types.owned(db, requester_id, params["QualificationTypeId"])
    _check_worker(db, params["WorkerId"])
    qualification = _granted(db, kind.id, params["WorkerId"], lock=True)
    qualification.status = QualificationStatus.REVOKED
    qualification.reason = params.get("Reason") or None
    if qualification.reason is not None:
        granting.tell_revoked(db, kind, params["WorkerId"], qualification.reason, now)
    return {}


def get_qualification_score(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The Worker's score in one of the Requester's own Qualification Types."""
    if params["QualificationTypeId"] in SYSTEM:
        # What MTurk answers: the system's values are nobody's to read.
        raise _missing()
    kind = qualification_types.owned(db, requester_id, params["QualificationTypeId"])
    _check_worker(db, params["WorkerId"])
    return {"Qualification": qualification_shape(_granted(db, kind.id, params["WorkerId"]))}


def list_workers_with_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Who has it, or, with Status Revoked, who had it; in the order of their ids."""
    kind = qualification_types.owned(db, requester_id, params["QualificationTypeId"])
    page = paging.requested(params, str)
    statement = select(Qualification).where(
        Qualification.qualification_type_id == kind.id,
        Qualification.status == params.get("Status", QualificationStatus.GRANTED.value),
    )
    if page.after is not None:
        statement = statement.where(Qualification.worker_id > page.after[0])
    rows = db.scalars(statement.order_by(Qualification.worker_id).limit(page.size)).all()
    return paging.answer(
        "Qualifications", [qualification_shape(row) for row in rows], [rows[-1].worker_id] if rows else []
    )


def check_reason(params: Mapping[str, Any]) -> None:
    """Raise ParameterValidationError for a Reason that is too long."""
    length = len(params.get("Reason", ""))
    if length > LONGEST_REASON:
        raise out_of_range("the length of Reason", length, 0, LONGEST_REASON)


def _check_worker(db: Session, worker_id: str) -> None:
    if db.get(Worker, worker_id) is None:
        raise not_valid("WorkerId", worker_id)


def _granted(db: Session, type_id: str, worker_id: str, *, lock: bool = False) -> Qualification:
    found = granting.held(db, type_id, worker_id, lock=lock)
    if found is None:
        raise _missing()
    if found.status != QualificationStatus.GRANTED:
        raise RequestError(
            "InvalidQualificationState", "This operation can be called with a status of: " + QualificationStatus.GRANTED
        )
    return found


def _missing() -> RequestError:
    return RequestError("QualificationDoesNotExist", "You requested a Qualification that does not exist.")
