"""Workers ask for Qualifications that nothing decides by itself: list their requests, accept, reject."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import granting, paging
from app.marketplace.operations import qualification_types
from app.marketplace.operations.qualifications import DEFAULT_VALUE, check_reason
from app.marketplace.operations.shapes import qualification_request_shape
from app.marketplace.store import QualificationRequest, QualificationType, RequestStatus, constant
from app.marketplace.wire_errors import RequestError, does_not_exist

_PENDING = QualificationRequest.status == constant(RequestStatus.PENDING)
# Whose tests are still being sat does not exist for the Requester.
_NOT_YET = {RequestStatus.TESTING, RequestStatus.EXPIRED}


def list_qualification_requests(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Requests that wait for a decision, oldest first: of one type, or of all the Requester's."""
    page = paging.requested(params, int)
    statement = select(QualificationRequest).where(_PENDING)
    if "QualificationTypeId" in params:
        kind = qualification_types.owned(db, requester_id, params["QualificationTypeId"])
        statement = statement.where(QualificationRequest.qualification_type_id == kind.id)
    else:
        own = select(QualificationType.id).where(QualificationType.requester_id == requester_id)
        statement = statement.where(QualificationRequest.qualification_type_id.in_(own))
    if page.after is not None:
        statement = statement.where(QualificationRequest.seq > page.after[0])
    rows = db.scalars(statement.order_by(QualificationRequest.seq).limit(page.size)).all()
    shown = [qualification_request_shape(row) for row in rows]
    return paging.answer("QualificationRequests", shown, [rows[-1].seq] if rows else [])


def accept_qualification_request(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Grant what is asked for; a score that the Worker had before is replaced."""
    request, kind = _pending(db, requester_id, params["QualificationRequestId"])
    request.status = RequestStatus.GRANTED
    request.decided_at = now
    value = params.get("IntegerValue", DEFAULT_VALUE)
    granting.grant(db, kind.id, request.worker_id, value, now)
    granting.tell_granted(db, kind, request.worker_id, value, now)
    return {}


def reject_qualification_request(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Refuse what is asked for; the Worker reads the reason. A score that they had before stays."""
    check_reason(params)
    request, kind = _pending(db, requester_id, params["QualificationRequestId"])
    request.status = RequestStatus.REJECTED
    request.decided_at = now
    request.reason = params.get("Reason") or None
    granting.tell_refused(db, kind, request.worker_id, request.reason, now)
    return {}


def _pending(db: Session, requester_id: str, request_id: str) -> tuple[QualificationRequest, QualificationType]:
    """The request, locked, with its type. Raises RequestError when it is a stranger's, or decided."""
    statement = (
        select(QualificationRequest, QualificationType)
        .join(QualificationType, QualificationType.id == QualificationRequest.qualification_type_id)
        .where(QualificationRequest.id == request_id, QualificationType.requester_id == requester_id)
        .with_for_update(key_share=True, of=QualificationRequest)
    )
    row = db.execute(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None or row[0].status in _NOT_YET:
        raise does_not_exist("QualificationRequest", request_id)
    if row[0].status != RequestStatus.PENDING:
        raise RequestError(
            "InvalidQualificationRequestState", "This operation can be called with a status of: Submitted"
        )
    return row[0], row[1]
