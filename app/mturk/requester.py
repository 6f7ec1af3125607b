"""One typed function per MTurk operation that we use. Every function raises MarketplaceError only."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.progress import HITCounters
from app.domain.vocabulary import HITTypeId, MarketplaceAssignmentId, MarketplaceHITId, MarketplaceWorkerId
from app.errors import MarketplaceBusy, MarketplaceRefused, OutcomeUnknown
from app.mturk.client import Marketplace
from app.mturk.translation import translated

PAGE_SIZE = 100
PATIENCE = 5
LONGEST_ID = 64
ASSIGNMENT_STATUSES = ("Submitted", "Approved", "Rejected")
# MTurk names the HIT in the message of HitAlreadyExists; ids are upper-case letters and digits, about 30 of them.
_HIT_ID = re.compile(r"\b[A-Z0-9]{20,64}\b")

BeforeCall = Callable[[], None]


@dataclass(frozen=True, slots=True)
class HITType:
    """The properties that HITs of one type share."""

    title: str
    description: str
    keywords: str
    reward_usd: Decimal
    assignment_duration_s: int
    auto_approval_delay_s: int


@dataclass(frozen=True, slots=True)
class NewHIT:
    """A HIT to be created. `question` is an XML document, `annotation` is how we find it again."""

    hit_type_id: HITTypeId
    question: str
    max_assignments: int
    lifetime_s: int
    annotation: str
    request_token: UUID


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


def create_hit_type(marketplace: Marketplace, hit_type: HITType) -> HITTypeId:
    """CreateHITType. Equal properties give the same id, so repeating it is harmless."""
    with translated("CreateHITType"):
        answer = marketplace.client.create_hit_type(
            Title=hit_type.title,
            Description=hit_type.description,
            Keywords=hit_type.keywords,
            Reward=f"{hit_type.reward_usd:.2f}",
            AssignmentDurationInSeconds=hit_type.assignment_duration_s,
            AutoApprovalDelayInSeconds=hit_type.auto_approval_delay_s,
        )
        return HITTypeId(_id(answer["HITTypeId"]))


def create_hit(marketplace: Marketplace, hit: NewHIT) -> MarketplaceHITId:
    """CreateHITWithHITType. Within 24 h of the first attempt a repeat with the same token returns the HIT made then."""
    try:
        with translated("CreateHITWithHITType"):
            answer = marketplace.client.create_hit_with_hit_type(
                HITTypeId=hit.hit_type_id,
                Question=hit.question,
                MaxAssignments=hit.max_assignments,
                LifetimeInSeconds=hit.lifetime_s,
                RequesterAnnotation=hit.annotation,
                UniqueRequestToken=str(hit.request_token),
            )
            return MarketplaceHITId(_id(answer["HIT"]["HITId"]))
    except MarketplaceRefused as refused:
        if not refused.code.endswith("HitAlreadyExists"):
            raise
        return _already_created(marketplace, hit, refused)


def _already_created(marketplace: Marketplace, hit: NewHIT, refused: MarketplaceRefused) -> MarketplaceHITId:
    """The HIT that the message of HitAlreadyExists names, if it carries our annotation."""
    for candidate in _HIT_ID.findall(refused.message):
        hit_id = MarketplaceHITId(candidate)
        try:
            found = get_hit(marketplace, hit_id)
        except MarketplaceRefused:
            continue
        if found.annotation == hit.annotation:
            return hit_id
    raise OutcomeUnknown(refused.operation, refused.code, f"the HIT exists but was not named: {refused.message}")


def get_hit(marketplace: Marketplace, hit_id: MarketplaceHITId) -> HITCounters:
    """GetHIT."""
    with translated("GetHIT"):
        return _counters(marketplace.client.get_hit(HITId=hit_id)["HIT"])


def list_hits(
    marketplace: Marketplace, before_call: BeforeCall, on_busy: BeforeCall | None = None
) -> Iterator[HITCounters]:
    """ListHITs, every page: the end is an empty page, whatever tokens the others carry (mturk-facts §1.5).

    A page that the marketplace is too busy for is asked for again, `on_busy` having slowed us down, PATIENCE times.
    """
    token: dict[str, Any] = {}
    busy = 0
    while True:
        before_call()
        try:
            with translated("ListHITs"):
                page = marketplace.client.list_hits(MaxResults=PAGE_SIZE, **token)
                found = [_counters(hit) for hit in page["HITs"]]
        except MarketplaceBusy:
            busy += 1
            if on_busy is None or busy > PATIENCE:
                raise
            on_busy()
            continue
        yield from found
        if not found or not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


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


def approve_assignment(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId, *, feedback: str) -> None:
    """ApproveAssignment. Raises MarketplaceRefused where it is not in the state Submitted (see `assignment_status`)."""
    with translated("ApproveAssignment"):
        marketplace.client.approve_assignment(AssignmentId=assignment_id, RequesterFeedback=feedback)


def assignment_status(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId) -> str:
    """GetAssignment's status: Submitted, Approved or Rejected."""
    with translated("GetAssignment"):
        answer = marketplace.client.get_assignment(AssignmentId=assignment_id)
        return _known_status(answer["Assignment"]["AssignmentStatus"])


def expire_hit(marketplace: Marketplace, hit_id: MarketplaceHITId) -> None:
    """UpdateExpirationForHIT to 0: "now" would be a race (mturk-facts §2.1). Harmless to repeat."""
    with translated("UpdateExpirationForHIT"):
        marketplace.client.update_expiration_for_hit(HITId=hit_id, ExpireAt=datetime.fromtimestamp(0, UTC))


def available_balance(marketplace: Marketplace) -> Decimal:
    """GetAccountBalance: what may still be reserved or spent, in USD."""
    with translated("GetAccountBalance"):
        balance = Decimal(marketplace.client.get_account_balance()["AvailableBalance"])
        if not balance.is_finite():
            raise ValueError(f"a balance of {balance}")
        return balance


# botocore hands JSON values over as they came, whatever the model says: a wrong type is found here, not three stages later.


def _counters(hit: Mapping[str, Any]) -> HITCounters:
    return HITCounters(
        hit_id=MarketplaceHITId(_id(hit["HITId"])),
        status=str(hit["HITStatus"]),
        max_assignments=int(hit["MaxAssignments"]),
        pending=int(hit["NumberOfAssignmentsPending"]),
        available=int(hit["NumberOfAssignmentsAvailable"]),
        completed=int(hit["NumberOfAssignmentsCompleted"]),
        expires_at=hit["Expiration"],
        annotation=hit.get("RequesterAnnotation"),
    )


def _assignment(assignment: Mapping[str, Any]) -> SubmittedAssignment:
    return SubmittedAssignment(
        assignment_id=MarketplaceAssignmentId(_id(assignment["AssignmentId"])),
        worker_id=MarketplaceWorkerId(_id(assignment["WorkerId"])),
        hit_id=MarketplaceHITId(_id(assignment["HITId"])),
        status=_known_status(assignment["AssignmentStatus"]),
        answer=str(assignment.get("Answer", "")),
        accepted_at=assignment.get("AcceptTime"),
        submitted_at=assignment.get("SubmitTime"),
        auto_approval_at=assignment.get("AutoApprovalTime"),
    )


def _id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        raise ValueError(f"{value!r} is no id")
    return value


def _known_status(value: object) -> str:
    if value not in ASSIGNMENT_STATUSES:
        raise ValueError(f"{value!r} is no Assignment status")
    return str(value)
