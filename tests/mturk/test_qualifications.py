from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from app.domain.vocabulary import HITTypeId, MarketplaceAssignmentId, MarketplaceWorkerId, QualificationTypeId
from app.errors import MarketplaceRefused, OutcomeUnknown
from app.mturk import qualifications, requester, reviewing
from app.mturk.client import Marketplace
from tests.marketplace.people import Browser
from tests.mturk.conftest import HIT_TYPE, new_hit
from tests.wire_proxy import Wire


def seen(marketplace: Marketplace) -> QualificationTypeId:
    return qualifications.qualification_type(marketplace, name="Label Jury 7.0", description="Took part before.")


def test_a_qualification_type_of_one_name_is_made_once(marketplace: Marketplace, wire: Wire) -> None:
    assert seen(marketplace) == seen(marketplace)
    wire.lose_reply["CreateQualificationType"] = 1
    assert seen(marketplace)


def test_one_that_is_not_listed_yet_is_an_outcome_unknown(marketplace: Marketplace, wire: Wire) -> None:
    seen(marketplace)
    wire.refuse["ListQualificationTypes"] = (200, b'{"QualificationTypes": [], "NumResults": 0}')
    with pytest.raises(OutcomeUnknown, match="not listed yet"):
        seen(marketplace)


def test_whoever_holds_it_cannot_take_part_again(
    marketplace: Marketplace, site: str, hit_type_id: HITTypeId, work: Callable[[HITTypeId], str]
) -> None:
    requester.create_hit(marketplace, new_hit(hit_type_id))
    ada = Browser(site)
    ada.enrol("Ada")
    assignment_id = MarketplaceAssignmentId(ada.work(hit_type_id))
    worker_id = reviewing.get_assignment(marketplace, assignment_id).worker_id
    kept_out = replace(HIT_TYPE, reward_usd=Decimal("0.07"), qualification_type_id=seen(marketplace))
    closed = requester.create_hit_type(marketplace, kept_out)
    hit_id = requester.create_hit(marketplace, new_hit(closed))
    for _ in range(2):
        qualifications.qualify(marketplace, seen(marketplace), worker_id)
    assert ada.post(f"/projects/{closed}/tasks/{hit_id}/accept").status_code in {403, 404}
    assert requester.get_hit(marketplace, hit_id).available == 5
    work(closed)  # somebody else may
    assert requester.get_hit(marketplace, hit_id).available == 4
    ada.close()


def test_a_worker_whom_the_marketplace_does_not_know_is_refused_by_name(marketplace: Marketplace) -> None:
    with pytest.raises(MarketplaceRefused, match="WorkerId"):
        qualifications.qualify(marketplace, seen(marketplace), MarketplaceWorkerId("A" + "9" * 13))
