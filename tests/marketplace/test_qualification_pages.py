"""A Worker asks for Qualifications and takes their tests."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import psycopg
import pytest

from app.db.engine import Database
from tests.marketplace.conftest import MovedClock
from tests.marketplace.newcomers import newcomer, open_channel, prolific, start, visit_id_of
from tests.marketplace.people import Browser, publish
from tests.marketplace.qualification_tests import KEY, TEST, ask, define, hand_in, requirement
from tests.marketplace.test_qualifications import score
from tests.marketplace.test_races import at_once

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]


def page(browser: Browser, id: str) -> str:
    return browser.http.get(f"/worker/qualifications/{id}").text


def test_a_test_with_a_key_is_scored_and_granted_at_once(mturk: "MTurkClient", worker: Enrol) -> None:
    id = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=300)
    ada, bob = worker("Ada"), worker("Bob")
    shown = ada.http.get(f"/worker/qualifications/{id}").text
    assert "5 minutes" in shown
    assert "only once" in shown
    test = ask(ada, id)
    assert str(test.url).endswith(f"/worker/qualifications/{id}/test")
    assert "Which one is a bird?" in test.text
    assert 'id="deadline"' in test.text
    assert "<b>10</b>" in hand_in(ada, id, q1="robin").text
    assert score(mturk, id, ada) == 10
    ask(bob, id)
    hand_in(bob, id, q1="trout")
    assert score(mturk, id, bob) == -2
    assert mturk.list_qualification_requests()["NumResults"] == 0


def test_a_result_says_the_score_what_it_is_for_and_the_way_back(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada, bob = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=300), worker("Ada"), worker("Bob")
    asked = requirement(id, "GreaterThanOrEqualTo", 5, ActionsGuarded="Accept")
    publish(mturk, Title="Birds & co", QualificationRequirements=[asked])
    publish(mturk, Title="For everybody")
    hidden = requirement(id, "GreaterThanOrEqualTo", 5, ActionsGuarded="DiscoverPreviewAndAccept")
    publish(mturk, Title="For the chosen", QualificationRequirements=[hidden])
    assert '<p class="meta">At least 5</p>' in page(ada, id)
    ask(ada, id)
    passed = hand_in(ada, id, q1="robin").text
    assert "you reached <b>10</b>" in passed
    assert "Birds &amp; co</a>" in passed
    assert passed.count("You have what it asks for here.") == 2
    ask(bob, id)
    failed = hand_in(bob, id, q1="trout").text
    assert "you reached <b>-2</b>" in failed
    assert '<p class="meta">At least 5 · yours: -2</p>' in failed
    assert "For everybody" not in passed
    assert "For the chosen" not in failed
    for shown in (passed, failed):
        assert 'id="way-back" href="/worker">Back to the HITs</a>' in shown


def test_from_a_test_the_way_leads_back_into_the_visit(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    id = define(mturk, Test=TEST, TestDurationInSeconds=300)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(open_channel(database))))
        ask(ada, id)
        shown = hand_in(ada, id, q1="robin").text
    assert "you reached" not in shown
    assert f'href="/visits/{visit}">Back to <bdi>Tea study</bdi></a>' in shown


def test_answers_that_break_the_tests_rules_come_back(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=300), worker("Ada")
    ask(ada, id)
    for fields in ({}, {"q1": "shark"}, {"q1": "\0"}, {"nonsense": "robin"}):
        shown = hand_in(ada, id, **fields)
        assert shown.status_code == 422
        assert 'id="test-form"' in shown.text
    assert mturk.list_workers_with_qualification_type(QualificationTypeId=id)["NumResults"] == 0
    assert hand_in(ada, id, q1="robin").status_code == 200


def test_a_late_test_is_refused_and_counts_as_the_one_try(
    mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    id, ada = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=60), worker("Ada")
    ask(ada, id)
    clock.advance(seconds=61)
    late = hand_in(ada, id, q1="robin")
    assert late.status_code == 409
    assert "time for this test is over" in late.text
    assert ada.http.get(f"/worker/qualifications/{id}/test").status_code == 409
    assert 'id="once-only"' in page(ada, id)
    again = ask(ada, id)
    assert again.status_code == 409
    assert "only once" in again.text
    assert mturk.list_workers_with_qualification_type(QualificationTypeId=id)["NumResults"] == 0


def test_the_test_goes_on_where_the_worker_left_it_and_its_time_runs(
    mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    id, ada = define(mturk, Test=TEST, TestDurationInSeconds=300), worker("Ada")
    first = ask(ada, id).text
    clock.advance(seconds=120)
    mturk.update_qualification_type(
        QualificationTypeId=id, Test=TEST.replace("bird?", "cat?"), TestDurationInSeconds=300
    )
    second = ask(ada, id).text
    assert "bird?" in second
    assert first.split('id="deadline"')[1][:60] == second.split('id="deadline"')[1][:60]
    mturk.update_qualification_type(QualificationTypeId=id, QualificationTypeStatus="Inactive")
    assert hand_in(ada, id, q1="robin").status_code == 200
    twice = hand_in(ada, id, q1="trout")
    assert twice.status_code == 409


def test_a_test_may_be_taken_again_after_the_delay(mturk: "MTurkClient", worker: Enrol, clock: MovedClock) -> None:
    id = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=60, RetryDelayInSeconds=3600)
    ada = worker("Ada")
    ask(ada, id)
    hand_in(ada, id, q1="trout")
    assert 'id="too-soon"' in page(ada, id)
    assert ask(ada, id).status_code == 409
    clock.advance(seconds=3601)
    ask(ada, id)
    hand_in(ada, id, q1="robin")
    assert score(mturk, id, ada) == 10
    # Letting the time of a test run out is a try like any other.
    clock.advance(seconds=3601)
    ask(ada, id)
    clock.advance(seconds=61)
    assert ask(ada, id).status_code == 409
    clock.advance(seconds=3601)
    assert ask(ada, id).status_code == 200


def test_enabling_retries_lets_those_try_again_who_were_refused(
    mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    id, ada = define(mturk, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=60), worker("Ada")
    ask(ada, id)
    hand_in(ada, id, q1="trout")
    assert ask(ada, id).status_code == 409
    mturk.update_qualification_type(QualificationTypeId=id, RetryDelayInSeconds=0)
    assert ask(ada, id).status_code == 200


def test_an_auto_granted_one_is_there_at_once(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, AutoGranted=True, AutoGrantedValue=42, RetryDelayInSeconds=0), worker("Ada")
    assert "You have the Qualification now" in ask(ada, id).text
    assert score(mturk, id, ada) == 42
    assert "You have this Qualification already" in ask(ada, id).text


def test_an_inactive_one_cannot_be_asked_for(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, QualificationTypeStatus="Inactive"), worker("Ada")
    assert ada.http.get(f"/worker/qualifications/{id}").status_code == 404
    assert "Knows birds" not in ada.http.get("/worker/qualifications").text
    assert ask(ada, id).status_code == 409
    assert ask(ada, "3" + "X" * 29).status_code == 404
    assert ada.http.get("/worker/qualifications/%00").status_code in {404, 422}
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id)
    assert "Knows birds" in ada.http.get("/worker/qualifications").text
    assert ada.http.get(f"/worker/qualifications/{id}").status_code == 200


@pytest.mark.parametrize("changed", [{}, {"AutoGranted": True}, {"Test": TEST, "TestDurationInSeconds": 60}])
def test_of_requests_at_the_same_moment_one_counts(
    mturk: "MTurkClient", worker: Enrol, database_url: str, changed: dict[str, str]
) -> None:
    id, ada = define(mturk, **changed), worker("Ada")
    codes = at_once(*[lambda: ask(ada, id).status_code] * 6)
    assert set(codes) <= {200, 409}
    assert 200 in codes
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM marketplace.qualification_requests").fetchone()
    assert row == (1,)


def test_of_two_hand_ins_at_the_same_moment_one_counts(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, Test=TEST, TestDurationInSeconds=60), worker("Ada")
    ask(ada, id)
    codes = at_once(*[lambda: hand_in(ada, id, q1="robin").status_code] * 4)
    assert sorted(codes) == [200, 409, 409, 409]
    assert mturk.list_qualification_requests()["NumResults"] == 1


def test_the_list_is_searched_and_paged_and_shows_names_escaped(mturk: "MTurkClient", worker: Enrol) -> None:
    define(mturk, Name='<script>alert("1")</script> ציפורים', Keywords="wings")
    for number in range(31):
        define(mturk, Name=f"Number {number}")
    ada = worker("Ada")
    first = ada.http.get("/worker/qualifications").text
    assert "Number 30" in first
    assert "Number 0<" not in first
    assert "Number 0<" in ada.http.get("/worker/qualifications?page=2").text
    found = ada.http.get("/worker/qualifications", params={"q": "WING"}).text
    assert "&lt;script&gt;alert" in found
    assert "<script>alert" not in found
    assert 'dir="auto"' in found
    assert "Number" not in found
    assert "Nothing fits" in ada.http.get("/worker/qualifications", params={"q": '%"\0'}).text


def test_a_form_without_the_pages_token_and_a_visitor_without_a_session_are_refused(
    mturk: "MTurkClient", worker: Enrol, marketplace: str
) -> None:
    id, ada = define(mturk), worker("Ada")
    assert ada.http.post(f"/worker/qualifications/{id}/request").status_code == 403
    with httpx2.Client(base_url=marketplace) as nobody:
        for path in ("", f"/{id}", f"/{id}/test"):
            assert "/worker/sign-in" in nobody.get(f"/worker/qualifications{path}").headers["location"]
    assert mturk.list_qualification_requests()["NumResults"] == 0


def test_one_workers_test_is_not_anothers(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada, bob = define(mturk, Test=TEST, TestDurationInSeconds=60), worker("Ada"), worker("Bob")
    ask(ada, id)
    assert bob.http.get(f"/worker/qualifications/{id}/test").status_code == 404
    assert hand_in(bob, id, q1="robin").status_code == 404
