"""A crowd that comes by recruitment links, as Prolific and an invitation bring people."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.marketplace import requesters
from app.marketplace.crowd import CrowdEvent, CrowdEventKind, CrowdPlan, run_crowd
from app.marketplace.crowd.entering import address
from app.marketplace.recruitment import channels
from app.marketplace.recruitment.channels import NewChannel
from app.marketplace.store import ChannelKind, Visit
from tests.marketplace.crowd.published import assignments, pictures, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

PROLIFIC = NewChannel("Cats and dogs", ChannelKind.PROLIFIC, completion_code="C1A2T3", assignments_a_visit=2)
INVITED = NewChannel("Colleagues", ChannelKind.INVITE)


def entry_link(database: Database, url: str, new: NewChannel) -> str:
    with database.transaction() as db:
        channel = channels.create(db, requesters.FIRST_REQUESTER_ID, new, datetime.now(UTC))
        return channels.entry_link(channel, url)


def finished(url: str, plan: CrowdPlan) -> list[str]:
    """The completion code of each Worker who went home, after a run without a problem."""
    events: list[CrowdEvent] = []
    assert list(run_crowd(url, plan, on_event=events.append).errors) == []
    return [event.detail for event in events if event.kind is CrowdEventKind.FINISHED]


def test_prolific_sends_people_who_do_their_number_and_leave_with_the_code(
    marketplace: str, mturk: "MTurkClient", database: Database
) -> None:
    hits = [publish(mturk, pictures(1, first=at)) for at in range(3)]
    link = entry_link(database, marketplace, PROLIFIC)
    assert finished(marketplace, CrowdPlan(workers=3, enter=link, patience_s=0, seed=4)) == ["C1A2T3"] * 3
    assert sum(len(list(assignments(mturk, hit_id))) for hit_id in hits) == 6
    with database.transaction() as db:
        people = db.scalars(select(Visit.worker_id)).all()
    assert len(set(people)) == 3


def test_invited_people_do_all_there_is(marketplace: str, mturk: "MTurkClient", database: Database) -> None:
    hits = [publish(mturk, pictures(1, first=at), MaxAssignments=2) for at in range(3)]
    link = entry_link(database, marketplace, INVITED)
    assert len(finished(marketplace, CrowdPlan(workers=2, enter=link, patience_s=0))) == 2
    assert [len(list(assignments(mturk, hit_id))) for hit_id in hits] == [2, 2, 2]


def test_a_link_that_lets_nobody_in_is_a_problem_that_says_why(marketplace: str) -> None:
    report = run_crowd(marketplace, CrowdPlan(workers=1, enter=f"{marketplace}/enter/nothing", patience_s=0))
    assert (report.workers, report.failures) == (0, 1)
    assert "/enter/nothing" in report.errors[0]


@pytest.mark.parametrize("link", ["u?w={worker}&s={session}", "u?w={{%PROLIFIC_PID%}}&s={{%SESSION_ID%}}"])
def test_everybody_comes_under_an_id_of_their_own_the_same_in_every_run(link: str) -> None:
    links = {address(link, seed=1, number=number) for number in range(50)}
    assert len(links) == 50
    assert "{" not in "".join(links)
    assert address(link, seed=1, number=7) in links
    assert address(link, seed=2, number=7) not in links
