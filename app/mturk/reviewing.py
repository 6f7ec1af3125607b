"""MTurk's operations on Assignments, one typed function each. Every function raises MarketplaceError only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.vocabulary import MarketplaceAssignmentId, MarketplaceHITId, MarketplaceWorkerId
from app.mturk.client import Marketplace
from app.mturk.requester import PAGE_SIZE, BeforeCall
from app.mturk.translation import known_id, translated

ASSIGNMENT_STATUSES = ("Submitted", "Approved", "Rejected")


@dataclass(frozen=True, slots=True)
class SubmittedAssignment:
    """Submitted work as the marketplace reports it; `answer` is the raw XML."""

    assignment_id: MarketplaceAssignmentId
    worker_id: MarketplaceWorkerId
    hit_id: MarketplaceHITId
    status: str
    answer: str
    accepted_at: datetime | None
    submitted_at: datetime | None
    auto_approval_at: datetime | None


@dataclass(frozen=True, slots=True)
class BonusPayment:
    """A bonus that the marketplace has paid."""

    worker_id: MarketplaceWorkerId
    assignment_id: MarketplaceAssignmentId
    amount_usd: Decimal
    reason: str
    granted_at: datetime | None


def list_assignments(
    marketplace: Marketplace,
    hit_id: MarketplaceHITId,
    *,
    expected: int,
    before_next_page: BeforeCall,
    page_size: int = PAGE_SIZE,
) -> list[SubmittedAssignment]:
    """ListAssignmentsForHIT, every page until `expected` Assignments are there or an empty page ends the list.

    `expected` is the number that the HIT's counters promise; it spares the call for the last, empty page.
    `before_next_page` is called before every page but the first.
    """
    found: list[SubmittedAssignment] = []
    token: dict[str, Any] = {}
    while True:
        with translated("ListAssignmentsForHIT"):
            page = marketplace.client.list_assignments_for_hit(HITId=hit_id, MaxResults=page_size, **token)
            new = [_assignment(assignment) for assignment in page["Assignments"]]
        found += new
        if not new or len(found) >= expected or not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}
        before_next_page()


def get_assignment(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId) -> SubmittedAssignment:
    """GetAssignment. MTurk shows work only once it was submitted."""
    with translated("GetAssignment"):
        return _assignment(marketplace.client.get_assignment(AssignmentId=assignment_id)["Assignment"])


def approve_assignment(
    marketplace: Marketplace,
    assignment_id: MarketplaceAssignmentId,
    *,
    feedback: str,
    override_rejection: bool = False,
) -> None:
    """ApproveAssignment. Raises MarketplaceRefused where it is not in the state Submitted (see `assignment_status`).

    override_rejection: from Rejected too, within 30 days of its submission and while the HIT is not deleted.
    """
    with translated("ApproveAssignment"):
        marketplace.client.approve_assignment(
            AssignmentId=assignment_id, RequesterFeedback=feedback, OverrideRejection=override_rejection
        )


def reject_assignment(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId, *, feedback: str) -> None:
    """RejectAssignment. Raises MarketplaceRefused where it is not in the state Submitted (see `assignment_status`)."""
    with translated("RejectAssignment"):
        marketplace.client.reject_assignment(AssignmentId=assignment_id, RequesterFeedback=feedback)


def assignment_status(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId) -> str:
    """GetAssignment's status: Submitted, Approved or Rejected."""
    return get_assignment(marketplace, assignment_id).status


def send_bonus(
    marketplace: Marketplace,
    assignment_id: MarketplaceAssignmentId,
    worker_id: MarketplaceWorkerId,
    *,
    amount_usd: Decimal,
    reason: str,
    request_token: UUID,
) -> None:
    """SendBonus. Not to be repeated unseen: `list_bonuses` says whether it happened, at any time."""
    with translated("SendBonus"):
        marketplace.client.send_bonus(
            WorkerId=worker_id,
            AssignmentId=assignment_id,
            BonusAmount=f"{amount_usd:.2f}",
            Reason=reason,
            UniqueRequestToken=str(request_token),
        )


def list_bonuses(
    marketplace: Marketplace,
    before_next_page: BeforeCall,
    *,
    assignment_id: MarketplaceAssignmentId | None = None,
    hit_id: MarketplaceHITId | None = None,
) -> Iterator[BonusPayment]:
    """ListBonusPayments of one Assignment or of one HIT, every page.

    `before_next_page` is called before every page but the first.
    """
    wanted: dict[str, Any] = {"AssignmentId": assignment_id} if assignment_id else {"HITId": hit_id}
    token: dict[str, Any] = {}
    while True:
        with translated("ListBonusPayments"):
            page = marketplace.client.list_bonus_payments(MaxResults=PAGE_SIZE, **wanted, **token)
            found = [_bonus(bonus) for bonus in page["BonusPayments"]]
        yield from found
        if not found or not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
        before_next_page()


# botocore hands JSON values over as they came, whatever the model says: a wrong type is found here, not three stages later.


def _assignment(assignment: Mapping[str, Any]) -> SubmittedAssignment:
    return SubmittedAssignment(
        assignment_id=MarketplaceAssignmentId(known_id(assignment["AssignmentId"])),
        worker_id=MarketplaceWorkerId(known_id(assignment["WorkerId"])),
        hit_id=MarketplaceHITId(known_id(assignment["HITId"])),
        status=_known_status(assignment["AssignmentStatus"]),
        answer=str(assignment.get("Answer", "")),
        accepted_at=assignment.get("AcceptTime"),
        submitted_at=assignment.get("SubmitTime"),
        auto_approval_at=assignment.get("AutoApprovalTime"),
    )


def _bonus(bonus: Mapping[str, Any]) -> BonusPayment:
    return BonusPayment(
        worker_id=MarketplaceWorkerId(known_id(bonus["WorkerId"])),
        assignment_id=MarketplaceAssignmentId(known_id(bonus["AssignmentId"])),
        amount_usd=Decimal(bonus["BonusAmount"]),
        reason=str(bonus.get("Reason", "")),
        granted_at=bonus.get("GrantTime"),
    )


def _known_status(value: object) -> str:
    if value not in ASSIGNMENT_STATUSES:
        raise ValueError(f"{value!r} is no Assignment status")
    return str(value)
