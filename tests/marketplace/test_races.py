"""Two marketplaces on one database, and Workers who do things at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from app.db.engine import Database
from app.marketplace import bookkeeping
from app.secrets import Credentials
from app.settings import Settings
from tests.marketplace.conftest import MovedClock, mturk_client
from tests.marketplace.people import Browser, expire_now, publish, turk_code
from tests.marketplace_invariants import broken_rules
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


@pytest.fixture
def other_marketplace(marketplace: str, settings: Settings, database_url: str, clock: MovedClock) -> Iterator[str]:
    """A second process's worth of marketplace on the same database."""
    other = Database(database_url, pool_size=4)
    with running_marketplace(settings, other, clock) as url:
        yield url
    other.close()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Start all calls at the same moment; their results."""
    barrier = Barrier(len(calls))

    def start(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(start, calls))


def test_the_last_free_assignment_goes_to_one_of_many(
    mturk: "MTurkClient", marketplace: str, other_marketplace: str, worker: Callable[[str], Browser], database_url: str
) -> None:
    workers = [worker(f"Worker {number}") for number in range(6)]
    for number, one in enumerate(workers):
        one.http.base_url = other_marketplace if number % 2 else marketplace
    for _ in range(5):
        hit = publish(mturk, MaxAssignments=1)
        path = f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept"
        shown = at_once(*(lambda one=one, path=path: one.post(path).status_code for one in workers))
        assert sorted(shown) == [200] + [409] * 5
        state = mturk.get_hit(HITId=hit["HITId"])["HIT"]
        assert (state["NumberOfAssignmentsAvailable"], state["NumberOfAssignmentsPending"]) == (0, 1)
    assert broken_rules(database_url) == {}


def test_accepting_twice_at_once_gives_the_same_assignment(
    mturk: "MTurkClient", worker: Callable[[str], Browser], database_url: str
) -> None:
    hit, ada = publish(mturk), worker("Ada")
    path = f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept"
    addresses = at_once(*[lambda: str(ada.post(path).url)] * 4)
    assert len(set(addresses)) == 1
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 1
    assert broken_rules(database_url) == {}


def test_a_double_submission_stores_one_answer(
    mturk: "MTurkClient", worker: Callable[[str], Browser], database_url: str
) -> None:
    hit, ada = publish(mturk), worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    shown = at_once(*(lambda n=n: ada.submit(assignment_id, choice=str(n)).status_code for n in range(4)))
    assert sorted(shown) == [200, 409, 409, 409]
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 1
    assert broken_rules(database_url) == {}


def test_submitting_and_expiring_at_once_loses_no_answer(
    mturk: "MTurkClient", worker: Callable[[str], Browser], database_url: str
) -> None:
    ada = worker("Ada")
    for _ in range(5):
        hit = publish(mturk, MaxAssignments=2)
        assignment_id = ada.accept(hit["HITTypeId"], hit["HITId"])
        at_once(partial(ada.submit, assignment_id), partial(expire_now, mturk, hit["HITId"]))
        assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 1
        assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    assert broken_rules(database_url) == {}
    assert mturk.get_account_balance()["OnHoldBalance"] == "0.30"


def test_approving_at_once_from_two_places_pays_once(
    mturk: "MTurkClient", other_marketplace: str, credentials: Credentials, worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, MaxAssignments=1)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    clients = [mturk, mturk_client(other_marketplace, credentials)]

    def approve(client: "MTurkClient") -> str:
        try:
            client.approve_assignment(AssignmentId=assignment_id)
        except client.exceptions.RequestError as refused:
            return turk_code(refused)
        return "approved"

    results = at_once(*(lambda c=client: approve(c) for client in clients * 2))
    assert sorted(results) == ["AWS.MechanicalTurk.InvalidAssignmentState"] * 3 + ["approved"]
    assert mturk.get_account_balance()["AvailableBalance"] == "9999.94"
    assert mturk.get_account_balance()["OnHoldBalance"] == "0.00"


def test_many_hits_fall_due_at_once_and_are_settled_once(
    mturk: "MTurkClient",
    worker: Callable[[str], Browser],
    clock: MovedClock,
    database: Database,
    database_url: str,
) -> None:
    ada, bob = worker("Ada"), worker("Bob")
    for _ in range(12):
        hit = publish(mturk, MaxAssignments=3, LifetimeInSeconds=60, AutoApprovalDelayInSeconds=60)
        ada.work(hit["HITTypeId"], hit["HITId"])
        bob.accept(hit["HITTypeId"], hit["HITId"])
    clock.advance(hours=1)
    at_once(
        *[lambda: bookkeeping.settle(database, clock())] * 3, lambda: bookkeeping.settle(database, clock(), wait=False)
    )
    assert broken_rules(database_url) == {}
    balance = mturk.get_account_balance()
    assert (balance["AvailableBalance"], balance["OnHoldBalance"]) == ("9999.28", "0.00")


def test_a_crowd_on_two_marketplaces_fills_every_hit_exactly(
    mturk: "MTurkClient", marketplace: str, other_marketplace: str, worker: Callable[[str], Browser], database_url: str
) -> None:
    made = [publish(mturk, MaxAssignments=5) for _ in range(6)]
    hit_type_id = made[0]["HITTypeId"]
    workers = [worker(f"Worker {number}") for number in range(8)]

    def work(number: int) -> int:
        one, done = workers[number], 0
        one.url = other_marketplace if number % 2 else marketplace
        one.http.base_url = one.url
        while True:
            shown = one.post(f"/projects/{hit_type_id}/tasks/accept_random")
            if "/assignments/" not in str(shown.url):
                return done
            assert one.submit(str(shown.url).rpartition("/")[2]).status_code == 200
            done += 1

    done = at_once(*(lambda n=n: work(n) for n in range(8)))
    assert sum(done) == 30
    pages = mturk.get_paginator("list_hits").paginate()
    assert {hit["HITStatus"] for page in pages for hit in page["HITs"]} == {"Reviewable"}
    assert broken_rules(database_url) == {}
