"""A visit: do up to so many HITs of one Requester, then finish with the code."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from app.db.engine import Database
from app.errors import InvalidInput, NotFound
from app.marketplace import recruitment
from app.marketplace.ids import new_worker_id
from app.marketplace.recruitment import NewChannel, completion
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import Channel, ChannelKind, Requester
from tests.marketplace.conftest import MovedClock
from tests.marketplace.newcomers import do_one, go_on, newcomer, open_channel, path_of, prolific, start, visit_id_of
from tests.marketplace.people import Browser, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

NOW = datetime.now(UTC)


def test_a_visit_leads_from_hit_to_hit_and_ends_with_the_code(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    hits = [publish(mturk) for _ in range(4)]
    channel = open_channel(database, assignments_a_visit=2)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(channel)))
        first = go_on(ada, visit)
        assert "HIT 1 of 2" in first.text
        assert "C0DE-4-TEA" not in ada.http.get(f"/visits/{visit}").text
        second = do_one(ada, first)
        assert "HIT 2 of 2" in second.text
        over = do_one(ada, second)
        assert path_of(over) == f"/visits/{visit}"
        assert '<dd id="completion-code">C0DE-4-TEA</dd>' in over.text
        assert 'href="https://app.prolific.com/submissions/complete?cc=C0DE-4-TEA"' in over.text
        # Coming back, by the page or by the link, shows the same end and no further work.
        welcome = ada.http.get(prolific(channel)).text
        assert f'href="/visits/{visit}">Show my completion code</a>' in welcome
        assert "you have done 2 HITs" in welcome
        assert "start-form" not in welcome
        assert "C0DE-4-TEA" in ada.http.post(prolific(channel)).text
        assert "C0DE-4-TEA" in go_on(ada, visit).text
    done = [mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsAvailable"] for hit in hits]
    assert sorted(done) == [4, 4, 5, 5]
    with database.transaction() as db:
        (row,) = recruitment.visits_of(db, FIRST_REQUESTER_ID, channel.id)
        (sums,) = recruitment.figures(db, FIRST_REQUESTER_ID)
    assert (row.submitted, row.approved, row.external_session_id, row.finished_at is None) == (2, 0, "s1", False)
    assert (sums.workers, sums.visits, sums.finished, sums.submitted, sums.approved) == (1, 1, 1, 2, 0)


def test_the_welcome_says_how_far_an_open_visit_has_come(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    for _ in range(2):
        publish(mturk)
    channel = open_channel(database, assignments_a_visit=3)
    with newcomer(marketplace) as ada:
        second = do_one(ada, go_on(ada, visit_id_of(start(ada, prolific(channel)))))
        welcome = ada.http.get(prolific(channel)).text
        assert "You have done 1 of 3. A HIT that you accepted waits for you." in welcome
        assert "<button>Go on</button>" in welcome
        assert "nothing-now" not in welcome
        do_one(ada, second)
        assert "C0DE-4-TEA" not in ada.http.get(prolific(channel)).text


def test_nobody_else_learns_of_a_visit_by_its_link(database: Database, marketplace: str, mturk: "MTurkClient") -> None:
    publish(mturk)
    channel = open_channel(database, assignments_a_visit=1)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(channel)))
        do_one(ada, go_on(ada, visit))
        assert f"/visits/{visit}" in ada.http.get(prolific(channel)).text
        # With somebody else's id in the link it is not her visit.
        assert f"/visits/{visit}" not in ada.http.get(prolific(channel, "another-person")).text
    with newcomer(marketplace) as mallory:
        unknown = mallory.http.get(prolific(channel)).text
        start(mallory, prolific(channel, "mallory"))
        assert mallory.worker_id != ada.worker_id
        known = mallory.http.get(prolific(channel)).text
    for shown in (unknown, known):
        assert f"/visits/{visit}" not in shown
        assert "C0DE-4-TEA" not in shown
        assert "finished" not in shown


def test_the_work_of_a_visit_is_paid_when_it_is_approved(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    hit = publish(mturk, Reward="0.50")
    channel = open_channel(database, assignments_a_visit=1)
    with newcomer(marketplace) as ada:
        do_one(ada, go_on(ada, visit_id_of(start(ada, prolific(channel)))))
        (assignment,) = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
        assert assignment["WorkerId"] == ada.worker_id
        mturk.approve_assignment(AssignmentId=assignment["AssignmentId"])
        assert 'id="earned">$0.50' in ada.http.get("/worker/history").text
    with database.transaction() as db:
        (row,) = recruitment.visits_of(db, FIRST_REQUESTER_ID, channel.id)
    assert (row.submitted, row.approved) == (1, 1)


def test_without_work_there_is_no_code(database: Database, marketplace: str, mturk: "MTurkClient") -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as ada:
        shown = start(ada, prolific(channel))
        visit = visit_id_of(shown)
        assert "return your submission" in shown.text
        for page in (go_on(ada, visit), ada.post(f"/visits/{visit}/finish")):
            assert "C0DE-4-TEA" not in page.text
        publish(mturk)
        held = go_on(ada, visit)
        ended = ada.post(f"/visits/{visit}/finish")
        assert "no completion code" in ended.text
        assert "C0DE-4-TEA" not in ended.text
        over = ada.http.get(str(held.url)).text
        assert "You returned this assignment" in over


def test_a_visit_ends_when_no_work_is_left_or_the_person_wants(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    hit = publish(mturk, MaxAssignments=3)
    channel = open_channel(database, assignments_a_visit=5)
    with newcomer(marketplace) as ada:
        assert "C0DE-4-TEA" in do_one(ada, go_on(ada, visit_id_of(start(ada, prolific(channel))))).text
    publish(mturk)
    with newcomer(marketplace) as bob:
        visit = visit_id_of(start(bob, prolific(channel, "bob")))
        do_one(bob, go_on(bob, visit))
        assert "C0DE-4-TEA" in bob.post(f"/visits/{visit}/finish").text
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 0


def test_only_the_channels_work_is_on_offer_in_a_visit(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    wanted, other = publish(mturk, Title="Cups"), publish(mturk, Title="Spoons")
    channel = open_channel(database, hit_type_id=wanted["HITTypeId"])
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(channel)))
        listed = ada.http.get("/worker").text
        assert ("Cups" in listed, "Spoons" in listed, 'id="visit-bar"' in listed) == (True, False, True)
        for tail in ("accept_random", f"{other['HITId']}/accept"):
            refused = ada.post(f"/projects/{other['HITTypeId']}/tasks/{tail}")
            assert (refused.status_code, "not part of your visit" in refused.text) == (409, True)
        do_one(ada, go_on(ada, visit))
        assert "Spoons" in ada.http.get("/worker").text
        ada.accept(other["HITTypeId"])


def test_nobody_accepts_more_than_the_visit_asks_for(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    first, second = publish(mturk), publish(mturk)
    channel = open_channel(database, assignments_a_visit=1)
    with newcomer(marketplace) as ada:
        start(ada, prolific(channel))
        ada.accept(first["HITTypeId"], first["HITId"])
        refused = ada.post(f"/projects/{second['HITTypeId']}/tasks/{second['HITId']}/accept")
        assert refused.status_code == 409
        assert 'id="visit-full"' in ada.http.get("/worker").text
    assert mturk.get_hit(HITId=second["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 0


def test_several_windows_together_do_not_exceed_the_goal(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    hits = [publish(mturk) for _ in range(6)]
    channel = open_channel(database, assignments_a_visit=2)

    def accept(number: int) -> int:
        with newcomer(marketplace) as window:
            start(window, prolific(channel))
            return window.post(
                f"/projects/{hits[number]['HITTypeId']}/tasks/{hits[number]['HITId']}/accept"
            ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(accept, range(6))) == [200, 200, 409, 409, 409, 409]


def test_a_returned_or_abandoned_hit_does_not_count(
    database: Database, marketplace: str, mturk: "MTurkClient", clock: MovedClock
) -> None:
    publish(mturk, LifetimeInSeconds=86400)
    channel = open_channel(database, assignments_a_visit=1)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(channel)))
        assert path_of(ada.post(f"{path_of(go_on(ada, visit))}/return")) == f"/visits/{visit}"
        go_on(ada, visit)
        clock.advance(minutes=11)
        again = go_on(ada, visit)
        assert "HIT 1 of 1" in again.text
        assert "C0DE-4-TEA" in do_one(ada, again).text


def test_a_strangers_visit_does_not_exist(
    database: Database, marketplace: str, mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    publish(mturk)
    channel = open_channel(database)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, prolific(channel)))
    mallory = worker("Mallory")
    for number in (visit, "0", "99999999999999999999999"):
        assert mallory.http.get(f"/visits/{number}").status_code == 404
        assert mallory.post(f"/visits/{number}/next").status_code == 404
        assert mallory.post(f"/visits/{number}/finish").status_code == 404
    assert mallory.http.post(f"/visits/{visit}/finish").status_code == 403


def test_an_own_raters_invite_link_opens_a_new_visit_after_the_last(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    publish(mturk)
    channel = open_channel(database, ChannelKind.INVITE)
    with newcomer(marketplace) as ada:
        visit = visit_id_of(start(ada, f"/enter/{channel.token}", name="Ada"))
        assert 'id="visit-over"' in ada.post(f"/visits/{visit}/finish").text
        assert visit_id_of(ada.http.post(f"/enter/{channel.token}")) != visit


def test_a_generic_visit_ends_where_the_requester_said_with_what_the_person_came_with(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    publish(mturk)
    target = "https://panel.example/done?status=ok&who={who}&x={group}&none={none}&code={code}"
    channel = open_channel(database, ChannelKind.GENERIC, completion_url=target)
    with newcomer(marketplace) as ada:
        link = f"/enter/{channel.token}?who=a%26b%3D%2F%22&group=%3Cscript%3E&completion_url=https://evil.example"
        over = do_one(ada, go_on(ada, visit_id_of(start(ada, link)))).text
    href = (
        "https://panel.example/done?status=ok&amp;who=a%26b%3D%2F%22&amp;x=%3Cscript%3E&amp;none=&amp;code=C0DE-4-TEA"
    )
    assert f'href="{href}"' in over
    assert "evil" not in over


@pytest.mark.parametrize(
    ("target", "parameters", "expected"),
    [
        ("https://a.example/{p}/x", {"p": "../../y"}, "https://a.example/..%2F..%2Fy/x"),
        ("https://a.example/{p}/x", {"p": ".."}, "https://a.example//x"),
        ("https://a.example/?q={p}", {"p": "{code}"}, "https://a.example/?q=%7Bcode%7D"),
        ("https://a.example/?q={code}", {"code": "theirs"}, "https://a.example/?q=ours"),
        ("https://a.example/?q={p}", {"p": "a b\r\nü"}, "https://a.example/?q=a%20b%0D%0A%C3%BC"),
    ],
)
def test_placeholders_are_filled_safely(target: str, parameters: dict[str, str], expected: str) -> None:
    assert completion.link(target, "ours", parameters) == expected


@pytest.mark.parametrize(
    "target",
    [
        "http://panel.example/done",
        "javascript:alert(1)",
        "//panel.example/",
        "https://{who}/done",
        "https://{who}.panel.example/",
        "https://panel.example@evil.example/",
        "https://panel.example/ x",
        "https://panel.example/{",
        "https://panel.example/{}",
        "https://panel.example/{{who}}",
        "https://panel.example:port/",
        "https:///done",
        "https://[bad/",
        "data:text/html,x",
        'https://panel.example/"onclick=',
        "https://panel.example/" + "x" * 2000,
    ],
)
def test_a_completion_url_leads_nowhere_unsafe(database: Database, marketplace: str, target: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_channel(database, ChannelKind.GENERIC, completion_url=target)
    assert [problem.field for problem in refused.value.problems] == ["completion_url"]


@pytest.mark.parametrize(
    "target", ["https://panel.example/x?y={z}#{code}", "http://127.0.0.1:9/x", "http://localhost/", "https://é.example"]
)
def test_good_completion_urls_are_taken(target: str) -> None:
    assert (completion.target_problem(target) is None) is target.isascii()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 201}),
        ("name", {"name": "a\0b"}),
        ("completion_code", {"kind": ChannelKind.PROLIFIC, "completion_code": None}),
        ("completion_code", {"kind": ChannelKind.PROLIFIC, "completion_code": "a b"}),
        ("completion_code", {"completion_url": "https://a.example/{code}", "completion_code": None}),
        ("worker_parameter", {"kind": ChannelKind.GENERIC, "completion_code": "C"}),
        ("worker_parameter", {"kind": ChannelKind.GENERIC, "completion_code": "C", "worker_parameter": "a b"}),
        ("assignments_a_visit", {"assignments_a_visit": 0}),
        ("most_workers", {"most_workers": -1}),
        ("hit_type_id", {"hit_type_id": "3NONE"}),
        ("hit_type_id", {"hit_type_id": "\0"}),
        ("expires_at", {"expires_at": NOW}),
    ],
)
def test_a_faulty_channel_is_refused_field_by_field(
    database: Database, marketplace: str, field: str, values: dict[str, Any]
) -> None:
    new = NewChannel(**{"name": "Tea", "kind": ChannelKind.INVITE, **values})
    with database.transaction() as db, pytest.raises(InvalidInput) as refused:
        recruitment.create(db, FIRST_REQUESTER_ID, new, NOW)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_the_code_is_read_from_a_url_pasted_from_prolific(database: Database, marketplace: str) -> None:
    pasted = "https://app.prolific.com/submissions/complete?cc=ABC123"
    channel = open_channel(database, completion_url=pasted, completion_code=None)
    assert (channel.completion_code, channel.completion_url) == ("ABC123", pasted)
    assert recruitment.entry_link(channel, "https://m.example") == (
        f"https://m.example/enter/{channel.token}"
        "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    )


def test_another_requesters_channel_does_not_exist(database: Database, marketplace: str) -> None:
    channel: Channel = open_channel(database, ChannelKind.INVITE)
    stranger = new_worker_id()
    with database.transaction() as db:
        db.add(Requester(id=stranger, name="Mallory", available_usd=0, on_hold_usd=0, created_at=NOW))
        db.flush()
        for ask in (
            lambda: recruitment.channel_of(db, stranger, channel.id),
            lambda: recruitment.close(db, stranger, channel.id, NOW),
            lambda: recruitment.visits_of(db, stranger, channel.id),
            lambda: recruitment.invitations_of(db, stranger, channel.id),
            lambda: recruitment.invite(db, stranger, channel.id, [""], NOW, marketplace_url=""),
            lambda: recruitment.channel_of(db, FIRST_REQUESTER_ID, 2**70),
        ):
            with pytest.raises(NotFound):
                ask()
        assert recruitment.channels_of(db, stranger) == []
        assert recruitment.figures(db, stranger) == []
