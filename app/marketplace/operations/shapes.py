"""Rows as the wire shows them. Members without a value are left out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.marketplace.store import HIT, Assignment, HITType


def usd(amount: Decimal) -> str:
    """An amount as MTurk writes it, such as "0.05"."""
    return f"{amount:.2f}"


def hit_shape(hit: HIT, hit_type: HITType) -> Mapping[str, Any]:
    """The HIT structure. Completed counts approved and rejected work, not work that waits for review."""
    return {
        "HITId": hit.id,
        "HITTypeId": hit_type.id,
        "HITGroupId": hit_type.group_id,
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
