from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest

from app.domain.vocabulary import HITTypeId, MarketplaceAssignmentId
from app.errors import MarketplaceError, MarketplaceRefused
from app.mturk import requester, reviewing
from app.mturk.client import Marketplace
from app.mturk.reviewing import SubmittedAssignment
from tests.mturk.conftest import new_hit, nothing
from tests.wire_proxy import Wire

TOKEN: UUID = uuid5(NAMESPACE_OID, "a bonus")


@pytest.fixture
def submitted(
    marketplace: Marketplace, hit_type_id: HITTypeId, work: Callable[[HITTypeId], str]
) -> SubmittedAssignment:
    """Work of one Worker, handed in."""
    requester.create_hit(marketplace, new_hit(hit_type_id))
    return reviewing.get_assignment(marketplace, MarketplaceAssignmentId(work(hit_type_id)))


def bonus(marketplace: Marketplace, to: SubmittedAssignment, *, reason: str = "Well done") -> None:
    reviewing.send_bonus(
        marketplace,
        to.assignment_id,
        to.worker_id,
        amount_usd=Decimal("0.25"),
        reason=reason,
        request_token=TOKEN,
    )


def bonuses(marketplace: Marketplace, of: SubmittedAssignment) -> list[tuple[Decimal, str]]:
    listed = reviewing.list_bonuses(marketplace, nothing, assignment_id=of.assignment_id)
    assert {paid.worker_id for paid in reviewing.list_bonuses(marketplace, nothing, hit_id=of.hit_id)} <= {of.worker_id}
    return [(paid.amount_usd, paid.reason) for paid in listed]


def test_a_rejection_can_be_taken_back(marketplace: Marketplace, submitted: SubmittedAssignment) -> None:
    reviewing.reject_assignment(marketplace, submitted.assignment_id, feedback="All answers were the first one.")
    assert reviewing.assignment_status(marketplace, submitted.assignment_id) == "Rejected"
    with pytest.raises(MarketplaceRefused):
        reviewing.approve_assignment(marketplace, submitted.assignment_id, feedback="")
    reviewing.approve_assignment(
        marketplace, submitted.assignment_id, feedback="We were wrong.", override_rejection=True
    )
    assert reviewing.assignment_status(marketplace, submitted.assignment_id) == "Approved"


def test_a_bonus_is_listed_once_it_is_paid(marketplace: Marketplace, submitted: SubmittedAssignment) -> None:
    assert bonuses(marketplace, submitted) == []
    bonus(marketplace, submitted)
    assert bonuses(marketplace, submitted) == [(Decimal("0.25"), "Well done")]


def test_a_bonus_whose_reply_is_lost_was_paid_and_is_found(
    marketplace: Marketplace, submitted: SubmittedAssignment, wire: Wire
) -> None:
    wire.lose_reply["SendBonus"] = 5
    with suppress(MarketplaceError):
        bonus(marketplace, submitted)
    assert bonuses(marketplace, submitted) == [(Decimal("0.25"), "Well done")]


def test_the_same_token_pays_no_second_bonus(marketplace: Marketplace, submitted: SubmittedAssignment) -> None:
    bonus(marketplace, submitted)
    with pytest.raises(MarketplaceRefused):
        bonus(marketplace, submitted)
    assert len(bonuses(marketplace, submitted)) == 1
