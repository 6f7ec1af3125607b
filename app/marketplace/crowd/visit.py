"""One simulated Worker's way through the worker site, from enrolment to going home."""

import asyncio
import time
from collections import Counter

import numpy as np

from app.marketplace.crowd import pages
from app.marketplace.crowd.attempt import Crowd, Outcome, Person, attempt, give_back
from app.marketplace.crowd.behaviours import NAMES, Behaviour
from app.marketplace.crowd.browser import Browser
from app.marketplace.crowd.errors import CrowdError, EnrolmentClosed, PageNotUnderstood
from app.marketplace.crowd.pages import Group, Task
from app.marketplace.crowd.report import CrowdEventKind

LIST = "/worker"
ENROL = "/worker/enrol"
_PREVIEWS = 0.1
# After so many failures with one group a Worker leaves it alone; else one bad HIT could hold them for ever.
_PATIENCE_WITH_A_GROUP = 3
_SHORTEST_WAIT_S = 0.25
_LOOKS_PER_S = 20


class Visit:
    """A Worker at work.

    A HIT for which the ledger holds no votes is set aside: kept accepted, since the site would offer it again at once
    after a return, and returned at the end.
    """

    def __init__(self, number: int, behaviour: Behaviour, browser: Browser, crowd: Crowd) -> None:
        self._person = Person(number, f"{NAMES[behaviour]} {number}", behaviour, browser, crowd)
        self._browser, self._plan = browser, crowd.plan
        self._rng = np.random.default_rng([crowd.plan.seed, number])
        self._submitted = 0
        self._gone = False
        self._returned: set[str] = set()
        self._aside: dict[str, tuple[Group, Task]] = {}
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Enrol, work until there is no more work for this Worker, go home. A failure is recorded, not raised."""
        try:
            await self._enrol()
            while self._wants_more() and (await self._work() or await self._second_look()):
                pass
            if not self._gone:
                await self._return_set_aside()
        except CrowdError as fault:
            self._person.record(CrowdEventKind.FAILED, detail=str(fault))
        self._person.record(CrowdEventKind.FINISHED)

    async def _enrol(self) -> None:
        page = await self._browser.open(ENROL)
        form = pages.form(page, "enrol-form")
        if form is None:
            raise EnrolmentClosed(page.url)
        page = await self._browser.send(form, name=self._person.name)
        if page.root.first(id="worker-id") is None:
            raise PageNotUnderstood(page.url, page.refusal or "it shows no Worker id")
        self._person.record(CrowdEventKind.ENROLLED)

    async def _work(self) -> bool:
        """Look for work until patience ends; do what is found and what follows from it. Whether there was any."""
        give_up_at = time.monotonic() + self._plan.patience_s
        while (found := await self._found()) is None:
            left_s = give_up_at - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.sleep(min(left_s, max(_SHORTEST_WAIT_S, self._plan.workers / _LOOKS_PER_S)))
        await self._follow(*found)
        return True

    async def _follow(self, group: Group, task: Task) -> None:
        """Handle an accepted HIT and each one that the site leads on to."""
        following: Task | None = task
        while following is not None:
            following = await self._handle(group, following)

    async def _found(self) -> tuple[Group, Task] | None:
        """A HIT from the list that this Worker has now accepted; None when nothing can be had."""
        groups = pages.groups(await self._browser.open(LIST))
        for at in self._rng.permutation(len(groups)):
            group = groups[at]
            if self._failures[group.group_id] < _PATIENCE_WITH_A_GROUP:
                task = await self._accepted(group)
                if task is not None:
                    return group, task
        return None

    async def _accepted(self, group: Group) -> Task | None:
        form = group.accept
        # While a HIT of the group is set aside, the list's button leads back to it; the preview shows another one.
        if self._aside or self._rng.random() < _PREVIEWS:
            shown = pages.form(await self._browser.open(group.preview_url), "accept-form")
            if shown is None:
                return None
            form = shown
        page = await self._browser.send(form)
        if pages.task(page) is not None and not pages.accepts_next(page):
            page = await self._browser.send(pages.needed_form(page, "accept-next-form"), accept_next="on")
        return pages.task(page)

    async def _handle(self, group: Group, task: Task) -> Task | None:
        """Do something about an accepted HIT; the next one when the site has led on to it."""
        try:
            outcome = await attempt(self._person, task, returned_before=task.hit_id in self._returned)
        except PageNotUnderstood as fault:
            self._failures[group.group_id] += 1
            self._person.record(CrowdEventKind.FAILED, task, detail=str(fault))
            await give_back(self._person, task)
            return None
        match outcome:
            case Outcome.SUBMITTED:
                self._submitted += 1
                return await self._next(task)
            case Outcome.NO_VOTES:
                self._aside[task.hit_id] = (group, task)
            case Outcome.RETURNED:
                self._returned.add(task.hit_id)
            case Outcome.LEFT:
                self._gone = True
        return None

    async def _next(self, task: Task) -> Task | None:
        """Where the site leads after a submission; nowhere while it would lead to a HIT that is set aside."""
        if self._aside or not self._wants_more():
            return None
        return pages.task(await self._browser.send(task.go_on))

    async def _second_look(self) -> bool:
        """Whether a HIT set aside could be answered now: another Worker's votes may have come back."""
        for hit_id, (group, task) in list(self._aside.items()):
            del self._aside[hit_id]
            before = self._submitted
            await self._follow(group, task)
            if self._submitted > before:
                return True
        return False

    async def _return_set_aside(self) -> None:
        for _, task in self._aside.values():
            await give_back(self._person, task)

    def _wants_more(self) -> bool:
        most = self._plan.max_assignments
        return not self._gone and (most is None or self._submitted < most)
