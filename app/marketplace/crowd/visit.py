"""One simulated Worker's way through the worker site, from enrolment to going home."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.marketplace.crowd import pages, question
from app.marketplace.crowd.answer_key import Entry
from app.marketplace.crowd.behaviours import DECIDE, NAMES, Answer, Behaviour, Step, replay, step
from app.marketplace.crowd.browser import Browser
from app.marketplace.crowd.errors import CrowdError, EnrolmentClosed, PageNotUnderstood
from app.marketplace.crowd.pages import Group, Page, Task
from app.marketplace.crowd.plan import CrowdPlan
from app.marketplace.crowd.recognition import Recognised, Recognition, generator
from app.marketplace.crowd.replay import VoteLedger
from app.marketplace.crowd.report import CrowdEvent, CrowdEventKind, Tally

LIST = "/worker"
ENROL = "/worker/enrol"
_PREVIEWS = 0.1
# After so many failures with one group a Worker leaves it alone; else one bad HIT could hold them for ever.
_PATIENCE_WITH_A_GROUP = 3
_LOOKS_PER_S = 20


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all Workers of a run share."""

    plan: CrowdPlan
    recognition: Recognition
    ledger: VoteLedger | None
    tally: Tally


class Visit:
    """A Worker with a browser.

    A HIT for which the ledger holds no vote is set aside: kept accepted, since the site would offer it again at once
    after a return, and returned at the end.
    """

    def __init__(self, number: int, behaviour: Behaviour, browser: Browser, crowd: Crowd) -> None:
        self.name = f"{NAMES[behaviour]} {number}"
        self._number, self._behaviour, self._browser, self._crowd = number, behaviour, browser, crowd
        self._rng = np.random.default_rng([crowd.plan.seed, number])
        self._submitted = 0
        self._gone = False
        self._returned: set[str] = set()
        self._aside: dict[str, Page] = {}
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Enrol, work until there is no more work for this Worker, go home. A failure is recorded, not raised."""
        try:
            await self._enrol()
            while self._wants_more() and (await self._work_once() or await self._second_look()):
                pass
            if not self._gone:
                await self._return_set_aside()
        except CrowdError as fault:
            self._record(CrowdEventKind.FAILED, detail=str(fault))
        self._record(CrowdEventKind.FINISHED)

    async def _enrol(self) -> None:
        page = await self._browser.open(ENROL)
        form = pages.form(page, "enrol-form")
        if form is None:
            raise EnrolmentClosed(page.url)
        page = await self._browser.send(form, name=self.name)
        if page.root.first(id="worker-id") is None:
            raise PageNotUnderstood(page.url, page.refusal or "it shows no Worker id")
        self._record(CrowdEventKind.ENROLLED)

    async def _work_once(self) -> bool:
        """Look for work until patience ends; do what is found and what follows from it. Whether there was any."""
        give_up_at = time.monotonic() + self._crowd.plan.patience_s
        while (found := await self._accepted()) is None:
            left_s = give_up_at - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.sleep(min(left_s, max(0.25, self._crowd.plan.workers / _LOOKS_PER_S)))
        group, page = found
        following: Page | None = page
        while following is not None:
            following = await self._handle(group, following)
        return self._wants_more()

    async def _accepted(self) -> tuple[Group, Page] | None:
        """The page of a HIT that this Worker has just accepted from the list; None when nothing can be had."""
        groups = pages.groups(await self._browser.open(LIST))
        for at in self._rng.permutation(len(groups)):
            group = groups[at]
            if self._failures[group.group_id] < _PATIENCE_WITH_A_GROUP:
                page = await self._accept(group)
                if page is not None:
                    return group, page
        return None

    async def _accept(self, group: Group) -> Page | None:
        form = group.accept
        # While a HIT of the group is set aside, the list's button leads back to it; the preview shows another one.
        if self._aside or self._rng.random() < _PREVIEWS:
            shown = pages.form(await self._browser.open(group.preview_url), "accept-form")
            if shown is None:
                return None
            form = shown
        page = await self._browser.send(form)
        if pages.task(page) is None:
            return None
        if not pages.accepts_next(page):
            page = await self._browser.send(pages.needed_form(page, "accept-next-form"), accept_next="on")
        return page

    async def _handle(self, group: Group, page: Page) -> Page | None:
        """Do something about an accepted HIT; the page of the next one when the site has led on to it."""
        task = pages.task(page)
        if task is None:
            return None
        if task.hit_id in self._aside:
            self._aside[task.hit_id] = page
            return None
        try:
            return await self._do(task, page)
        except PageNotUnderstood as fault:
            self._failures[group.group_id] += 1
            self._record(CrowdEventKind.FAILED, task, detail=str(fault))
            await self._give_back(task)
            return None

    async def _do(self, task: Task, page: Page) -> Page | None:
        shown = await self._question(task)
        seen = await self._crowd.recognition.of(shown.items, self._browser)
        rng = generator(self._crowd.plan.seed, self._number, shown.items)
        match step(self._behaviour, rng, returned_before=task.hit_id in self._returned):
            case Step.LEAVE:
                self._gone = True
                self._record(CrowdEventKind.ABANDONED, task)
                return None
            case Step.RETURN:
                await self._give_back(task)
                return None
            case Step.ANSWER:
                pass
        answers = self._answers(seen, rng)
        if answers is None:
            self._aside[task.hit_id] = page
            return None
        await self._submit(task, shown, seen, answers)
        if self._aside or not self._wants_more():
            return None
        return await self._browser.open(task.next_url)

    async def _question(self, task: Task) -> question.Question:
        framed = await self._browser.open_in_frame(task.frame_url)
        if framed.refusal:
            raise PageNotUnderstood(framed.url, framed.refusal)
        return question.read(framed.html, url=framed.url, assignment_id=task.assignment_id)

    def _answers(self, seen: Recognised, rng: np.random.Generator) -> Sequence[Answer] | None:
        """What this Worker answers on each Item; None when the ledger has no votes for them."""
        ledger = self._crowd.ledger
        if ledger is None:
            decide = DECIDE[self._behaviour]
            generators = [generator(self._crowd.plan.seed, self._number, [item]) for item, _ in seen]
            truths = [entry.choice(entry.truth, item) if entry and entry.truth else None for item, entry in seen]
            return [decide(item, *rest) for (item, _), *rest in zip(seen, truths, generators, strict=True)]
        entries = _entries(seen)
        votes = ledger.deal(self._number, entries) if len(entries) == len(seen) else None
        if votes is None:
            return None
        dealt = zip(seen, entries, votes, strict=True)
        return [replay(entry.choice(vote, item), rng) for (item, _), entry, vote in dealt]

    async def _submit(self, task: Task, shown: question.Question, seen: Recognised, answers: Sequence[Answer]) -> None:
        """Hand the answers in. Raises PageNotUnderstood, and the votes are the ledger's again, when they are refused."""
        elapsed_ms = sum(answer.elapsed_ms for answer in answers)
        await asyncio.sleep(elapsed_ms / 1000 * self._crowd.plan.time_scale)
        fields = question.filled_in(shown, task.assignment_id, answers)
        page = await self._browser.send_from_frame(task.submit_url, fields)
        stored = page.root.first(id="submitted") is not None or await self._was_stored(task)
        if self._crowd.ledger is not None:
            settle = self._crowd.ledger.keep if stored else self._crowd.ledger.take_back
            settle(self._number, _entries(seen))
        if not stored:
            raise PageNotUnderstood(page.url, page.refusal or "it does not say that the answer was submitted")
        self._submitted += 1
        choices = tuple(answer.choice for answer in answers)
        event = CrowdEvent(CrowdEventKind.SUBMITTED, self.name, task.hit_id, task.assignment_id, choices)
        self._crowd.tally.record(event)

    async def _was_stored(self, task: Task) -> bool:
        """Whether an earlier try, whose reply was lost, had handed the answers in."""
        page = await self._browser.open(f"/assignments/{task.assignment_id}")
        return pages.fate(page) in {"Submitted", "Approved", "Rejected"}

    async def _give_back(self, task: Task) -> None:
        """Return the HIT. When that is refused, its time is over and it is nobody's already."""
        page = await self._browser.send(task.give_back)
        if not page.refusal:
            self._returned.add(task.hit_id)
            self._record(CrowdEventKind.RETURNED, task)

    async def _second_look(self) -> bool:
        """Whether a HIT set aside can be answered now, and was: another Worker's votes may have come back."""
        for hit_id, page in list(self._aside.items()):
            del self._aside[hit_id]
            task = pages.task(page)
            if task is not None:
                submitted = self._submitted
                await self._do(task, page)
                if self._submitted > submitted:
                    return True
        return False

    async def _return_set_aside(self) -> None:
        for page in self._aside.values():
            task = pages.task(page)
            if task is not None:
                await self._give_back(task)
        self._aside.clear()

    def _wants_more(self) -> bool:
        most = self._crowd.plan.max_assignments
        return not self._gone and (most is None or self._submitted < most)

    def _record(self, kind: CrowdEventKind, task: Task | None = None, *, detail: str = "") -> None:
        ids = (task.hit_id, task.assignment_id) if task else ("", "")
        self._crowd.tally.record(CrowdEvent(kind, self.name, *ids, detail=detail))


def _entries(seen: Recognised) -> list[Entry]:
    return [entry for _, entry in seen if entry is not None]
