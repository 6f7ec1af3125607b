"""MTurk's operations on HITs and on our account, one typed function each. Every function raises MarketplaceError only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from app.domain.progress import HITCounters
from app.domain.vocabulary import HITTypeId, MarketplaceHITId, QualificationTypeId
from app.errors import MarketplaceRefused, OutcomeUnknown
from app.mturk.client import Marketplace
from app.mturk.translation import known_id, translated
from app.settings import MarketplaceProfile

if TYPE_CHECKING:
    from mypy_boto3_mturk.type_defs import QualificationRequirementTypeDef

PAGE_SIZE = 100
SHORTEST_PROLONGATION_S = 60
# The Masters Qualification: the sandbox has its own (mturk-facts §5).
MASTERS, SANDBOX_MASTERS = "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"
# MTurk names the HIT in the message of HitAlreadyExists; ids are upper-case letters and digits, about 30 of them.
_HIT_ID = re.compile(r"\b[A-Z0-9]{20,64}\b")

BeforeCall = Callable[[], None]


@dataclass(frozen=True, slots=True)
class HITType:
    """The properties that HITs of one type share.

    qualification_type_id: who holds that Qualification is kept out of the HITs, or is let in alone where `must_hold`; the
    others do not even see them. masters: Masters alone are let in, and see them.
    """

    title: str
    description: str
    keywords: str
    reward_usd: Decimal
    assignment_duration_s: int
    auto_approval_delay_s: int
    qualification_type_id: QualificationTypeId | None = None
    must_hold: bool = False
    masters: bool = False


@dataclass(frozen=True, slots=True)
class NewHIT:
    """A HIT to be created. `question` is an XML document, `annotation` is how we find it again."""

    hit_type_id: HITTypeId
    question: str
    max_assignments: int
    lifetime_s: int
    annotation: str
    request_token: UUID


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
            QualificationRequirements=_requirements(marketplace.profile, hit_type),
        )
        return HITTypeId(known_id(answer["HITTypeId"]))


def _requirements(profile: MarketplaceProfile, hit_type: HITType) -> list[QualificationRequirementTypeDef]:
    wanted: list[QualificationRequirementTypeDef] = []
    if hit_type.qualification_type_id is not None:
        wanted.append(_requirement(hit_type.qualification_type_id, "Exists" if hit_type.must_hold else "DoesNotExist"))
    if hit_type.masters:
        type_id = SANDBOX_MASTERS if profile is MarketplaceProfile.SANDBOX else MASTERS
        wanted.append(_requirement(type_id, "Exists"))
    return wanted


def _requirement(type_id: str, comparator: Literal["Exists", "DoesNotExist"]) -> QualificationRequirementTypeDef:
    return {
        "QualificationTypeId": type_id,
        "Comparator": comparator,
        "ActionsGuarded": "DiscoverPreviewAndAccept",
    }


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
            return MarketplaceHITId(known_id(answer["HIT"]["HITId"]))
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


def list_hits(marketplace: Marketplace, before_call: BeforeCall) -> Iterator[HITCounters]:
    """ListHITs, every page: the end is an empty page, whatever tokens the others carry (mturk-facts §1.5).

    `before_call` is called before every page.
    """
    token: dict[str, Any] = {}
    while True:
        before_call()
        with translated("ListHITs"):
            page = marketplace.client.list_hits(MaxResults=PAGE_SIZE, **token)
            found = [_counters(hit) for hit in page["HITs"]]
        yield from found
        if not found or not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def expire_hit(marketplace: Marketplace, hit_id: MarketplaceHITId) -> None:
    """UpdateExpirationForHIT to 0: "now" would be a race (mturk-facts §2.1). Harmless to repeat."""
    with translated("UpdateExpirationForHIT"):
        marketplace.client.update_expiration_for_hit(HITId=hit_id, ExpireAt=datetime.fromtimestamp(0, UTC))


def extend_hit(
    marketplace: Marketplace, hit_id: MarketplaceHITId, *, places: int, expires_at: datetime | None, request_token: UUID
) -> HITCounters:
    """Have the HIT offer `places` Assignments in all and, where `expires_at` is given, be open until then.

    What is so already is left alone: GetHIT says so first, and so repeating this is harmless, late or early.
    expires_at: whole seconds; MTurk takes it only where it is at least a minute later than what the HIT has.
    """
    found = get_hit(marketplace, hit_id)
    if expires_at is not None and found.expires_at < expires_at - timedelta(seconds=SHORTEST_PROLONGATION_S):
        with translated("UpdateExpirationForHIT"):
            marketplace.client.update_expiration_for_hit(HITId=hit_id, ExpireAt=expires_at)
    if found.max_assignments < places:
        with translated("CreateAdditionalAssignmentsForHIT"):
            marketplace.client.create_additional_assignments_for_hit(
                HITId=hit_id,
                NumberOfAdditionalAssignments=places - found.max_assignments,
                UniqueRequestToken=str(request_token),
            )
    return get_hit(marketplace, hit_id)


def delete_hit(marketplace: Marketplace, hit_id: MarketplaceHITId) -> None:
    """DeleteHIT. One that is gone is as good as deleted."""
    try:
        with translated("DeleteHIT"):
            marketplace.client.delete_hit(HITId=hit_id)
    except MarketplaceRefused as refused:
        if not (refused.code.endswith("HITDoesNotExist") or "'Disposed'" in refused.message):
            raise


@dataclass(frozen=True, slots=True)
class Balance:
    """USD: what may still be reserved or spent, and what is reserved; some endpoints do not say the latter."""

    available_usd: Decimal
    on_hold_usd: Decimal | None


def account_balance(marketplace: Marketplace) -> Balance:
    """GetAccountBalance."""
    with translated("GetAccountBalance"):
        answer = marketplace.client.get_account_balance()
        on_hold: str | None = answer.get("OnHoldBalance")
        found = Balance(Decimal(answer["AvailableBalance"]), None if on_hold is None else Decimal(on_hold))
        if not found.available_usd.is_finite():
            raise ValueError(f"{found.available_usd} is no balance")
        return found


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
        hit_id=MarketplaceHITId(known_id(hit["HITId"])),
        status=str(hit["HITStatus"]),
        max_assignments=int(hit["MaxAssignments"]),
        pending=int(hit["NumberOfAssignmentsPending"]),
        available=int(hit["NumberOfAssignmentsAvailable"]),
        completed=int(hit["NumberOfAssignmentsCompleted"]),
        expires_at=hit["Expiration"],
        annotation=hit.get("RequesterAnnotation"),
    )
