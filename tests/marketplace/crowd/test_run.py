import hashlib
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from app.db.engine import Database
from app.domain.vocabulary import MediaType
from app.marketplace.crowd import (
    Behaviour,
    CrowdEvent,
    CrowdEventKind,
    CrowdPlan,
    EnrolmentClosed,
    Kind,
    SiteUnreachable,
    Traits,
    parse,
    parse_mix,
    run_crowd,
)
from app.questions.rendering import ShownItem
from app.settings import Settings
from tests.marketplace.conftest import MovedClock
from tests.marketplace.crowd.published import answers, assignments, key_line, pictures, publish, votes
from tests.marketplace.people import html_question
from tests.marketplace.people import publish as publish_other_page
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def all_given(count: int) -> str:
    return "\n".join(key_line(url=f"https://pictures.test/{at}.png", truth="given") for at in range(1, count + 1))


def test_a_careful_crowd_answers_everything_and_is_nearly_always_right(marketplace: str, mturk: "MTurkClient") -> None:
    hits = {publish(mturk, items): items for items in (pictures(2, first=1 + 2 * at) for at in range(8))}
    report = run_crowd(marketplace, CrowdPlan(workers=6, key=parse(all_given(16)), seed=5, patience_s=0))
    assert (report.submitted, report.returned, report.abandoned, list(report.errors)) == (40, 0, 0, [])
    said: Counter[str] = Counter()
    for hit_id, items in hits.items():
        assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewable"
        workers = [found["WorkerId"] for found in assignments(mturk, hit_id)]
        assert len(set(workers)) == 5
        said += sum(votes(mturk, hit_id, items, "cat"), Counter())
    assert said["given"] >= 0.85 * 80
    assert sum(report.votes.values()) == sum(said.values()) == 80


def test_a_replay_hands_in_exactly_the_votes_of_the_file(marketplace: str, mturk: "MTurkClient") -> None:
    counts = [{"given": 3, "guessed": 2}, {"both": 1, "neither": 4}, {"given": 5}, {"guessed": 4, "both": 1}]
    counts = [dict(counts[at % 4], cannot_tell=0) for at in range(12)]
    key = [key_line(url=f"https://pictures.test/{at + 1}.png", votes=votes) for at, votes in enumerate(counts)]
    hits = {publish(mturk, items): items for items in (pictures(3, first=1 + 3 * at) for at in range(4))}
    plan = CrowdPlan(workers=7, key=parse("\n".join(key)), replay=True, seed=3, patience_s=0)
    report = run_crowd(marketplace, plan)
    assert (report.submitted, report.votes_left, list(report.errors)) == (20, 0, [])
    handed_in = [dict(said) for hit_id, items in hits.items() for said in votes(mturk, hit_id, items, "cat")]
    assert handed_in == [{name: count for name, count in wanted.items() if count} for wanted in counts]


def test_a_replay_with_fewer_votes_than_slots_gives_the_rest_back(marketplace: str, mturk: "MTurkClient") -> None:
    counts = [{"given": 2}, {"guessed": 5}, {"neither": 1}, {"both": 4}]
    key = [key_line(url=f"https://pictures.test/{at + 1}.png", votes=votes) for at, votes in enumerate(counts)]
    hits = [publish(mturk, pictures(1, first=at)) for at in range(1, 5)]
    plan = CrowdPlan(workers=5, key=parse("\n".join(key)), replay=True, patience_s=0)
    report = run_crowd(marketplace, plan)
    assert (report.submitted, report.votes_left, list(report.errors)) == (12, 0, [])
    for hit_id, wanted in zip(hits, counts, strict=True):
        assert [dict(said) for said in votes(mturk, hit_id, pictures(1), "cat")] == [wanted]
        assert mturk.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsPending"] == 0


def test_a_replay_names_the_item_that_its_file_does_not_know(marketplace: str, mturk: "MTurkClient") -> None:
    known, unknown = publish(mturk, pictures(1)), publish(mturk, pictures(1, first=99))
    key = parse(key_line(url="https://pictures.test/1.png", votes={"given": 5}))
    report = run_crowd(marketplace, CrowdPlan(workers=5, key=key, replay=True, patience_s=0))
    assert report.submitted == 5
    assert "https://pictures.test/99.png" in " ".join(report.errors)
    assert [mturk.get_hit(HITId=hit)["HIT"]["NumberOfAssignmentsAvailable"] for hit in (known, unknown)] == [0, 5]


def test_pictures_are_recognised_by_their_bytes_and_texts_by_their_words(
    marketplace: str, mturk: "MTurkClient"
) -> None:
    picture = b"not really a picture"
    data_url = f"data:image/png;base64,{b64encode(picture).decode()}"
    key = [
        key_line(sha256=hashlib.sha256(picture).hexdigest(), votes={"neither": 2}),
        key_line(text="A <b>small</b>\n\ntext & more", votes={"both": 2}),
    ]
    shown = [ShownItem(1, MediaType.IMAGE, "dog", "cat", media_url=data_url)]
    read = [ShownItem(1, MediaType.TEXT, "dog", "cat", text="A <b>small</b>\n\ntext & more")]
    by_bytes = publish(mturk, shown, MaxAssignments=2)
    by_text = publish(mturk, read, template="text", MaxAssignments=2)
    report = run_crowd(marketplace, CrowdPlan(workers=2, key=parse("\n".join(key)), replay=True, patience_s=0))
    assert list(report.errors) == []
    assert votes(mturk, by_bytes, shown, "cat") == [{"neither": 2}]
    assert votes(mturk, by_text, read, "cat") == [{"both": 2}]


def test_mallorys_answers_follow_the_order_shown(marketplace: str, mturk: "MTurkClient") -> None:
    hits = [publish(mturk, pictures(2, first=1 + 2 * at)) for at in range(4)]
    report = run_crowd(marketplace, CrowdPlan(workers=5, mix=parse_mix("first"), patience_s=0))
    given = [answer for hit_id in hits for assignment in answers(mturk, hit_id, 2) for answer in assignment]
    assert len(given) == report.submitted * 2 == 40
    assert all(answer.choice is answer.order_shown[0] for answer in given)
    assert {answer.choice.value for answer in given} == {"a", "b"}


def test_drop_outs_lose_no_hit(marketplace: str, mturk: "MTurkClient", clock: MovedClock) -> None:
    hits = [publish(mturk, pictures(1, first=at)) for at in range(12)]
    # Who meets which HIT is the race's; so many leave and return that none doing so is one run in a million.
    fickle = Kind("fickle", Behaviour.DROPOUT, 1.0, Traits(returns=0.6, leaves=0.2))
    report = run_crowd(marketplace, CrowdPlan(workers=10, kinds=[fickle], seed=2, patience_s=0))
    assert report.returned > 0
    assert report.abandoned > 0
    assert list(report.errors) == []
    pending = sum(mturk.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsPending"] for hit_id in hits)
    assert pending == report.abandoned
    clock.advance(seconds=601)
    later = run_crowd(marketplace, CrowdPlan(workers=10, patience_s=0))
    assert later.submitted == 12 * 5 - report.submitted
    for hit_id in hits:
        assert len(list(assignments(mturk, hit_id))) == 5


def test_the_same_seed_gives_the_same_answers_whoever_comes_first(marketplace: str, mturk: "MTurkClient") -> None:
    def run(concurrency: int) -> Counter[tuple[str, str]]:
        hits = [publish(mturk, pictures(1, first=at), MaxAssignments=4) for at in range(6)]
        events: list[CrowdEvent] = []
        plan = CrowdPlan(workers=4, mix=parse_mix("guessing,careful"), seed=9, concurrency=concurrency, patience_s=0)
        run_crowd(marketplace, plan, on_event=events.append)
        place = {hit_id: at for at, hit_id in enumerate(hits)}
        # Without a key Ada picks by the page's source; Bob by the order shown, which each Assignment draws anew.
        return Counter(
            (f"{event.worker} at {place[event.hit_id]}", event.choices[0].value)
            for event in events
            if event.kind is CrowdEventKind.SUBMITTED and event.worker.startswith("Ada")
        )

    first = run(1)
    assert first.total() == 12
    assert first == run(8)


def test_a_worker_stops_after_as_many_assignments_as_allowed(marketplace: str, mturk: "MTurkClient") -> None:
    hits = [publish(mturk, pictures(1, first=at)) for at in range(6)]
    report = run_crowd(marketplace, CrowdPlan(workers=3, max_assignments=2, patience_s=0))
    assert report.submitted == 6
    assert sum(mturk.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsPending"] for hit_id in hits) == 0


def test_the_time_that_an_answer_takes_is_waited_when_asked_for(marketplace: str, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk, pictures(1), MaxAssignments=1)
    report = run_crowd(marketplace, CrowdPlan(workers=1, mix=parse_mix("first"), time_scale=1.0, patience_s=0))
    elapsed_ms = answers(mturk, hit_id, 1)[0][0].elapsed_ms
    assert elapsed_ms is not None
    assert report.seconds >= elapsed_ms / 1000


def test_the_crowd_waits_for_work_to_appear(marketplace: str, mturk: "MTurkClient") -> None:
    def publish_when_enrolled(event: CrowdEvent) -> None:
        if event.kind is CrowdEventKind.ENROLLED:
            publish(mturk, pictures(1), MaxAssignments=1)

    plan = CrowdPlan(workers=1, patience_s=1.0)
    assert run_crowd(marketplace, plan, on_event=publish_when_enrolled).submitted == 1


def test_a_foreign_question_is_reported_and_given_back(marketplace: str, mturk: "MTurkClient") -> None:
    foreign = publish_other_page(mturk, Title="Something else")["HITId"]
    publish(mturk, pictures(1))
    report = run_crowd(marketplace, CrowdPlan(workers=2, patience_s=0))
    assert report.submitted == 2
    assert f"/frame/{foreign}" in report.errors[0]
    assert mturk.get_hit(HITId=foreign)["HIT"]["NumberOfAssignmentsPending"] == 0


def test_a_group_that_nobody_can_read_is_found_out_once(marketplace: str, mturk: "MTurkClient") -> None:
    foreign = publish_other_page(mturk, Title="Something else", MaxAssignments=1)["HITId"]
    hits = [publish(mturk, pictures(1, first=at)) for at in range(3)]
    events: list[CrowdEvent] = []
    report = run_crowd(marketplace, CrowdPlan(workers=5, concurrency=1, patience_s=0), on_event=events.append)
    assert report.submitted == 15
    assert [event.hit_id for event in events if event.kind is CrowdEventKind.FAILED] == [foreign]
    assert all(mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewable" for hit_id in hits)


def test_a_strange_hit_among_usable_ones_does_not_keep_the_others_from_their_group(
    marketplace: str, mturk: "MTurkClient"
) -> None:
    hits = [publish(mturk, pictures(1, first=at)) for at in range(3)]
    publish(mturk, pictures(1), Question=html_question())
    report = run_crowd(marketplace, CrowdPlan(workers=5, patience_s=0))
    assert report.submitted == 15
    assert all(mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewable" for hit_id in hits)


def test_a_problem_is_told_once_with_how_often_and_by_a_short_address(marketplace: str, mturk: "MTurkClient") -> None:
    foreign = [publish_other_page(mturk, Title=f"Something else {at}")["HITId"] for at in range(3)]
    report = run_crowd(marketplace, CrowdPlan(workers=1, patience_s=0))
    (problem,) = report.problems
    assert problem.times == report.failures == 3
    assert any(problem.text.startswith(f"the page {marketplace}/frame/{hit}?… cannot") for hit in foreign)


def test_a_crowd_at_a_closed_door_says_which_setting_opens_it(settings: Settings, database: Database) -> None:
    closed = settings.model_copy(update={"marketplace_open_enrolment": False})
    with running_marketplace(closed, database) as url, pytest.raises(EnrolmentClosed, match="OPEN_ENROLMENT"):
        run_crowd(url, CrowdPlan())


def test_a_crowd_without_a_marketplace_names_the_address() -> None:
    with pytest.raises(SiteUnreachable, match=r"127\.0\.0\.1:9"):
        run_crowd("http://127.0.0.1:9", CrowdPlan())


def test_events_tell_what_everybody_did(marketplace: str, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk, pictures(2), MaxAssignments=2)
    events: list[CrowdEvent] = []
    run_crowd(marketplace, CrowdPlan(workers=2, patience_s=0), on_event=events.append)
    kinds = CrowdEventKind
    assert Counter(event.kind for event in events) == {kinds.ENROLLED: 2, kinds.SUBMITTED: 2, kinds.FINISHED: 2}
    submitted = [event for event in events if event.kind is kinds.SUBMITTED]
    assert {event.hit_id for event in submitted} == {hit_id}
    assert all(len(event.choices) == 2 and event.assignment_id.startswith("3") for event in submitted)
    assert {event.worker for event in events} == {"Ada 1", "Ada 2"}


def test_workers_keep_their_cookies_to_themselves(marketplace: str, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk, pictures(1), MaxAssignments=4)
    run_crowd(marketplace, CrowdPlan(workers=4, concurrency=1, patience_s=0))
    assert len({found["WorkerId"] for found in assignments(mturk, hit_id)}) == 4


def test_eight_workers_at_once_share_thirty_hits_without_an_error(marketplace: str, mturk: "MTurkClient") -> None:
    for at in range(30):
        publish(mturk, pictures(1, first=at))
    report = run_crowd(marketplace, CrowdPlan(workers=8, concurrency=8, patience_s=0))
    assert (report.submitted, report.failures) == (150, 0)
