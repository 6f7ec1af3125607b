"""One accepted HIT: read the question, decide, hand in. What the Worker does next is visit.py's matter."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from app.marketplace.crowd import pages, question
from app.marketplace.crowd.answer_key import Entry, Vote
from app.marketplace.crowd.behaviours import Answer, Known, SeenItem, Step
from app.marketplace.crowd.browser import Browser
from app.marketplace.crowd.deciding import Member, decide, generator, replay, step
from app.marketplace.crowd.errors import PageNotUnderstood
from app.marketplace.crowd.pages import Task
from app.marketplace.crowd.plan import CrowdPlan
from app.marketplace.crowd.recognition import Recognised, Recognition
from app.marketplace.crowd.replay import VoteLedger
from app.marketplace.crowd.report import CrowdEvent, CrowdEventKind, Request, Tally
from app.marketplace.crowd.unusable import Unusable

_HANDED_IN = {"Submitted", "Approved", "Rejected"}
_QUOTED = 80


class Outcome(StrEnum):
    """How it went. `no_votes`: the HIT is still accepted, since the ledger has no votes for this Worker and its Items."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    LEFT = "left"
    NO_VOTES = "no_votes"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all Workers of a run share."""

    plan: CrowdPlan
    recognition: Recognition
    ledger: VoteLedger | None
    tally: Tally
    unusable: Unusable = field(default_factory=Unusable)


@dataclass(frozen=True, slots=True)
class Person:
    """A Worker at their browser."""

    member: Member
    browser: Browser
    crowd: Crowd

    def record(
        self,
        kind: CrowdEventKind,
        task: Task | None = None,
        *,
        answers: Sequence[Answer] = (),
        seen: Recognised = (),
        detail: str = "",
    ) -> None:
        """Tell the run what happened."""
        ids = (task.hit_id, task.assignment_id) if task else ("", "")
        choices = tuple(answer.choice for answer in answers)
        truths = [known.truth if (known := _known(item, entry)) else None for item, entry in seen]
        right = sum(truth is choice for truth, choice in zip(truths, choices, strict=False))
        comparable = sum(truth is not None for truth in truths)
        self.crowd.tally.record(
            CrowdEvent(kind, self.member.name, *ids, choices, detail, self.member.kind, comparable, right)
        )


async def attempt(person: Person, task: Task, *, returned_before: bool, done: int = 0) -> Outcome:
    """Do with an accepted HIT what this person does after `done` others.

    Raises QuestionNotUnderstood when it cannot be read, PageNotUnderstood when it cannot be handed in either.
    """
    shown = await _question(person, task)
    seen = await person.crowd.recognition.of(shown.items, person.browser)
    rng = generator(person.crowd.plan.seed, person.member.number, shown.items)
    match step(person.member.traits, rng, returned_before=returned_before):
        case Step.LEAVE:
            person.record(CrowdEventKind.ABANDONED, task)
            return Outcome.LEFT
        case Step.RETURN:
            await give_back(person, task)
            return Outcome.RETURNED
        case Step.ANSWER:
            pass
    answers = _answers(person, seen, rng, done)
    if answers is None:
        return Outcome.NO_VOTES
    await _submit(person, task, shown, seen, answers)
    return Outcome.SUBMITTED


async def give_back(person: Person, task: Task) -> None:
    """Return the HIT. When the site refuses that, its time is over and nobody holds it any more."""
    page = await person.browser.send(task.give_back)
    if not page.refusal:
        person.record(CrowdEventKind.RETURNED, task)


async def _question(person: Person, task: Task) -> question.Question:
    framed = await person.browser.open_in_frame(task.frame_url)
    if framed.refusal:
        raise PageNotUnderstood(framed.url, framed.refusal)
    return question.read(framed, assignment_id=task.assignment_id)


def _answers(person: Person, seen: Recognised, rng: np.random.Generator, done: int) -> Sequence[Answer] | None:
    """What this Worker answers on each Item; None when the ledger has no votes for them."""
    if person.crowd.ledger is None:
        seed = person.crowd.plan.seed
        return [decide(person.member, item, _known(item, entry), seed=seed, done=done) for item, entry in seen]
    entries = _entries(seen)
    for unknown in (item for item, entry in seen if entry is None):
        what = (unknown.media_url or unknown.text or "")[:_QUOTED]
        person.record(CrowdEventKind.FAILED, detail=f"an Item is not in the answer key, so nobody answers it: {what}")
    votes = person.crowd.ledger.deal(person.member.number, entries) if len(entries) == len(seen) else None
    if votes is None:
        return None
    dealt = zip(seen, entries, votes, strict=True)
    return [replay(entry.choice(vote, item), rng) for (item, _), entry, vote in dealt]


def _known(item: SeenItem, entry: Entry | None) -> Known | None:
    if entry is None or entry.truth is None:
        return None
    return Known(entry.choice(entry.truth, item), entry.choice(Vote.GIVEN, item))


async def _submit(
    person: Person, task: Task, shown: question.Question, seen: Recognised, answers: Sequence[Answer]
) -> None:
    """Hand the answers in. Raises PageNotUnderstood when they are refused; the votes are then the ledger's again."""
    elapsed_s = sum(answer.elapsed_ms for answer in answers) / 1000
    await asyncio.sleep(elapsed_s * person.crowd.plan.time_scale)
    fields = question.filled_in(shown, task.assignment_id, answers)
    page = await person.browser.send_from_frame(task.submit_url, fields)
    stored = page.find("submitted") is not None or await _was_stored(person, task)
    ledger = person.crowd.ledger
    if ledger is not None:
        settle = ledger.keep if stored else ledger.take_back
        settle(person.member.number, _entries(seen))
    if not stored:
        raise PageNotUnderstood(page.url, page.refusal or "it does not say that the answer was submitted")
    person.crowd.tally.took(Request.SUBMIT, page.took_s)
    person.record(CrowdEventKind.SUBMITTED, task, answers=answers, seen=seen)


async def _was_stored(person: Person, task: Task) -> bool:
    """Whether an earlier try, whose reply was lost, had handed the answers in."""
    return pages.fate(await person.browser.open(task.url)) in _HANDED_IN


def _entries(seen: Recognised) -> list[Entry]:
    return [entry for _, entry in seen if entry is not None]
