"""Qualifications over the wire: who has them, who asks for them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, turk_code
from tests.marketplace.qualification_tests import TEST, ask, define, hand_in
from tests.marketplace.strangers import second_requester
from tests.marketplace.test_races import at_once

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]


def score(mturk: "MTurkClient", id: str, browser: Browser) -> int:
    shown = mturk.get_qualification_score(QualificationTypeId=id, WorkerId=browser.worker_id)["Qualification"]
    assert shown["Status"] == "Granted"
    return shown["IntegerValue"]


def messages(browser: Browser) -> str:
    return browser.http.get("/worker/messages").text


def test_a_qualification_is_given_scored_anew_taken_away_and_given_again(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk), worker("Ada")
    both: dict[str, Any] = {"QualificationTypeId": id, "WorkerId": ada.worker_id}
    with pytest.raises(mturk.exceptions.RequestError, match="You requested a Qualification that does not exist") as no:
        mturk.get_qualification_score(**both)
    assert turk_code(no.value) == "AWS.MechanicalTurk.QualificationDoesNotExist"
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        mturk.disassociate_qualification_from_worker(**both)
    mturk.associate_qualification_with_worker(**both)
    assert score(mturk, id, ada) == 1
    mturk.associate_qualification_with_worker(**both, IntegerValue=-5)
    assert score(mturk, id, ada) == -5
    mturk.disassociate_qualification_from_worker(**both, Reason="Too many fish")
    for refused in (mturk.get_qualification_score, mturk.disassociate_qualification_from_worker):
        with pytest.raises(mturk.exceptions.RequestError, match="status of: Granted") as revoked:
            refused(**both)
        assert turk_code(revoked.value) == "AWS.MechanicalTurk.InvalidQualificationState"
    page = ada.http.get("/worker/qualifications").text
    assert "Revoked" in page
    assert "Too many fish" in page
    mturk.associate_qualification_with_worker(**both, IntegerValue=0)
    assert score(mturk, id, ada) == 0
    assert "Too many fish" not in ada.http.get("/worker/qualifications").text


def test_the_worker_is_told_unless_the_requester_says_no(mturk: "MTurkClient", worker: Enrol) -> None:
    quiet, loud, ada = define(mturk, Name="Quiet"), define(mturk, Name="Loud"), worker("Ada")
    mturk.associate_qualification_with_worker(QualificationTypeId=quiet, WorkerId=ada.worker_id, SendNotification=False)
    mturk.disassociate_qualification_from_worker(QualificationTypeId=quiet, WorkerId=ada.worker_id)
    assert "Quiet" not in messages(ada)
    mturk.associate_qualification_with_worker(QualificationTypeId=loud, WorkerId=ada.worker_id)
    assert "Qualification granted: Loud" in messages(ada)


def test_an_unknown_worker_is_refused(mturk: "MTurkClient") -> None:
    both: dict[str, Any] = {"QualificationTypeId": define(mturk), "WorkerId": "ANOBODY"}
    for refused in (
        mturk.associate_qualification_with_worker,
        mturk.disassociate_qualification_from_worker,
        mturk.get_qualification_score,
    ):
        with pytest.raises(ClientError, match=r"ParameterValidationError.*ANOBODY.* is not valid"):
            refused(**both)


def test_a_systems_score_is_nobodys_to_read(mturk: "MTurkClient", worker: Enrol) -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="You requested a Qualification that does not exist"):
        mturk.get_qualification_score(QualificationTypeId="00000000000000000071", WorkerId=worker("Ada").worker_id)


def test_a_reason_has_a_limit(mturk: "MTurkClient", worker: Enrol) -> None:
    both: dict[str, Any] = {"QualificationTypeId": define(mturk), "WorkerId": worker("Ada").worker_id}
    mturk.associate_qualification_with_worker(**both)
    with pytest.raises(ClientError, match="ParameterValidationError"):
        mturk.disassociate_qualification_from_worker(**both, Reason="r" * 1025)
    mturk.disassociate_qualification_from_worker(**both, Reason="r" * 1024)


def test_workers_are_listed_by_status_page_by_page(mturk: "MTurkClient", worker: Enrol) -> None:
    id = define(mturk)
    everyone = sorted(worker(name).worker_id for name in ("Ada", "Bob", "Mallory"))
    for worker_id in everyone:
        mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=worker_id)
    mturk.disassociate_qualification_from_worker(QualificationTypeId=id, WorkerId=everyone[1])
    pages = mturk.get_paginator("list_workers_with_qualification_type").paginate(
        QualificationTypeId=id, PaginationConfig={"PageSize": 1}
    )
    assert [one["WorkerId"] for page in pages for one in page["Qualifications"]] == [everyone[0], everyone[2]]
    revoked = mturk.list_workers_with_qualification_type(QualificationTypeId=id, Status="Revoked")["Qualifications"]
    assert [(one["WorkerId"], one["Status"]) for one in revoked] == [(everyone[1], "Revoked")]


def test_a_request_waits_for_the_requester_who_grants_it(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk), worker("Ada")
    assert "Requester has not decided yet" in ask(ada, id).text
    request = mturk.list_qualification_requests(QualificationTypeId=id)["QualificationRequests"][0]
    assert (request["WorkerId"], request["QualificationTypeId"]) == (ada.worker_id, id)
    assert "SubmitTime" in request
    assert not {"Test", "Answer"} & request.keys()
    # Giving the Qualification leaves the request as it is; granting the request gives another score.
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id, IntegerValue=4)
    assert mturk.list_qualification_requests()["NumResults"] == 1
    mturk.accept_qualification_request(QualificationRequestId=request["QualificationRequestId"], IntegerValue=9)
    assert score(mturk, id, ada) == 9
    assert mturk.list_qualification_requests()["NumResults"] == 0
    for refused in (mturk.accept_qualification_request, mturk.reject_qualification_request):
        with pytest.raises(mturk.exceptions.RequestError, match="status of: Submitted") as decided:
            refused(QualificationRequestId=request["QualificationRequestId"])
        assert turk_code(decided.value) == "AWS.MechanicalTurk.InvalidQualificationRequestState"


def test_a_rejected_request_shows_its_reason_and_no_score(
    mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    id, ada = define(mturk, RetryDelayInSeconds=60), worker("Ada")
    ask(ada, id)
    request = mturk.list_qualification_requests()["QualificationRequests"][0]
    mturk.reject_qualification_request(
        QualificationRequestId=request["QualificationRequestId"], Reason="<b>Not</b> yet"
    )
    assert "&lt;b&gt;Not&lt;/b&gt; yet" in ada.http.get(f"/worker/qualifications/{id}").text
    assert "Qualification not granted: Knows birds" in messages(ada)
    assert mturk.list_workers_with_qualification_type(QualificationTypeId=id)["NumResults"] == 0
    clock.advance(seconds=61)
    ask(ada, id)
    assert mturk.list_qualification_requests()["NumResults"] == 1


def test_requests_are_listed_oldest_first_and_strangers_see_none(
    mturk: "MTurkClient", worker: Enrol, marketplace: str, database: Database
) -> None:
    ids, ada = [define(mturk, Name=f"Q{number}") for number in range(3)], worker("Ada")
    for id in ids:
        ask(ada, id)
    pages = mturk.get_paginator("list_qualification_requests").paginate(PaginationConfig={"PageSize": 2})
    requests = [one for page in pages for one in page["QualificationRequests"]]
    assert [one["QualificationTypeId"] for one in requests] == ids
    mallory = second_requester(marketplace, database)
    assert mallory.list_qualification_requests()["NumResults"] == 0
    for request_id in (requests[0]["QualificationRequestId"], "nonsense", ""):
        with pytest.raises(mallory.exceptions.RequestError, match="does not exist") as unknown:
            mallory.accept_qualification_request(QualificationRequestId=request_id)
        assert turk_code(unknown.value) == "AWS.MechanicalTurk.QualificationRequestDoesNotExist"


def test_of_a_grant_and_a_rejection_at_the_same_moment_one_counts(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk), worker("Ada")
    ask(ada, id)
    request_id = mturk.list_qualification_requests()["QualificationRequests"][0]["QualificationRequestId"]

    def decided(decide: Callable[..., Any]) -> bool:
        try:
            decide(QualificationRequestId=request_id)
        except mturk.exceptions.RequestError:
            return False
        return True

    ways: list[Callable[..., Any]] = [mturk.accept_qualification_request, mturk.reject_qualification_request] * 2
    outcomes = at_once(*(partial(decided, way) for way in ways))
    assert outcomes.count(True) == 1
    granted = mturk.list_workers_with_qualification_type(QualificationTypeId=id)["NumResults"]
    assert granted == (outcomes.index(True) + 1) % 2


def test_a_test_without_a_key_waits_with_its_answers(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, Test=TEST, TestDurationInSeconds=60), worker("Ada")
    ask(ada, id)
    # A test that is being sat is not the Requester's business yet.
    assert mturk.list_qualification_requests()["NumResults"] == 0
    hand_in(ada, id, q1="trout")
    request = mturk.list_qualification_requests()["QualificationRequests"][0]
    assert request["Test"] == TEST
    assert "<SelectionIdentifier>trout</SelectionIdentifier>" in request["Answer"]
    mturk.accept_qualification_request(QualificationRequestId=request["QualificationRequestId"])
    assert score(mturk, id, ada) == 1
