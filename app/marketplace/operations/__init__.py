"""MTurk's operations. `OPERATIONS` is the one list of those that are built; the server refuses the others by name.

Each takes the caller's open transaction, the Requester's id, the checked input and the time, and returns the output.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.marketplace.operations import (
    account,
    assignments,
    bonuses,
    creating_hits,
    files,
    finding_qualification_types,
    hit_types,
    hits,
    notifications,
    qualification_requests,
    qualification_types,
    qualifications,
    reviewing,
    workers,
)

Operation = Callable[[Session, str, Mapping[str, Any], datetime], Mapping[str, Any]]

OPERATIONS: Mapping[str, Operation] = {
    "AcceptQualificationRequest": qualification_requests.accept_qualification_request,
    "ApproveAssignment": assignments.approve_assignment,
    "AssociateQualificationWithWorker": qualifications.associate_qualification_with_worker,
    "CreateAdditionalAssignmentsForHIT": hits.create_additional_assignments_for_hit,
    "CreateHIT": creating_hits.create_hit,
    "CreateHITType": hit_types.create_hit_type,
    "CreateHITWithHITType": creating_hits.create_hit_with_hit_type,
    "CreateQualificationType": qualification_types.create_qualification_type,
    "CreateWorkerBlock": workers.create_worker_block,
    "DeleteHIT": hits.delete_hit,
    "DeleteQualificationType": qualification_types.delete_qualification_type,
    "DeleteWorkerBlock": workers.delete_worker_block,
    "DisassociateQualificationFromWorker": qualifications.disassociate_qualification_from_worker,
    "GetAccountBalance": account.get_account_balance,
    "GetAssignment": assignments.get_assignment,
    "GetFileUploadURL": files.get_file_upload_url,
    "GetHIT": hits.get_hit,
    "GetQualificationScore": qualifications.get_qualification_score,
    "GetQualificationType": qualification_types.get_qualification_type,
    "ListAssignmentsForHIT": assignments.list_assignments_for_hit,
    "ListBonusPayments": bonuses.list_bonus_payments,
    "ListHITs": hits.list_hits,
    "ListHITsForQualificationType": finding_qualification_types.list_hits_for_qualification_type,
    "ListQualificationRequests": qualification_requests.list_qualification_requests,
    "ListQualificationTypes": finding_qualification_types.list_qualification_types,
    "ListReviewPolicyResultsForHIT": reviewing.list_review_policy_results_for_hit,
    "ListReviewableHITs": hits.list_reviewable_hits,
    "ListWorkerBlocks": workers.list_worker_blocks,
    "ListWorkersWithQualificationType": qualifications.list_workers_with_qualification_type,
    "NotifyWorkers": workers.notify_workers,
    "RejectAssignment": assignments.reject_assignment,
    "RejectQualificationRequest": qualification_requests.reject_qualification_request,
    "SendBonus": bonuses.send_bonus,
    "SendTestEventNotification": notifications.send_test_event_notification,
    "UpdateExpirationForHIT": hits.update_expiration_for_hit,
    "UpdateHITReviewStatus": hits.update_hit_review_status,
    "UpdateHITTypeOfHIT": hits.update_hit_type_of_hit,
    "UpdateNotificationSettings": notifications.update_notification_settings,
    "UpdateQualificationType": qualification_types.update_qualification_type,
}

# These look at no existing HIT, so they need not settle what is due before they begin.
INDEPENDENT_OF_TIME = frozenset({"CreateHIT", "CreateHITType", "CreateHITWithHITType"})
