"""Rows as the wire shows them. Members without a value are left out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.marketplace import system_qualifications
from app.marketplace.store import (
    HIT,
    Assignment,
    HITType,
    Qualification,
    QualificationRequest,
    QualificationType,
    QualificationTypeStatus,
)


def usd(amount: Decimal) -> str:
    """An amount as MTurk writes it, such as "0.05"."""
    return f"{amount:.2f}"


def hit_shape(hit: HIT, hit_type: HITType) -> Mapping[str, Any]:
    """The HIT structure. Completed counts approved and rejected work, not work that waits for review."""
    return {
        "HITId": hit.id,
        "HITTypeId": hit_type.id,
        "HITGroupId": hit_type.group_id,
        "HITLayoutId": hit.hit_layout_id,
        "CreationTime": hit.created_at,
        "Title": hit_type.title,
        "Description": hit_type.description,
        "Question": hit.question,
        "Keywords": hit_type.keywords,
        "HITStatus": hit.status,
        "MaxAssignments": hit.max_assignments,
        "Reward": usd(hit.reward_usd),
        "AutoApprovalDelayInSeconds": hit_type.auto_approval_delay_s,
        "Expiration": hit.expires_at,
        "AssignmentDurationInSeconds": hit_type.assignment_duration_s,
        "RequesterAnnotation": hit.requester_annotation,
        "QualificationRequirements": hit_type.qualification_requirements,
        "HITReviewStatus": "NotReviewed",
        "NumberOfAssignmentsPending": hit.pending,
        "NumberOfAssignmentsAvailable": hit.available,
        "NumberOfAssignmentsCompleted": hit.approved + hit.rejected,
    }


def assignment_shape(assignment: Assignment) -> Mapping[str, Any]:
    """The Assignment structure."""
    return {
        "AssignmentId": assignment.id,
        "WorkerId": assignment.worker_id,
        "HITId": assignment.hit_id,
        "AssignmentStatus": assignment.status,
        "AutoApprovalTime": assignment.auto_approval_at,
        "AcceptTime": assignment.accepted_at,
        "SubmitTime": assignment.submitted_at,
        "ApprovalTime": assignment.approved_at,
        "RejectionTime": assignment.rejected_at,
        "Deadline": assignment.deadline,
        "Answer": assignment.answer,
        "RequesterFeedback": assignment.requester_feedback,
    }


def qualification_type_shape(kind: QualificationType) -> Mapping[str, Any]:
    """The QualificationType structure of one that a Requester has defined."""
    return {
        "QualificationTypeId": kind.id,
        "CreationTime": kind.created_at,
        "Name": kind.name,
        "Description": kind.description,
        "Keywords": kind.keywords,
        "QualificationTypeStatus": kind.status,
        "Test": kind.test,
        "TestDurationInSeconds": kind.test_duration_s,
        "AnswerKey": kind.answer_key,
        "RetryDelayInSeconds": kind.retry_delay_s,
        "IsRequestable": kind.status == QualificationTypeStatus.ACTIVE,
        "AutoGranted": kind.auto_granted,
        "AutoGrantedValue": _auto_granted_value(kind),
    }


def system_type_shape(type_id: str) -> Mapping[str, Any]:
    """The QualificationType structure of one of the system's own."""
    kind = system_qualifications.SYSTEM[type_id]
    return {
        "QualificationTypeId": type_id,
        "CreationTime": system_qualifications.BORN,
        "Name": kind.name,
        "Description": kind.description,
        "QualificationTypeStatus": QualificationTypeStatus.ACTIVE,
        "IsRequestable": False,
        "AutoGranted": False,
    }


def qualification_shape(qualification: Qualification) -> Mapping[str, Any]:
    """The Qualification structure."""
    return {
        "QualificationTypeId": qualification.qualification_type_id,
        "WorkerId": qualification.worker_id,
        "GrantTime": qualification.granted_at,
        "IntegerValue": qualification.integer_value,
        "Status": qualification.status,
    }


def qualification_request_shape(request: QualificationRequest) -> Mapping[str, Any]:
    """The QualificationRequest structure."""
    return {
        "QualificationRequestId": request.id,
        "QualificationTypeId": request.qualification_type_id,
        "WorkerId": request.worker_id,
        "Test": request.test,
        "Answer": request.answer,
        "SubmitTime": request.submitted_at,
    }


def _auto_granted_value(kind: QualificationType) -> int | None:
    if not kind.auto_granted:
        return None
    return 1 if kind.auto_granted_value is None else kind.auto_granted_value
