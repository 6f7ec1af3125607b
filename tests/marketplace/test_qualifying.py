"""Which Workers may see, preview and accept a HIT."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg
import pytest
from sqlalchemy import event

from app.db.engine import Database
from app.marketplace import qualifying, system_qualifications
from app.marketplace.qualifying import Action
from app.marketplace.store import HITType
from app.marketplace.system_qualifications import Locale
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish
from tests.marketplace.qualification_tests import ask, define, requirement

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]
LOCALE, ADULT, NUMBER, PERCENT = system_qualifications.LOCALE, "00000000000000000060", "0" * 18 + "40", "0" * 18 + "L0"
GUARDS = [action.value for action in Action]


@pytest.mark.parametrize(
    ("comparator", "values", "fits", "fails"),
    [
        ("LessThan", [5], [4, -9], [5, 6, None]),
        ("LessThanOrEqualTo", [5], [5], [6, None]),
        ("GreaterThan", [5], [6], [5, None]),
        ("GreaterThanOrEqualTo", [5], [5], [4, None]),
        ("EqualTo", [5], [5], [4, None]),
        ("NotEqualTo", [5], [4], [5, None]),
        ("In", [1, 3], [1, 3], [2, None]),
        ("NotIn", [1, 3], [2], [1, None]),
        ("Exists", [], [0, -1], [None]),
        ("DoesNotExist", [], [None], [0, 1]),
    ],
)
def test_each_comparator_compares(
    comparator: str, values: Sequence[int], fits: Sequence[int | None], fails: Sequence[int | None]
) -> None:
    needed = requirement("Q", comparator, *values)
    assert all(qualifying.satisfied(needed, value) for value in fits)
    assert not any(qualifying.satisfied(needed, value) for value in fails)


@pytest.mark.parametrize(
    ("comparator", "locales", "fits", "fails"),
    [
        ("EqualTo", ["US"], [Locale("US"), Locale("US", "NY")], [Locale("CH"), None]),
        ("EqualTo", ["US-NY"], [Locale("US", "NY")], [Locale("US"), Locale("US", "CA"), None]),
        ("NotEqualTo", ["US-NY"], [Locale("US"), Locale("CH")], [Locale("US", "NY"), None]),
        ("In", ["CH", "US-NY"], [Locale("CH"), Locale("US", "NY")], [Locale("US", "CA"), None]),
        ("NotIn", ["CH", "US"], [Locale("DE")], [Locale("US", "NY"), None]),
        ("Exists", [], [Locale("DE")], [None]),
        ("GreaterThan", ["US"], [], [Locale("US"), Locale("DE"), None]),
    ],
)
def test_locales_match_by_country_and_by_subdivision_where_one_is_named(
    comparator: str, locales: Sequence[str], fits: Sequence[Locale | None], fails: Sequence[Locale | None]
) -> None:
    wanted = [dict(zip(("Country", "Subdivision"), one.split("-"), strict=False)) for one in locales]
    needed = {"QualificationTypeId": LOCALE, "Comparator": comparator, "LocaleValues": wanted}
    assert all(qualifying.satisfied(needed, value) for value in fits)
    assert not any(qualifying.satisfied(needed, value) for value in fails)


def set_worker(database_url: str, browser: Browser, **values: Any) -> None:
    with psycopg.connect(database_url) as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE marketplace.workers SET {name} = %s WHERE id = %s", (value, browser.worker_id))


def with_history(database_url: str, browser: Browser, **counts: int) -> None:
    """Let the Worker have so many Assignments in each status, on HITs that are over."""
    with psycopg.connect(database_url) as connection:
        for status, count in counts.items():
            copy = f"{status}{browser.worker_id}"
            connection.execute(
                """
                INSERT INTO marketplace.hits (id, requester_id, hit_type_id, question, max_assignments, reward_usd,
                    fee_usd, status, pending, submitted, approved, rejected, reserved_slots, created_at, expires_at)
                SELECT %s || number, requester_id, hit_type_id, question, 1, reward_usd, fee_usd, 'Disposed',
                    0, 0, 0, 0, 0, created_at, expires_at
                FROM (SELECT * FROM marketplace.hits LIMIT 1), generate_series(1, %s) AS number
                """,
                (copy, count),
            )
            connection.execute(
                """
                INSERT INTO marketplace.assignments (id, hit_id, worker_id, status, accepted_at, deadline)
                SELECT %s || number, %s || number, %s, %s, now(), now() FROM generate_series(1, %s) AS number
                """,
                (copy, copy, browser.worker_id, status, count),
            )


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """The statements that are sent inside the block."""
    sent: list[str] = []

    def note(*told: Any) -> None:
        sent.append(told[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


def values(database: Database, browser: Browser, *type_ids: str) -> list[Any]:
    with database.transaction() as db:
        found = qualifying.values_of(db, browser.worker_id, type_ids)
    return [found.get(type_id) for type_id in type_ids]


def test_the_approval_rate_counts_from_a_hundred_submissions_on_and_is_rounded_down(
    mturk: "MTurkClient", worker: Enrol, database: Database, database_url: str
) -> None:
    publish(mturk)
    ada, bob, mallory = worker("Ada"), worker("Bob"), worker("Mallory")
    assert values(database, ada, NUMBER, PERCENT) == [0, 100]
    with_history(database_url, ada, Approved=1, Rejected=98)
    assert values(database, ada, NUMBER, PERCENT) == [1, 100]
    with_history(database_url, bob, Approved=89, Rejected=1, Submitted=10, Returned=300, Abandoned=100)
    assert values(database, bob, NUMBER, PERCENT) == [89, 98]
    assert values(database, bob, "0" * 20, "0" * 18 + "E0", "0" * 18 + "70", "0" * 18 + "S0") == [20, 60, 20, 1]
    with_history(database_url, mallory, Submitted=100)
    assert values(database, mallory, NUMBER, PERCENT) == [0, 100]


def test_locale_and_adult_come_from_the_profile_and_masters_from_the_operator(
    worker: Enrol, database: Database, database_url: str, clock: MovedClock
) -> None:
    ada = worker("Ada")
    masters = ("2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6")
    assert values(database, ada, LOCALE, ADULT, *masters) == [None, 0, None, None]
    set_worker(database_url, ada, country="US", subdivision="NY", is_adult=True)
    for _ in range(2):
        with database.transaction() as db:
            system_qualifications.grant_masters(db, ada.worker_id, clock())
    assert values(database, ada, LOCALE, ADULT, *masters) == [Locale("US", "NY"), 1, 1, 1]
    told = ada.http.get("/worker/qualifications").text
    assert "US-NY" in told
    with database.transaction() as db:
        assert system_qualifications.revoke_masters(db, ada.worker_id)
        assert not system_qualifications.revoke_masters(db, ada.worker_id)
    assert values(database, ada, *masters) == [None, None]


def reach(browser: Browser, hit_type_id: str) -> tuple[bool, bool, bool]:
    """Whether the Worker finds, previews and can accept the group."""
    listed = f'data-hit-type-id="{hit_type_id}"' in browser.http.get("/worker").text
    preview = browser.http.get(f"/projects/{hit_type_id}/tasks")
    shown = preview.status_code == 200 and 'id="question-frame"' in preview.text
    taken = browser.post(f"/projects/{hit_type_id}/tasks/accept_random")
    found = re.search(r"/assignments/(3[A-Z0-9]{29})$", str(taken.url))
    if found:
        browser.post(f"/assignments/{found[1]}/return")
    assert found or taken.status_code == 403, taken.text
    return listed, shown, found is not None


@pytest.mark.parametrize(
    ("guarded", "without"),
    [
        ("Accept", (True, True, False)),
        ("PreviewAndAccept", (True, False, False)),
        ("DiscoverPreviewAndAccept", (False, False, False)),
    ],
)
def test_a_requirement_guards_what_it_says(
    mturk: "MTurkClient", worker: Enrol, guarded: str, without: tuple[bool, bool, bool]
) -> None:
    id, ada, bob = define(mturk, Name='"Birds" ציפורים <b>'), worker("Ada"), worker("Bob")
    needed = requirement(id, "GreaterThan", 5, ActionsGuarded=guarded)
    hit = publish(mturk, QualificationRequirements=[needed])
    for browser, score in ((ada, 6), (bob, 5)):
        mturk.associate_qualification_with_worker(
            QualificationTypeId=id, WorkerId=browser.worker_id, IntegerValue=score
        )
    assert reach(ada, hit["HITTypeId"]) == (True, True, True)
    assert reach(bob, hit["HITTypeId"]) == without
    marks = [hit["HITTypeId"] in browser.http.get("/worker?qualified=on").text for browser in (ada, bob)]
    assert marks == [True, False]
    direct = bob.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert direct.status_code == 403
    assert "&#34;Birds&#34; ציפורים &lt;b&gt;" in direct.text
    assert "Above 5 · yours: 5" in direct.text
    assert f'href="/worker/qualifications/{id}"' in direct.text
    mturk.disassociate_qualification_from_worker(QualificationTypeId=id, WorkerId=ada.worker_id)
    assert reach(ada, hit["HITTypeId"]) == without


def test_each_action_needs_what_guards_it_and_no_more(mturk: "MTurkClient", worker: Enrol) -> None:
    ids, ada = [define(mturk, Name=guard) for guard in GUARDS], worker("Ada")
    needed = [requirement(id, "Exists", ActionsGuarded=guard) for id, guard in zip(ids, GUARDS, strict=True)]
    hit = publish(mturk, QualificationRequirements=needed)
    for id, after in zip(ids, [(True, False, False), (True, True, False), (True, True, True)], strict=True):
        mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id)
        assert reach(ada, hit["HITTypeId"]) == after


def test_earlier_workers_are_kept_away_without_hearing_of_it(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada, bob = define(mturk, Name="Took part"), worker("Ada"), worker("Bob")
    needed = requirement(id, "DoesNotExist", ActionsGuarded="DiscoverPreviewAndAccept")
    hit = publish(mturk, QualificationRequirements=[needed])
    publish(mturk, QualificationRequirements=[needed])
    ada_holds = ada.accept(hit["HITTypeId"])
    for browser in (ada, bob):
        mturk.associate_qualification_with_worker(
            QualificationTypeId=id, WorkerId=browser.worker_id, SendNotification=False
        )
    assert reach(bob, hit["HITTypeId"]) == (False, False, False)
    # Who has accepted before goes on, and hands in.
    assert ada.accept(hit["HITTypeId"]) == ada_holds
    ada.post(f"/assignments/{ada_holds}/accept-next", accept_next="on")
    assert ada.submit(ada_holds).status_code == 200
    after = ada.post(f"/assignments/{ada_holds}/next")
    assert after.status_code == 200
    assert "Your answer was submitted" in after.text


def test_a_place_opens_and_closes_a_hit(mturk: "MTurkClient", worker: Enrol, database_url: str) -> None:
    needed = {"QualificationTypeId": LOCALE, "Comparator": "In", "LocaleValues": [{"Country": "CH"}]}
    hit, ada = publish(mturk, QualificationRequirements=[needed]), worker("Ada")
    assert reach(ada, hit["HITTypeId"]) == (True, True, False)
    set_worker(database_url, ada, country="DE")
    assert "One of CH · yours: DE" in ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    set_worker(database_url, ada, country="CH")
    assert reach(ada, hit["HITTypeId"]) == (True, True, True)


def test_who_is_not_signed_in_sees_what_asks_nothing_to_be_seen(mturk: "MTurkClient", marketplace: str) -> None:
    id = define(mturk)
    shown = {
        guard: publish(mturk, QualificationRequirements=[requirement(id, "Exists", ActionsGuarded=guard)])["HITTypeId"]
        for guard in GUARDS
    }
    with httpx2.Client(base_url=marketplace) as nobody:
        listed = nobody.get("/worker").text
        assert [guard in GUARDS[1:] for guard in GUARDS] == [shown[guard] in listed for guard in GUARDS]
        codes = [nobody.get(f"/projects/{shown[guard]}/tasks").status_code for guard in GUARDS]
    assert codes == [303, 303, 200]


def test_a_blocked_worker_learns_it_when_they_accept(mturk: "MTurkClient", worker: Enrol) -> None:
    hit, mallory, ada = publish(mturk), worker("Mallory"), worker("Ada")
    mturk.create_worker_block(WorkerId=mallory.worker_id, Reason="Always the first answer")
    assert reach(mallory, hit["HITTypeId"]) == (True, True, False)
    refused = mallory.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert refused.status_code == 403
    assert "first answer" not in refused.text
    ada.accept(hit["HITTypeId"])
    mturk.delete_worker_block(WorkerId=mallory.worker_id)
    mallory.accept(hit["HITTypeId"])


def test_a_worker_can_ask_for_what_they_lack_and_then_accept(mturk: "MTurkClient", worker: Enrol) -> None:
    id, ada = define(mturk, AutoGranted=True), worker("Ada")
    hit = publish(mturk, QualificationRequirements=[requirement(id, "Exists")])
    preview = ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    assert 'id="accept-form"' not in preview
    assert f'href="/worker/qualifications/{id}"' in preview
    assert "Qualification needed" in ada.http.get("/worker").text
    ask(ada, id)
    assert 'id="accept-form"' in ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    ada.accept(hit["HITTypeId"])


def test_what_asks_nothing_costs_no_query_and_many_requirements_cost_few(
    mturk: "MTurkClient", worker: Enrol, database: Database
) -> None:
    ada = worker("Ada")
    open_type = publish(mturk)["HITTypeId"]
    ids = [define(mturk, Name=f"Q{number}") for number in range(8)]
    for number in range(12):
        needed = [requirement(id, "Exists", ActionsGuarded="DiscoverPreviewAndAccept") for id in ids]
        publish(
            mturk, Title=f"Title {number}", QualificationRequirements=[*needed, requirement(PERCENT, "LessThan", 5)]
        )
    with database.transaction() as db:
        nothing = db.get_one(HITType, open_type)
        with counted_statements(database) as sent:
            assert qualifying.may(db, ada.worker_id, nothing, Action.ACCEPT)
            assert not qualifying.unmet(db, ada.worker_id, nothing, Action.ACCEPT)
            assert not qualifying.barred(db, ada.worker_id, Action.ACCEPT, [nothing])
        assert not sent
        with counted_statements(database) as sent:
            assert len(qualifying.barred(db, ada.worker_id, Action.DISCOVER)) == 12
        assert len(sent) <= 3
