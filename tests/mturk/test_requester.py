import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.vocabulary import HITTypeId, MarketplaceAssignmentId, MarketplaceHITId
from app.errors import InsufficientFunds, MarketplaceError, MarketplaceRefused, MarketplaceUnreachable, OutcomeUnknown
from app.mturk import qualifications, requester, reviewing
from app.mturk.client import Marketplace, connect
from app.settings import MarketplaceProfile
from tests.mturk.conftest import HIT_TYPE, new_hit, nothing, settings_for
from tests.wire_proxy import Wire


def test_equal_properties_give_the_same_hit_type(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    assert requester.create_hit_type(marketplace, HIT_TYPE) == hit_type_id
    assert requester.create_hit_type(marketplace, replace(HIT_TYPE, reward_usd=Decimal("0.06"))) != hit_type_id


@pytest.mark.parametrize(
    ("profile", "type_id"),
    [
        (MarketplaceProfile.PRODUCTION, "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"),
        (MarketplaceProfile.SANDBOX, "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"),
        (MarketplaceProfile.LOCAL, "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"),
    ],
)
def test_masters_are_asked_for_by_the_profiles_own_name(
    marketplace: Marketplace, profile: MarketplaceProfile, type_id: str
) -> None:
    for_masters = requester.create_hit_type(replace(marketplace, profile=profile), replace(HIT_TYPE, masters=True))
    hit_id = requester.create_hit(marketplace, new_hit(for_masters))
    (asked,) = marketplace.client.get_hit(HITId=hit_id)["HIT"]["QualificationRequirements"]
    assert (asked["QualificationTypeId"], asked["Comparator"]) == (type_id, "Exists")


def test_a_hit_is_found_again_by_its_annotation(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    hit = new_hit(hit_type_id)
    hit_id = requester.create_hit(marketplace, hit)
    found = requester.get_hit(marketplace, hit_id)
    assert (found.annotation, found.max_assignments, found.available) == (hit.annotation, 5, 5)
    assert found.expires_at > datetime.now(UTC)


def test_the_same_token_gives_the_hit_that_was_made_then(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    hit = new_hit(hit_type_id)
    assert requester.create_hit(marketplace, hit) == requester.create_hit(marketplace, hit)
    assert len(list(requester.list_hits(marketplace, nothing))) == 1


def test_a_lost_reply_gives_the_hit_that_was_made(marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire) -> None:
    wire.lose_reply["CreateHITWithHITType"] = 1
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    assert [hit.hit_id for hit in requester.list_hits(marketplace, nothing)] == [hit_id]


def test_a_hit_that_exists_but_is_not_named_is_looked_up_not_guessed(
    marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire
) -> None:
    other = requester.create_hit(marketplace, new_hit(hit_type_id))
    body = {
        "__type": "RequestError",
        "Message": f"The HIT with ID {other} exists (1)",
        "TurkErrorCode": "AWS.MechanicalTurk.HitAlreadyExists",
    }
    wire.refuse["CreateHITWithHITType"] = (400, json.dumps(body).encode())
    with pytest.raises(OutcomeUnknown, match="was not named"):
        requester.create_hit(marketplace, new_hit(hit_type_id))


@pytest.mark.parametrize(("hits", "calls"), [(0, 1), (1, 2), (100, 2), (101, 3)])
def test_every_hit_is_listed_though_the_last_page_carries_a_token(
    marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire, hits: int, calls: int
) -> None:
    made = {requester.create_hit(marketplace, new_hit(hit_type_id)) for _ in range(hits)}
    paced: list[None] = []
    assert {hit.hit_id for hit in requester.list_hits(marketplace, lambda: paced.append(None))} == made
    assert wire.calls["ListHITs"] == len(paced) == calls


def test_assignments_are_listed_to_the_last_page(
    marketplace: Marketplace,
    hit_type_id: HITTypeId,
    wire: Wire,
    work: Callable[[HITTypeId], str],
) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    for _ in range(5):
        work(hit_type_id)
    pages_of_two = partial(reviewing.list_assignments, marketplace, hit_id, before_next_page=nothing, page_size=2)
    found = pages_of_two(expected=5)
    assert len({assignment.assignment_id for assignment in found}) == 5
    assert {assignment.status for assignment in found} == {"Submitted"}
    assert all("<FreeText>A</FreeText>" in assignment.answer for assignment in found)
    assert wire.calls["ListAssignmentsForHIT"] == 3  # 2 + 2 + 1: the promised five spare the empty page
    wire.calls.clear()
    assert len(pages_of_two(expected=6)) == 5
    assert wire.calls["ListAssignmentsForHIT"] == 4


def test_an_approval_is_made_once_and_can_be_looked_up(
    marketplace: Marketplace, hit_type_id: HITTypeId, work: Callable[[HITTypeId], str]
) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    assignment_id = MarketplaceAssignmentId(work(hit_type_id))
    assert reviewing.assignment_status(marketplace, assignment_id) == "Submitted"
    reviewing.approve_assignment(marketplace, assignment_id, feedback="Thank you.")
    assert reviewing.assignment_status(marketplace, assignment_id) == "Approved"
    with pytest.raises(MarketplaceRefused):
        reviewing.approve_assignment(marketplace, assignment_id, feedback="Thank you.")
    assert requester.get_hit(marketplace, hit_id).completed == 1


def test_expiring_a_hit_may_be_repeated(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    for _ in range(2):
        requester.expire_hit(marketplace, hit_id)
    assert requester.get_hit(marketplace, hit_id).expires_at <= datetime.now(UTC)


def extended(
    marketplace: Marketplace, hit_id: MarketplaceHITId, places: int, expires_at: datetime | None = None
) -> Any:
    token = uuid5(NAMESPACE_OID, f"{hit_id}/{places}")
    return requester.extend_hit(marketplace, hit_id, places=places, expires_at=expires_at, request_token=token)


def test_extending_a_hit_may_be_repeated(marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    for _ in range(3):
        assert extended(marketplace, hit_id, 7).max_assignments == 7
    assert wire.calls["CreateAdditionalAssignmentsForHIT"] == 1
    assert extended(marketplace, hit_id, 6).max_assignments == 7  # never fewer


def test_a_lost_reply_extends_a_hit_once(marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    wire.lose_reply["CreateAdditionalAssignmentsForHIT"] = 5
    with suppress(MarketplaceError):
        extended(marketplace, hit_id, 7)
    assert extended(marketplace, hit_id, 7).max_assignments == 7


def test_a_hit_that_has_expired_is_offered_again(marketplace: Marketplace, hit_type_id: HITTypeId, wire: Wire) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    requester.expire_hit(marketplace, hit_id)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    for _ in range(2):
        found = extended(marketplace, hit_id, 5, later)
        assert (found.status, found.expires_at) == ("Assignable", later)
    assert wire.calls["UpdateExpirationForHIT"] == 2  # the expiry, and one prolongation


def test_deleting_a_hit_may_be_repeated(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    hit_id = requester.create_hit(marketplace, new_hit(hit_type_id))
    with pytest.raises(MarketplaceRefused, match="state"):
        requester.delete_hit(marketplace, hit_id)
    requester.expire_hit(marketplace, hit_id)
    for _ in range(2):
        requester.delete_hit(marketplace, hit_id)


def test_the_balance_is_what_may_still_be_spent(marketplace: Marketplace, hit_type_id: HITTypeId) -> None:
    before = requester.available_balance(marketplace)
    requester.create_hit(marketplace, new_hit(hit_type_id))
    assert before - requester.available_balance(marketplace) == Decimal("0.30")
    assert requester.account_balance(marketplace).on_hold_usd == Decimal("0.30")


def test_a_hit_that_cannot_be_paid_is_refused_for_lack_of_funds(marketplace: Marketplace) -> None:
    dear = requester.create_hit_type(marketplace, replace(HIT_TYPE, reward_usd=Decimal(999)))
    requester.create_hit(marketplace, new_hit(dear))  # five of them cost $5,994 of $10,000
    with pytest.raises(InsufficientFunds):
        requester.create_hit(marketplace, new_hit(dear))


def test_a_hit_that_does_not_exist_is_refused(marketplace: Marketplace) -> None:
    with pytest.raises(MarketplaceRefused, match="HITDoesNotExist"):
        requester.get_hit(marketplace, MarketplaceHITId("3" + "A" * 29))


def test_an_endpoint_where_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    base = settings_for(tmp_path, marketplace_public_url="http://127.0.0.1:9")
    with pytest.raises(MarketplaceUnreachable):
        requester.available_balance(connect(base, MarketplaceProfile.LOCAL))


# --- nonsense ---------------------------------------------------------------------------------------------------------

HIT = {
    "HITId": "3" + "A" * 29,
    "HITStatus": "Assignable",
    "MaxAssignments": 5,
    "NumberOfAssignmentsPending": 0,
    "NumberOfAssignmentsAvailable": 5,
    "NumberOfAssignmentsCompleted": 0,
    "Expiration": 1_900_000_000,
}
ASSIGNMENT = {"AssignmentId": "3B", "WorkerId": "A1", "HITId": "3A", "AssignmentStatus": "Submitted", "Answer": "<a/>"}
HIT_ID, ASSIGNMENT_ID = MarketplaceHITId("3A"), MarketplaceAssignmentId("3B")

CALLS: dict[str, Any] = {
    "CreateHITType": lambda m: requester.create_hit_type(m, HIT_TYPE),
    "CreateHITWithHITType": lambda m: requester.create_hit(m, new_hit(HITTypeId("3TYPE"))),
    "GetHIT": lambda m: requester.get_hit(m, HIT_ID),
    "ListHITs": lambda m: list(requester.list_hits(m, nothing)),
    "ListAssignmentsForHIT": lambda m: reviewing.list_assignments(m, HIT_ID, expected=1, before_next_page=nothing),
    "GetAssignment": lambda m: reviewing.assignment_status(m, ASSIGNMENT_ID),
    "GetAccountBalance": requester.available_balance,
    "ListBonusPayments": lambda m: list(reviewing.list_bonuses(m, nothing, assignment_id=ASSIGNMENT_ID)),
    "CreateQualificationType": lambda m: qualifications.qualification_type(m, name="Seen", description="Seen"),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"7", b'"text"', b"<html>", b"\xff\xfe", b"[" * 200_000, b'{"HIT": 7, "HITs": 7}'],
    ids=["nothing", "{}", "[]", "null", "number", "text", "html", "not UTF-8", "deep", "wrong types"],
)
def test_nonsense_is_an_outcome_unknown(liar: tuple[Marketplace, Wire], operation: str, body: bytes) -> None:
    marketplace, wire = liar
    wire.refuse[operation] = (200, body)
    with pytest.raises(OutcomeUnknown):
        CALLS[operation](marketplace)


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("CreateHITType", {"HITTypeId": 7}),
        ("CreateHITType", {"HITTypeId": ""}),
        ("CreateHITWithHITType", {"HIT": {"HITId": 7}}),
        ("CreateHITWithHITType", {"HIT": {"HITId": "3" * 65}}),
        ("CreateHITWithHITType", {"HIT": {"HITId": None}}),
        *(
            ("GetHIT", {"HIT": {**HIT, name: value}})
            for name, value in [
                ("HITId", 7),
                ("MaxAssignments", "five"),
                ("NumberOfAssignmentsPending", []),
                ("NumberOfAssignmentsAvailable", None),
                ("Expiration", "soon"),
                ("Expiration", 1e300),
            ]
        ),
        ("ListHITs", {"HITs": [HIT, 7]}),
        ("ListAssignmentsForHIT", {"Assignments": [{**ASSIGNMENT, "AssignmentStatus": "Perhaps"}]}),
        ("ListAssignmentsForHIT", {"Assignments": [{**ASSIGNMENT, "WorkerId": 7}]}),
        ("ListAssignmentsForHIT", {"Assignments": [{**ASSIGNMENT, "AcceptTime": -1e300}]}),
        ("GetAssignment", {"Assignment": {"AssignmentStatus": "Perhaps"}}),
        ("GetAssignment", {"Assignment": {"AssignmentStatus": []}}),
        *(("GetAccountBalance", {"AvailableBalance": value}) for value in ("ten", "NaN", "Infinity", "")),
        ("GetAccountBalance", {"AvailableBalance": []}),
        ("ListBonusPayments", {"BonusPayments": [{"WorkerId": "A1", "AssignmentId": "3B", "BonusAmount": "much"}]}),
        ("ListBonusPayments", {"BonusPayments": 7}),
        ("CreateQualificationType", {"QualificationType": {"QualificationTypeId": 7}}),
    ],
)
def test_a_value_of_the_wrong_kind_is_found_here(
    liar: tuple[Marketplace, Wire], operation: str, answer: dict[str, object]
) -> None:
    marketplace, wire = liar
    wire.refuse[operation] = (200, json.dumps(answer).encode())
    with pytest.raises(OutcomeUnknown):
        CALLS[operation](marketplace)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(operation=st.sampled_from(sorted(CALLS)), data=st.data())
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_comes_over_the_wire_only_our_errors_leave_the_gateway(
    liar: tuple[Marketplace, Wire], operation: str, data: st.DataObject
) -> None:
    marketplace, wire = liar
    members = st.dictionaries(st.sampled_from(sorted({*HIT, *ASSIGNMENT})), JSON, max_size=9)
    body = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "HIT": members | JSON,
                "HITs": st.lists(members, max_size=2) | JSON,
                "Assignments": st.lists(members, max_size=2) | JSON,
                "Assignment": members | JSON,
                "AvailableBalance": JSON,
                "HITTypeId": JSON,
            },
        )
        | JSON
    )
    wire.refuse[operation] = (200, json.dumps(body).encode())
    with suppress(MarketplaceError):
        CALLS[operation](marketplace)
