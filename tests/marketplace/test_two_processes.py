"""Two marketplaces as real processes on one database behave as one, whoever is asked at the same moment."""

import random
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.conftest import copied_database
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import Browser, expire_now, hit_values, publish, turk_code
from tests.marketplace.qualification_tests import KEY, TEST, ask, define, hand_in
from tests.marketplace.test_races import at_once
from tests.marketplace_invariants import broken_rules
from tests.marketplace_processes import MarketplaceProcess, marketplace_processes

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = pytest.mark.xdist_group("two-processes")
ROUNDS = 4
Enrol = Callable[[str], Browser]


@pytest.fixture(scope="module")
def shared_url(postgres_url: str, template_database: str) -> Iterator[str]:
    with copied_database(postgres_url, template_database) as url:
        yield url


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, shared_url: str) -> Iterator[list[MarketplaceProcess]]:
    with marketplace_processes(tmp_path_factory.mktemp("two"), shared_url, 2) as processes:
        yield processes


@pytest.fixture
def clients(two: list[MarketplaceProcess]) -> list["MTurkClient"]:
    """Rita's client of either process."""
    return [mturk_client(one.url, one.credentials) for one in two]


@pytest.fixture
def enrol(two: list[MarketplaceProcess]) -> Iterator[Enrol]:
    """Enrols Workers, whose browsers speak to the one process and the other in turn."""
    browsers: list[Browser] = []

    def enrol(name: str) -> Browser:
        browser = Browser(two[len(browsers) % 2].url)
        browsers.append(browser)
        browser.enrol(name)
        return browser

    yield enrol
    for browser in browsers:
        browser.close()


@pytest.fixture(autouse=True)
def _consistent_afterwards(two: list[MarketplaceProcess], shared_url: str) -> Iterator[None]:
    yield
    assert broken_rules(shared_url) == {}
    for one in two:
        assert "Traceback" not in one.said()


def outcome(call: Callable[[], Any]) -> str:
    """ "done", or the TurkErrorCode."""
    try:
        call()
    except ClientError as refused:
        return turk_code(refused).removeprefix("AWS.MechanicalTurk.")
    return "done"


def created(client: "MTurkClient", given: Any) -> tuple[bool, str]:
    """Whether this call made the HIT, and the HIT's id: the error of one that came later names it."""
    try:
        return True, client.create_hit(**given)["HIT"]["HITId"]
    except client.exceptions.RequestError as refused:
        code, message = turk_code(refused), str(refused)
    return False, re.findall(r"\b3[A-Z0-9]{29}\b", message)[0] if code.endswith("HitAlreadyExists") else code


def accept(one: Browser, hit: Any) -> bool:
    """Whether the Worker got an Assignment of the HIT."""
    shown = one.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert shown.status_code in {200, 403, 404, 409, 410}, shown.text
    return "/assignments/" in str(shown.url)


def change(url: str, statement: str, *values: Any) -> None:
    """Change a row behind the marketplace's back: a deadline that is about to pass, say."""
    with psycopg.connect(url) as connection:
        assert connection.execute(statement, values).rowcount == 1


def status_of(url: str, assignment_id: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT status FROM marketplace.assignments WHERE id = %s", [assignment_id]).fetchone()
    assert row is not None
    return str(row[0])


def test_the_last_free_assignment_goes_to_one_worker(clients: list["MTurkClient"], enrol: Enrol) -> None:
    workers = [enrol(f"Worker {number}") for number in range(6)]
    for _ in range(ROUNDS):
        hit = publish(clients[0], MaxAssignments=1)
        got = at_once(*(lambda one=one, hit=hit: accept(one, hit) for one in workers))
        assert sum(got) == 1
        for client in clients:
            shown = client.get_hit(HITId=hit["HITId"])["HIT"]
            assert (shown["HITStatus"], shown["NumberOfAssignmentsPending"]) == ("Unassignable", 1)


def test_a_token_sent_to_both_makes_one_hit(clients: list["MTurkClient"]) -> None:
    for number in range(ROUNDS):
        before = clients[0].get_account_balance()["OnHoldBalance"]
        given = hit_values(MaxAssignments=1, Title=f"Token {number}", UniqueRequestToken=f"hit {number}")
        answers = at_once(*(lambda c=client, g=given: created(c, g) for client in clients * 3))
        (made,) = [id for created_here, id in answers if created_here]
        assert [id for created_here, id in answers if not created_here] == [made] * 5
        held = float(clients[1].get_account_balance()["OnHoldBalance"]) - float(before)
        assert held == pytest.approx(0.06)


def test_equal_types_made_at_once_are_one_type(clients: list["MTurkClient"]) -> None:
    for number in range(ROUNDS):
        given = {name: hit_values()[name] for name in ("Description", "Reward", "AssignmentDurationInSeconds")}
        given["Title"] = f"Type {number}"
        ids = at_once(*(lambda c=client, g=given: c.create_hit_type(**g)["HITTypeId"] for client in clients * 3))
        assert len(set(ids)) == 1


def test_a_bonus_token_sent_to_both_pays_once(clients: list["MTurkClient"], enrol: Enrol) -> None:
    ada = enrol("Ada")
    hit = publish(clients[0])
    given: Any = {"WorkerId": ada.worker_id, "AssignmentId": ada.work(hit["HITTypeId"], hit["HITId"]), "Reason": "good"}
    for number in range(ROUNDS):
        token = f"bonus {number}"
        done = at_once(
            *(
                lambda c=client, t=token: outcome(
                    lambda: c.send_bonus(**given, BonusAmount="0.10", UniqueRequestToken=t)
                )
                for client in clients * 2
            )
        )
        assert done.count("done") == 1
    assert clients[1].list_bonus_payments(HITId=hit["HITId"])["NumResults"] == ROUNDS


def test_more_assignments_asked_of_both_with_one_token_are_added_once(clients: list["MTurkClient"]) -> None:
    hit = publish(clients[0], MaxAssignments=1)
    done = at_once(
        *(
            lambda c=client: outcome(
                lambda: c.create_additional_assignments_for_hit(
                    HITId=hit["HITId"], NumberOfAdditionalAssignments=2, UniqueRequestToken="more"
                )
            )
            for client in clients * 2
        )
    )
    assert done.count("done") == 1
    assert clients[1].get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 3


def test_accepting_and_expiring_at_once_end_in_one_of_the_two(clients: list["MTurkClient"], enrol: Enrol) -> None:
    ada, bob = enrol("Ada"), enrol("Bob")
    for number in range(ROUNDS * 2):
        one = (ada, bob)[number % 2]
        hit = publish(clients[0], MaxAssignments=1)
        got, _ = at_once(partial(accept, one, hit), partial(expire_now, clients[0], hit["HITId"]))
        shown = clients[1].get_hit(HITId=hit["HITId"])["HIT"]
        assert (shown["HITStatus"], shown["NumberOfAssignmentsPending"]) == (
            ("Unassignable", 1) if got else ("Reviewable", 0)
        )


def test_deleting_and_accepting_at_once_leave_nobody_with_work_that_is_gone(
    clients: list["MTurkClient"], enrol: Enrol
) -> None:
    ada, bob = enrol("Ada"), enrol("Bob")
    for number in range(ROUNDS * 2):
        one = (ada, bob)[number % 2]
        hit = publish(clients[0], MaxAssignments=1)

        def delete(hit: Any = hit) -> str:
            expire_now(clients[1], hit["HITId"])
            return outcome(lambda: clients[0].delete_hit(HITId=hit["HITId"]))

        got, deleted = at_once(partial(accept, one, hit), delete)
        assert (got, deleted) in {(True, "InvalidHITState"), (False, "done")}


def test_approving_and_auto_approval_at_once_pay_once(
    clients: list["MTurkClient"], enrol: Enrol, shared_url: str
) -> None:
    ada = enrol("Ada")
    for _ in range(ROUNDS):
        hit = publish(clients[0], MaxAssignments=1, AutoApprovalDelayInSeconds=3600)
        id = ada.work(hit["HITTypeId"], hit["HITId"])
        change(shared_url, "UPDATE marketplace.assignments SET auto_approval_at = now() WHERE id = %s", id)
        at_once(
            partial(outcome, partial(clients[0].approve_assignment, AssignmentId=id)),
            clients[1].list_hits,
            partial(outcome, partial(clients[1].reject_assignment, AssignmentId=id, RequesterFeedback="no")),
        )
        assert status_of(shared_url, id) == "Approved"


def test_submitting_and_abandoning_at_once_end_in_one_of_the_two(
    clients: list["MTurkClient"], enrol: Enrol, shared_url: str
) -> None:
    ada, chance = enrol("Ada"), random.Random(3)
    seen = set()
    for _ in range(ROUNDS * 2):
        hit = publish(clients[0], MaxAssignments=1)
        id = ada.accept(hit["HITTypeId"], hit["HITId"])
        due_in_s = chance.uniform(-0.01, 0.06)
        change(
            shared_url,
            "UPDATE marketplace.assignments SET deadline = now() + make_interval(secs => %s) WHERE id = %s",
            due_in_s,
            id,
        )
        shown, _ = at_once(partial(ada.submit, id), clients[1].list_hits)
        # What was not submitted is abandoned at the latest when somebody looks after its deadline.
        deadline = time.monotonic() + 60
        while status_of(shared_url, id) == "Pending" and time.monotonic() < deadline:
            clients[0].get_hit(HITId=hit["HITId"])
        status = status_of(shared_url, id)
        assert (shown.status_code == 200) is (status == "Submitted")
        assert status in {"Submitted", "Abandoned"}
        seen.add(status)
    assert seen


def test_two_requests_for_a_qualification_at_once_are_one(
    clients: list["MTurkClient"], enrol: Enrol, two: list[MarketplaceProcess]
) -> None:
    ada = enrol("Ada")
    for number in range(ROUNDS):
        asked = define(clients[0], Name=f"Asked {number}")
        at_once(*[partial(ask, ada, asked)] * 3)
        assert clients[1].list_qualification_requests(QualificationTypeId=asked)["NumResults"] == 1
        (request,) = clients[1].list_qualification_requests(QualificationTypeId=asked)["QualificationRequests"]
        id = request["QualificationRequestId"]
        done = at_once(
            partial(outcome, partial(clients[0].accept_qualification_request, QualificationRequestId=id)),
            partial(outcome, partial(clients[1].reject_qualification_request, QualificationRequestId=id)),
        )
        assert done.count("done") == 1


def test_a_test_handed_in_twice_at_once_is_scored_once(clients: list["MTurkClient"], enrol: Enrol) -> None:
    for number in range(3):
        ada = enrol("Ada")
        tested = define(clients[0], Name=f"Tested {number}", Test=TEST, TestDurationInSeconds=600, AnswerKey=KEY)
        ask(ada, tested)
        shown = at_once(
            *(lambda a=answer, t=tested, one=ada: hand_in(one, t, q1=a).status_code for answer in ("robin", "trout"))
        )
        assert all(status < 500 for status in shown)
        listed = clients[1].list_workers_with_qualification_type(QualificationTypeId=tested)
        assert [one["IntegerValue"] in {10, -2} for one in listed["Qualifications"]] == [True]
