"""Through the doors of a recruitment channel: who gets in, as whom, and who does not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from app.db.engine import Database
from app.marketplace import recruitment
from app.marketplace.recruitment import arrivals, entering
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import Channel, ChannelKind, ChannelMember, SignInFailure, Visit, Worker
from app.marketplace.worker_site.account_pages import ENROLMENTS_PER_ADDRESS
from tests.marketplace.conftest import MovedClock
from tests.marketplace.newcomers import keep, newcomer, open_channel, prolific, start, visit_id_of
from tests.marketplace.people import Browser, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

PID = "60a1b2c3d4e5f60718293a4b"


def counts(database: Database) -> tuple[int, int, int]:
    """How many Workers, members and visits there are."""
    with database.transaction() as db:
        workers, members, visits = (
            db.scalar(select(func.count()).select_from(table)) or 0 for table in (Worker, ChannelMember, Visit)
        )
        return workers, members, visits


def invitations(database: Database, channel: Channel, count: int, url: str) -> list[str]:
    """Single-use links."""
    with database.transaction() as db:
        made = recruitment.invite(
            db, FIRST_REQUESTER_ID, channel.id, ["Ada"] * count, datetime.now(UTC), marketplace_url=url
        )
    return [one.link for one in made]


def test_a_welcome_says_who_asks_for_what_and_changes_nothing(
    database: Database, marketplace: str, mturk: "MTurkClient"
) -> None:
    publish(mturk, Title="Which cup?", Reward="0.25")
    channel = open_channel(database, assignments_a_visit=5)
    with newcomer(marketplace) as ada:
        shown = ada.http.get(prolific(channel)).text
        assert ada.http.cookies.jar.__len__() == 0
    for words in ("Tea study", "Label Jury", "Prolific", "Which cup?", "$0.25", "up to <b>5</b>", "10 minutes"):
        assert words in shown
    assert counts(database) == (0, 0, 0)


def test_one_person_of_prolific_is_one_worker_in_every_browser(database: Database, marketplace: str) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as desk, newcomer(marketplace) as phone:
        first, again, elsewhere = (start(at, prolific(channel)) for at in (desk, desk, phone))
        assert {visit_id_of(shown) for shown in (first, again, elsewhere)} == {visit_id_of(first)}
        assert desk.worker_id == phone.worker_id
    assert counts(database) == (1, 1, 1)


def test_two_people_are_two_workers(database: Database, marketplace: str) -> None:
    channel = open_channel(database)
    for pid in ("person-one", "person-two"):
        with newcomer(marketplace) as somebody:
            start(somebody, prolific(channel, pid))
    assert counts(database) == (2, 2, 2)


def test_a_person_is_the_same_worker_in_all_of_a_requesters_prolific_studies(
    database: Database, marketplace: str
) -> None:
    ids = set()
    for _ in range(2):
        with newcomer(marketplace) as ada:
            start(ada, prolific(open_channel(database)))
            ids.add(ada.worker_id)
    assert len(ids) == 1


def test_nobody_comes_in_twice_under_another_id(database: Database, marketplace: str) -> None:
    channel, other = open_channel(database), open_channel(database)
    with newcomer(marketplace) as mallory:
        start(mallory, prolific(channel))
        for link in (prolific(channel, "another-id"), prolific(other, "another-id")):
            refused = mallory.http.post(link)
            assert (refused.status_code, "once" in refused.text) == (409, True)
            assert 'action="/worker/sign-out"' in refused.text
    assert counts(database)[:2] == (1, 1)


def test_a_signed_in_worker_does_not_become_the_owner_of_a_strangers_id(
    database: Database, marketplace: str, worker: Callable[[str], Browser]
) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as bob:
        start(bob, prolific(channel))
    ada = worker("Ada")
    assert ada.http.post(prolific(channel)).status_code == 409
    assert ada.worker_id in ada.http.get("/worker").text


def test_an_account_with_a_phrase_is_not_opened_by_a_link(
    database: Database, marketplace: str, worker: Callable[[str], Browser]
) -> None:
    channel = open_channel(database)
    ada = worker("Ada")
    assert ada.http.post(prolific(channel)).status_code == 200
    with newcomer(marketplace) as mallory:
        refused = mallory.http.post(prolific(channel))
        assert refused.status_code == 401
        assert "/worker/sign-in?next=" in refused.text
        assert ada.worker_id not in mallory.http.get("/worker").text


def test_a_link_that_somebody_else_wrote_does_not_open_the_account_of_who_followed_it(
    database: Database, marketplace: str
) -> None:
    study, trap = open_channel(database), open_channel(database, ChannelKind.GENERIC)
    written_by_mallory = f"/enter/{trap.token}?who=known-to-mallory"
    with newcomer(marketplace) as ada, newcomer(marketplace) as mallory, newcomer(marketplace) as phone:
        start(ada, prolific(study))
        start(ada, written_by_mallory)
        refused = mallory.http.post(written_by_mallory)
        assert (refused.status_code, "another link" in refused.text) == (401, True)
        assert ada.worker_id not in mallory.http.get("/worker").text
        for link in (prolific(study), written_by_mallory):
            start(phone, link)
            assert phone.worker_id == ada.worker_id
    assert counts(database)[0] == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "STUDY_ID=t&SESSION_ID=s",
        "PROLIFIC_PID=",
        "PROLIFIC_PID=%20%20",
        "PROLIFIC_PID={{%25PROLIFIC_PID%25}}",
        "PROLIFIC_PID=[[%25PROLIFIC_PID%25]]",
        "PROLIFIC_PID=a&PROLIFIC_PID=b",
        "PROLIFIC_PID=" + "x" * 201,
        "PROLIFIC_PID=a%00b",
        "PROLIFIC_PID=a%0Ab",
        "PROLIFIC_PID=a&SESSION_ID={{%25SESSION_ID%25}}",
        "PROLIFIC_PID=a&STUDY_ID=1&STUDY_ID=2",
        "prolific_pid=a",
    ],
)
def test_a_link_that_does_not_say_who_comes_is_explained(database: Database, marketplace: str, query: str) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as somebody:
        for shown in (
            somebody.http.get(f"/enter/{channel.token}?{query}"),
            somebody.http.post(f"/enter/{channel.token}?{query}"),
        ):
            assert shown.status_code == 400
            assert "from where you found" in shown.text
    assert counts(database) == (0, 0, 0)


@pytest.mark.parametrize("token", ["nothing", "%00", "x" * 3000, "%ff", "🙃"])
def test_a_link_that_leads_nowhere_says_so(marketplace: str, token: str) -> None:
    with newcomer(marketplace) as somebody:
        assert somebody.http.get(f"/enter/{token}").status_code == 404


def test_other_sites_cannot_press_start(database: Database, marketplace: str) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as somebody:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert somebody.http.post(prolific(channel), headers=headers).status_code == 403
    assert counts(database) == (0, 0, 0)


def test_a_closed_or_expired_channel_lets_only_those_in_who_were_there(
    database: Database, marketplace: str, clock: MovedClock
) -> None:
    channel = open_channel(database, expires_at=datetime.now(UTC) + timedelta(hours=1))
    closed = open_channel(database, ChannelKind.CONNECT)
    link = f"/enter/{closed.token}?participantId=p&assignmentId=a&projectId=r"
    with newcomer(marketplace) as ada, newcomer(marketplace) as bob:
        before = visit_id_of(start(ada, prolific(channel)))
        start(bob, link)
        with database.transaction() as db:
            recruitment.close(db, FIRST_REQUESTER_ID, closed.id, datetime.now(UTC))
        clock.advance(hours=2)
        assert visit_id_of(start(ada, prolific(channel))) == before
        assert visit_id_of(start(bob, link))
    with newcomer(marketplace) as late:
        for way in (late.http.get, late.http.post):
            assert way(prolific(channel, "late")).status_code == 410
            assert way(link.replace("=p&", "=q&")).status_code == 410


def test_a_cap_holds_when_all_come_at_once(database: Database, marketplace: str) -> None:
    channel = open_channel(database, most_workers=3)

    def come(number: int) -> int:
        with newcomer(marketplace) as somebody:
            return somebody.http.post(prolific(channel, f"person-{number}")).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(come, range(8))]
    assert sorted(answers) == [200] * 3 + [409] * 5
    assert counts(database) == (3, 3, 3)
    with newcomer(marketplace) as late:
        assert "All places are taken" in late.http.get(prolific(channel, "late")).text


def test_the_same_person_clicking_twice_enters_once(database: Database, marketplace: str) -> None:
    channel = open_channel(database)

    def come(_: int) -> int:
        with newcomer(marketplace) as somebody:
            return somebody.http.post(prolific(channel)).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(come, range(6))) == {200}
    assert counts(database) == (1, 1, 1)


def test_the_same_person_at_two_doors_at_once_is_one_worker(database: Database, marketplace: str) -> None:
    channels = [open_channel(database) for _ in range(2)]

    def come(db: Session, channel: Channel) -> str:
        door = entering.door(db, channel.token)
        comes = arrivals.arrival(door.channel, [("PROLIFIC_PID", PID)])
        return entering.enter(db, door, comes, datetime.now(UTC), signed_in_as=None).worker_id

    def come_alone(channel: Channel) -> str:
        with database.transaction() as db:
            return come(db, channel)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as db:
            first = come(db, channels[0])
            second = pool.submit(come_alone, channels[1])
            wait([second], timeout=0.5)
        assert second.result() == first
    assert counts(database) == (1, 2, 2)


def test_made_up_ids_are_braked_for_an_address_but_who_was_there_comes_back(
    database: Database, marketplace: str, clock: MovedClock
) -> None:
    channel, headers = open_channel(database), {"X-Forwarded-For": "192.0.2.7"}

    def press_start(pid: str) -> int:
        with newcomer(marketplace) as somebody:
            return somebody.http.post(prolific(channel, pid), headers=headers).status_code

    assert press_start("was-there") == 200
    with database.transaction() as db:
        rows = [{"who": "enrolment@192.0.2.7", "at": clock()}] * ENROLMENTS_PER_ADDRESS
        db.execute(insert(SignInFailure), rows)
    assert [press_start("made-up"), press_start("was-there")] == [429, 200]
    assert counts(database)[0] == 1


def test_an_invite_link_enrols_even_where_enrolment_is_closed_and_shows_the_phrase_once(
    database: Database, marketplace: str
) -> None:
    channel = open_channel(database, ChannelKind.INVITE)
    link = f"/enter/{channel.token}"
    with newcomer(marketplace) as ada:
        assert ada.http.post(link, data={"name": " "}).status_code == 422
        shown = start(ada, link, name="Ada")
        assert 'id="secret-phrase"' in shown.text
        visit = visit_id_of(shown)
        assert 'id="secret-phrase"' not in ada.http.get(f"/visits/{visit}").text
        again = ada.http.post(link)
        assert visit_id_of(again) == visit
    assert counts(database) == (1, 1, 1)


def test_a_single_use_invitation_lets_one_person_in(database: Database, marketplace: str) -> None:
    channel = open_channel(database, ChannelKind.INVITE, is_shared=False)
    link, other = invitations(database, channel, 2, marketplace)
    with newcomer(marketplace) as stranger:
        assert stranger.http.get(f"/enter/{channel.token}").status_code == 403
        assert stranger.http.post(f"/enter/{channel.token}", data={"name": "Eve"}).status_code == 403
    with newcomer(marketplace) as ada, newcomer(marketplace) as mallory:
        visit = visit_id_of(start(ada, link, name="Ada"))
        used = mallory.http.get(link)
        assert (used.status_code, "used already" in used.text) == (410, True)
        assert mallory.http.post(link, data={"name": "Mallory"}).status_code == 410
        assert visit_id_of(ada.http.post(link)) == visit
        # A second invitation for the same person is left for somebody else.
        assert visit_id_of(ada.http.post(other)) == visit
        start(mallory, other, name="Bob")
    assert counts(database) == (2, 2, 2)
    with database.transaction() as db:
        listed = recruitment.invitations_of(db, FIRST_REQUESTER_ID, channel.id)
        assert all(one.used_at is not None for one in listed)
        assert not {link.rsplit("/", 1)[1], other.rsplit("/", 1)[1]} & {one.token_hash for one in listed}


def test_two_at_once_with_one_invitation_are_one(database: Database, marketplace: str) -> None:
    channel = open_channel(database, ChannelKind.INVITE, is_shared=False)
    (link,) = invitations(database, channel, 1, marketplace)

    def come(number: int) -> int:
        with newcomer(marketplace) as somebody:
            return somebody.http.post(link, data={"name": f"Nr {number}"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(come, range(4))) == [200, 410, 410, 410]
    assert counts(database) == (1, 1, 1)


def test_an_invitation_may_expire(database: Database, marketplace: str, clock: MovedClock) -> None:
    channel = open_channel(database, ChannelKind.INVITE, is_shared=False)
    with database.transaction() as db:
        soon = datetime.now(UTC) + timedelta(hours=1)
        (made,) = recruitment.invite(
            db, FIRST_REQUESTER_ID, channel.id, [""], datetime.now(UTC), marketplace_url=marketplace, expires_at=soon
        )
    clock.advance(hours=2)
    with newcomer(marketplace) as late:
        assert "expired" in late.http.get(made.link).text
        assert late.http.post(made.link, data={"name": "Late"}).status_code == 410


def test_connect_and_generic_links_say_who_comes_in_their_own_words(database: Database, marketplace: str) -> None:
    connect, generic = open_channel(database, ChannelKind.CONNECT), open_channel(database, ChannelKind.GENERIC)
    with newcomer(marketplace) as ada:
        start(ada, f"/enter/{connect.token}?participantId=P1&assignmentId=A1&projectId=J1")
    with newcomer(marketplace) as bob:
        start(bob, f"/enter/{generic.token}?who=bob&group=7")
    with database.transaction() as db:
        visits = db.scalars(select(Visit).order_by(Visit.id)).all()
        members = db.scalars(select(ChannelMember.external_id).order_by(ChannelMember.channel_id)).all()
    assert [*members] == ["P1", "bob"]
    assert [(one.external_session_id, one.external_study_id) for one in visits] == [("A1", "J1"), (None, None)]
    assert visits[1].parameters == {"who": "bob", "group": "7"}


def test_a_new_session_carries_the_open_visit_on_and_another_study_is_another_visit(
    database: Database, marketplace: str
) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as ada:
        first = visit_id_of(start(ada, prolific(channel, session="s1")))
        assert visit_id_of(start(ada, prolific(channel, session="s2"))) == first
        assert visit_id_of(start(ada, prolific(channel, session="s3", study="t2"))) != first
        assert visit_id_of(start(ada, prolific(channel, session="s2"))) == first


def test_ids_of_people_are_not_logged(database: Database, marketplace: str) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as ada, capture_logs() as events:
        shown = start(ada, prolific(channel))
        keep(ada, shown)
    assert "worker.entered" in {event["event"] for event in events}
    assert PID not in str(events)
    assert ada.worker_id not in str(events)


def test_who_is_signed_in_already_may_open_the_link_again(marketplace: str, database: Database) -> None:
    channel = open_channel(database)
    with newcomer(marketplace) as paul:
        start(paul, prolific(channel))
        first = paul.worker_id
        start(paul, prolific(channel))
        assert paul.worker_id == first
