"""The list of work, what a Worker holds, history, profile and the brake on guessing."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from sqlalchemy import insert

from app.db.engine import Database
from app.marketplace import throttling
from app.marketplace.store import SignInFailure
from app.marketplace.worker_site.account_pages import ENROLMENTS_PER_ADDRESS
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def titles(page: httpx2.Response) -> list[str]:
    """The groups listed, from top to bottom."""
    return re.findall(r'<h2 dir="auto"><a href="/projects/[^"]+">([^<]*)</a>', page.text)


@pytest.fixture
def groups(mturk: "MTurkClient") -> None:
    publish(mturk, Title="Cups", Keywords="tea, 100%", Reward="0.05")
    publish(mturk, Title="Spoons", Description="Sugar_free", Reward="0.50")
    for number in range(3):
        publish(mturk, Title="Plates", Reward="0.20", RequesterAnnotation=str(number))


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Plates", "Spoons", "Cups"]),
        ("find=cups", ["Cups"]),
        ("find=TEA", ["Cups"]),
        ("find=free+sugar", ["Spoons"]),
        ("find=100%25", ["Cups"]),
        ("find=%25", ["Cups"]),
        ("find=_", ["Spoons"]),
        ("find=label+jury", ["Plates", "Spoons", "Cups"]),
        ("find=%00cups", ["Cups"]),
        ("find=forks", []),
        ("least=0.20", ["Plates", "Spoons"]),
        ("least=$0,50", ["Spoons"]),
        ("least=much", ["Plates", "Spoons", "Cups"]),
        ("least=NaN", ["Plates", "Spoons", "Cups"]),
        ("sort=reward", ["Spoons", "Plates", "Cups"]),
        ("sort=available", ["Plates", "Spoons", "Cups"]),
        ("sort=chaos&page=1", ["Plates", "Spoons", "Cups"]),
        ("sort=reward&least=0.1&find=s", ["Spoons", "Plates"]),
    ],
)
def test_the_list_shows_what_was_asked_for(marketplace: str, query: str, expected: list[str]) -> None:
    assert titles(httpx2.get(f"{marketplace}/worker?{query}")) == expected


@pytest.mark.usefixtures("groups")
def test_the_form_keeps_what_was_asked_for(marketplace: str) -> None:
    shown = httpx2.get(f'{marketplace}/worker?find="<b>&least=0.2&sort=reward').text
    assert 'value="&#34;&lt;b&gt;"' in shown
    assert 'value="0.20"' in shown
    assert '<option value="reward" selected>' in shown
    assert 'id="none-found"' in shown


def test_only_what_a_worker_qualifies_for_is_left_when_they_ask(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    adults = {"QualificationTypeId": "00000000000000000060", "Comparator": "EqualTo", "IntegerValues": [1]}
    publish(mturk, Title="For adults", QualificationRequirements=[adults])
    publish(mturk, Title="For all")
    ada = worker("Ada")
    assert titles(ada.http.get("/worker")) == ["For all", "For adults"]
    assert titles(ada.http.get("/worker?qualified=on")) == ["For all"]
    ada.post("/worker/profile", name="Ada", is_adult="on")
    assert titles(ada.http.get("/worker?qualified=on")) == ["For all", "For adults"]


def test_the_list_says_how_long_a_hit_took_others_and_what_an_hour_brings(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit_type = publish(mturk, Reward="0.10")["HITTypeId"]
    seconds = [20, 40, 90]
    for name, took in zip(("Ada", "Bob", "Cleo"), seconds, strict=True):
        browser = worker(name)
        assignment_id = browser.accept(hit_type)
        clock.advance(seconds=took)
        browser.submit(assignment_id)
    shown = worker("Dora").http.get("/worker").text
    found = re.search(r"about (\d+) seconds each \(≈ \$(\d+\.\d\d) an hour\)", shown)
    assert found, shown
    assert 40 <= int(found[1]) <= 44
    assert 8 <= float(found[2]) <= 9


def test_a_group_counts_what_this_worker_could_still_accept(
    mturk: "MTurkClient", marketplace: str, worker: Callable[[str], Browser]
) -> None:
    def counted(page: httpx2.Response) -> list[int]:
        return [int(number) for number in re.findall(r'<span class="available">(\d+)</span>', page.text)]

    hits = [publish(mturk) for _ in range(4)]
    other = publish(mturk, Title="Spoons")
    expire_now(mturk, publish(mturk)["HITId"])
    ada, bob = worker("Ada"), worker("Bob")
    ada.work(hits[0]["HITTypeId"], hits[0]["HITId"])
    ada.accept(hits[1]["HITTypeId"], hits[1]["HITId"])
    ada.post(f"/assignments/{ada.accept(hits[2]['HITTypeId'], hits[2]['HITId'])}/return")
    assert counted(ada.http.get("/worker")) == [1, 2]
    assert counted(bob.http.get("/worker")) == counted(httpx2.get(f"{marketplace}/worker")) == [1, 4]
    ada.work(other["HITTypeId"])
    assert counted(ada.http.get("/worker")) == [2]


def test_a_worker_holds_25_hits_at_most(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hits = [publish(mturk) for _ in range(26)]
    ada = worker("Ada")
    held = [ada.accept(hit["HITTypeId"], hit["HITId"]) for hit in hits[:25]]
    path = f"/projects/{hits[25]['HITTypeId']}/tasks/{hits[25]['HITId']}/accept"
    refused = ada.post(path)
    assert (refused.status_code, "25 HITs" in refused.text) == (409, True)
    assert ada.accept(hits[0]["HITTypeId"], hits[0]["HITId"]) == held[0]
    ada.submit(held[0])
    assert ada.post(path).status_code == 200


def test_the_history_shows_states_days_bonuses_feedback_and_when_work_is_paid_by_itself(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit_type = publish(mturk, Reward="0.40", AutoApprovalDelayInSeconds=86400)["HITTypeId"]
    for _ in range(2):
        publish(mturk, Reward="0.40", AutoApprovalDelayInSeconds=86400)
    ada = worker("Ada")
    good, bad, _ = (ada.work(hit_type) for _ in range(3))
    mturk.approve_assignment(AssignmentId=good)
    mturk.reject_assignment(AssignmentId=bad, RequesterFeedback="No <b>cup</b> in sight")
    mturk.send_bonus(WorkerId=ada.worker_id, AssignmentId=good, BonusAmount="0.25", Reason="Lovely & quick")
    shown = ada.http.get("/worker/history").text
    for words in (
        'id="earned">$0.65',
        'id="bonus">$0.25',
        'id="waiting">$0.40 (1)',
        "+$0.25",
        "Lovely &amp; quick",
        "No &lt;b&gt;cup&lt;/b&gt; in sight",
        "pays by itself on",
    ):
        assert words in shown
    assert re.search(r'<td class="number">1</td><td class="number">\$0.65</td>', shown)
    listed = {
        state: len(re.findall("data-assignment-id", ada.http.get(f"/worker/history?state={state}").text))
        for state in ("all", "approved", "rejected", "submitted", "returned", "nonsense")
    }
    assert listed == {"all": 3, "approved": 1, "rejected": 1, "submitted": 1, "returned": 0, "nonsense": 3}
    clock.advance(days=1, minutes=1)
    assert 'id="earned">$1.05' in ada.http.get("/worker/history").text


def test_a_profile_is_kept_and_stays_the_workers_own(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    ada = worker("Ada")
    kept = ada.post("/worker/profile", name="Ada  Ü", country="US", subdivision="CA", is_adult="on")
    assert "Your profile is saved" in kept.text
    for words in (
        'value="Ada Ü"',
        '<option value="US" selected>',
        '<option value="CA" selected>',
        'value="on" checked',
    ):
        assert words in kept.text
    moved = ada.post("/worker/profile", name="Ada", country="DE", subdivision="CA")
    assert '<option value="DE" selected>' in moved.text
    assert '<option value="CA" selected>' not in moved.text
    assert "checked" not in moved.text
    for faulty in ({"country": "XX"}, {"country": "US", "subdivision": "ZZ"}, {"country": "\0"}, {"name": ""}):
        assert ada.post("/worker/profile", **{"name": "Ada", **faulty}).status_code == 422
    assert ada.http.post("/worker/profile", data={"name": "Eve"}).status_code == 403
    assert httpx2.get(f"{ada.url}/worker/profile").status_code == 303


def test_guessing_a_phrase_is_braked_for_the_name_and_ends_with_the_right_one_later(
    marketplace: str, worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    ada = worker("Ada")
    fields = {"worker_id": ada.worker_id, "phrase": ada.phrase}
    with httpx2.Client(base_url=marketplace) as mallory:
        for _ in range(throttling.FAILURES_PER_NAME):
            assert mallory.post("/worker/sign-in", data={**fields, "phrase": "guess"}).status_code == 403
        braked = mallory.post("/worker/sign-in", data=fields)
        assert (braked.status_code, 'id="too-many"' in braked.text) == (429, True)
        clock.advance(minutes=16)
        assert mallory.post("/worker/sign-in", data=fields).status_code == 303


def test_a_title_from_right_to_left_stands_as_it_should(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    publish(mturk, Title="מה מתאים?", Description="הסתכלו \u202e ובחרו")
    ada = worker("עדה")
    listed = ada.http.get("/worker").text
    assert '<h2 dir="auto"><a' in listed
    assert "<bdi>עדה</bdi>" in listed


def test_enrolment_is_braked_for_an_address_but_not_for_this_machine(
    marketplace: str, database: Database, clock: MovedClock
) -> None:
    addresses = ("192.0.2.7", "127.0.0.1")
    with database.transaction() as db:
        rows = [{"who": f"enrolment@{address}", "at": clock()} for address in addresses]
        db.execute(insert(SignInFailure), rows * ENROLMENTS_PER_ADDRESS)

    def enrol(address: str) -> int:
        fields, headers = {"name": "Ada"}, {"X-Forwarded-For": address}
        return httpx2.post(f"{marketplace}/worker/enrol", data=fields, headers=headers).status_code

    assert [enrol(address) for address in (*addresses, "192.0.2.8")] == [429, 200, 200]
    clock.advance(minutes=16)
    assert enrol("192.0.2.7") == 200
