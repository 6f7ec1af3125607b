"""One simulated Worker's way through the worker site, from enrolment to going home."""

import asyncio
import time
from collections import Counter
from contextlib import suppress

import numpy as np

from app.marketplace.crowd import entering, pages
from app.marketplace.crowd.attempt import Crowd, Outcome, Person, attempt, give_back
from app.marketplace.crowd.browser import Browser
from app.marketplace.crowd.deciding import Member
from app.marketplace.crowd.errors import CrowdError, EnrolmentClosed, PageNotUnderstood, QuestionNotUnderstood
from app.marketplace.crowd.pages import Group, Page, Task
from app.marketplace.crowd.report import CrowdEventKind, Request

LIST = "/worker"
ENROL = "/worker/enrol"
_PREVIEWS = 0.1
# After so many failures with one group a Worker leaves it alone; else one bad HIT could hold them for ever.
_PATIENCE_WITH_A_GROUP = 3
_SHORTEST_WAIT_S = 0.25
_LOOKS_PER_S = 20
_GOODBYE_S = 5.0


class Visit:
    """A Worker at work.

    A HIT for which the ledger holds no votes is set aside: kept accepted, since the site would offer it again at once
    after a return, and returned at the end.
    """

    def __init__(self, member: Member, browser: Browser, crowd: Crowd, *, after_s: float = 0.0) -> None:
        self._person = Person(member, browser, crowd)
        self._browser, self._plan, self._unusable = browser, crowd.plan, crowd.unusable
        self._after_s = after_s
        self._rng = np.random.default_rng([crowd.plan.seed, member.number])
        # The address of a visit by a recruitment link; empty: none.
        self._visit = ""
        self._submitted = 0
        self._gone = False
        self._returned: set[str] = set()
        self._aside: dict[str, tuple[Group, Task]] = {}
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Come in, work until there is no more work for this Worker, go home. A failure is recorded, not raised.

        Who is told to stop (cancelled) gives back what they hold, if that takes no longer than a few seconds.
        """
        code = ""
        try:
            await asyncio.sleep(self._after_s)
            await self._come_in()
            while self._wants_more() and (await self._work() or await self._second_look()):
                pass
            if not self._gone:
                await self._return_set_aside()
                code = await entering.finish(self._person, self._visit) if self._visit else ""
        except CrowdError as fault:
            self._person.record(CrowdEventKind.FAILED, detail=str(fault))
        except asyncio.CancelledError:
            await self._drop_everything()
            raise
        self._person.record(CrowdEventKind.FINISHED, detail=code)

    async def _come_in(self) -> None:
        if self._plan.enter:
            self._visit = await entering.enter(self._person)
        else:
            await self._enrol()

    async def _enrol(self) -> None:
        page = await self._browser.open(ENROL)
        form = pages.form(page, "enrol-form")
        if form is None:
            raise EnrolmentClosed(page.url)
        page = await self._browser.send(form, name=self._person.member.name)
        if page.find("worker-id") is None:
            raise PageNotUnderstood(page.url, page.refusal or "it shows no Worker id")
        self._person.record(CrowdEventKind.ENROLLED)

    async def _work(self) -> bool:
        """Look for work until patience ends; do what is found and what follows from it. Whether there was any."""
        give_up_at = time.monotonic() + self._plan.patience_s
        while (found := await self._found()) is None:
            left_s = give_up_at - time.monotonic()
            if left_s <= 0 or (self._visit and await entering.is_over(self._person, self._visit)):
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
        if self._visit:
            tired_of_it = self._failures[self._visit] >= _PATIENCE_WITH_A_GROUP
            return None if tired_of_it else await entering.next_task(self._person, self._visit)
        groups = pages.groups(await self._browser.open(LIST))
        for at in self._rng.permutation(len(groups)):
            group = groups[at]
            tired_of_it = self._failures[group.group_id] >= _PATIENCE_WITH_A_GROUP
            # Asked for each group anew: another Worker may have found out while this one waited for a page.
            if not tired_of_it and group.group_id not in self._unusable:
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
        self._note_accepted(page)
        asks = pages.form(page, "accept-next-form")
        if pages.task(page) is not None and asks is not None and not pages.accepts_next(page):
            page = await self._browser.send(asks, accept_next="on")
        return pages.task(page)

    async def _handle(self, group: Group, task: Task) -> Task | None:
        """Do something about an accepted HIT; the next one when the site has led on to it."""
        try:
            before = task.hit_id in self._returned
            outcome = await attempt(self._person, task, returned_before=before, done=self._submitted)
        except PageNotUnderstood as fault:
            self._note_failure(group, fault)
            self._person.record(CrowdEventKind.FAILED, task, detail=str(fault))
            await give_back(self._person, task)
            return None
        self._unusable.could_read(group.group_id)
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
        page = await self._browser.send(task.go_on)
        self._note_accepted(page)
        return pages.task(page)

    def _note_failure(self, group: Group, fault: PageNotUnderstood) -> None:
        self._failures[group.group_id] += 1
        if isinstance(fault, QuestionNotUnderstood):
            self._unusable.could_not_read(group.group_id)

    def _note_accepted(self, page: Page) -> None:
        if pages.task(page) is not None:
            self._person.crowd.tally.took(Request.ACCEPT, page.took_s)

    async def _second_look(self) -> bool:
        """Whether a HIT set aside could be answered now: another Worker's votes may have come back."""
        for hit_id, (group, task) in list(self._aside.items()):
            del self._aside[hit_id]
            before = self._submitted
            await self._follow(group, task)
            if self._submitted > before:
                return True
        return False

    async def _drop_everything(self) -> None:
        # The site may be down, which may be why everybody was told to stop.
        with suppress(TimeoutError, CrowdError):
            async with asyncio.timeout(_GOODBYE_S):
                # What the list says, since the last reply may never have come.
                for url in pages.held(await self._browser.open(LIST)):
                    task = pages.task(await self._browser.open(url))
                    if task is not None:
                        await give_back(self._person, task)

    async def _return_set_aside(self) -> None:
        for _, task in self._aside.values():
            await give_back(self._person, task)

    def _wants_more(self) -> bool:
        most = self._plan.max_assignments
        return not self._gone and (most is None or self._submitted < most)
