"""MTurk's operations. `OPERATIONS` is the one list of those that are built; the server refuses the others by name.

Each takes the caller's open transaction, the Requester's id, the checked input and the time, and returns the output.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.marketplace.operations import account, assignments, creating_hits, hit_types, hits

Operation = Callable[[Session, str, Mapping[str, Any], datetime], Mapping[str, Any]]

OPERATIONS: Mapping[str, Operation] = {
    "ApproveAssignment": assignments.approve_assignment,
    "CreateAdditionalAssignmentsForHIT": hits.create_additional_assignments_for_hit,
    "CreateHIT": creating_hits.create_hit,
    "CreateHITType": hit_types.create_hit_type,
    "CreateHITWithHITType": creating_hits.create_hit_with_hit_type,
    "DeleteHIT": hits.delete_hit,
    "GetAccountBalance": account.get_account_balance,
    "GetAssignment": assignments.get_assignment,
    "GetHIT": hits.get_hit,
    "ListAssignmentsForHIT": assignments.list_assignments_for_hit,
    "ListHITs": hits.list_hits,
    "ListReviewableHITs": hits.list_reviewable_hits,
    "RejectAssignment": assignments.reject_assignment,
    "UpdateExpirationForHIT": hits.update_expiration_for_hit,
    "UpdateHITReviewStatus": hits.update_hit_review_status,
}

# These look at no existing HIT, so they need not settle what is due before they begin.
INDEPENDENT_OF_TIME = frozenset({"CreateHIT", "CreateHITType", "CreateHITWithHITType"})
