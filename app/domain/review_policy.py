"""Review policies: how submitted work is decided, and what its Worker reads. Deciding only; `pipeline/review.py` acts.

A rule is written as `approve_all`, `hold`, `gold:0.8` or `agreement:0.7,after=10,reject_below=0.3`: the share of a Worker's
answers that must be right, after how many of them that can be judged, and below which share work is rejected. Without
`reject_below` no policy rejects: a person does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from app.domain.worker_quality import NO_ANSWERS, Tally
from app.errors import InvalidInput, Problem

THANKS = "Thank you for your careful work."
FIELD = "review"
# So long before unreviewed work is paid by itself, what a policy could not judge is held for a person to see.
HELD_BEFORE = timedelta(hours=24)
MOST_ANSWERS = 1000


class ReviewPolicy(StrEnum):
    """How submitted work is decided.

    approve_all · gold: by the Worker's answers on Items whose answer is known · agreement: by how often the Worker says what
    most of the others say · hold: a person decides.
    """

    APPROVE_ALL = "approve_all"
    GOLD = "gold"
    AGREEMENT = "agreement"
    HOLD = "hold"

    @property
    def judges(self) -> bool:
        """Whether it looks at the Worker's answers."""
        return self in {ReviewPolicy.GOLD, ReviewPolicy.AGREEMENT}


class Verdict(StrEnum):
    """What becomes of submitted work.

    approve: paid and counted · reject: neither · soft_reject: paid, not counted · hold: a person decides ·
    wait: too little is known yet.
    """

    APPROVE = "approve"
    REJECT = "reject"
    SOFT_REJECT = "soft_reject"
    HOLD = "hold"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """A policy with its thresholds; these mean something for policies that judge alone.

    at_least: the share (0 to 1) of right answers that is approved. after: judged only when so many answers can be.
    reject_below: work of Workers below this share is rejected; None: held.
    """

    policy: ReviewPolicy = ReviewPolicy.APPROVE_ALL
    at_least: float = 0.8
    after: int = 5
    reject_below: float | None = None

    @classmethod
    def parse(cls, written: str) -> Self:
        """The rule that somebody wrote. Raises InvalidInput that names every fault."""
        name, _, rest = written.strip().partition(":")
        word = name.strip().replace("-", "_").casefold()
        if word not in set(ReviewPolicy):
            raise InvalidInput([_fault(f"{name[:50]!r} is no review policy; use {' or '.join(ReviewPolicy)}")])
        policy, problems = ReviewPolicy(word), list[Problem]()
        read: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in rest.split(","))):
            setting, equals, value = part.partition("=")
            setting, value = (setting, value) if equals else ("at_least", part)
            _read(setting.strip().replace("-", "_"), value.strip(), read, problems)
        if read and not policy.judges:
            problems.append(_fault(f"{policy} takes no settings; leave out what follows it"))
        rule = cls(policy, **_typed(read)) if not problems else cls(policy)
        if problems := problems or rule.problems():
            raise InvalidInput(problems)
        return rule

    @classmethod
    def of(cls, policy: str, stored: Mapping[str, Any]) -> Self:
        """As a Batch keeps it."""
        return cls(ReviewPolicy(policy), **_typed(stored))

    def settings(self) -> dict[str, float]:
        """As a Batch keeps it."""
        if not self.policy.judges:
            return {}
        kept: dict[str, float] = {"at_least": self.at_least, "after": self.after}
        return kept if self.reject_below is None else kept | {"reject_below": self.reject_below}

    def problems(self) -> list[Problem]:
        """What is wrong with the thresholds."""
        found = []
        if not 0 < self.at_least <= 1:
            found.append(_fault("the share of right answers is above 0 and at most 1, such as 0.8"))
        if not 1 <= self.after <= MOST_ANSWERS:
            found.append(_fault(f"after is 1 to {MOST_ANSWERS} answers"))
        if self.reject_below is not None and not 0 <= self.reject_below <= self.at_least:
            found.append(_fault(f"reject_below is 0 to {self.at_least:g}, the share that is approved"))
        return found

    def __str__(self) -> str:
        if not self.policy.judges:
            return self.policy.value
        reject = "" if self.reject_below is None else f",reject_below={self.reject_below:g}"
        return f"{self.policy}:{self.at_least:g},after={self.after}{reject}"


APPROVE_ALL = ReviewRule()
_SETTINGS = ("at_least", "after", "reject_below")


def _read(setting: str, value: str, read: dict[str, float], problems: list[Problem]) -> None:
    if setting not in _SETTINGS:
        problems.append(_fault(f"{setting[:50]!r} is no setting of a review policy; use {', '.join(_SETTINGS)}"))
        return
    if setting in read:
        problems.append(_fault(f"{setting} is given twice"))
    try:
        read[setting] = int(value) if setting == "after" else float(value)
    except ValueError:
        kind = "whole number" if setting == "after" else "share such as 0.8"
        problems.append(_fault(f"{setting} is {value[:50]!r}; write a {kind}"))


def _typed(read: Mapping[str, Any]) -> dict[str, Any]:
    return {name: int(value) if name == "after" else float(value) for name, value in read.items() if name in _SETTINGS}


def _fault(message: str) -> Problem:
    return Problem(message, field=FIELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedWork:
    """What a decision on one Assignment needs to know.

    readable: whether its answer could be read. answers: how the Worker's answers in this Batch stand, by the policy's own
    measure. more_to_come: whether answers may still come by which the Worker can be judged.
    """

    readable: bool = True
    answers: Tally = NO_ANSWERS
    more_to_come: bool = True
    submitted_at: datetime | None = None
    auto_approval_at: datetime | None = None

    def is_paid_soon(self, now: datetime) -> bool:
        """Whether the marketplace pays it by itself within HELD_BEFORE, or within half of the time that it waits."""
        if self.auto_approval_at is None:
            return False
        waits = self.auto_approval_at - (self.submitted_at or self.auto_approval_at - HELD_BEFORE)
        return now >= self.auto_approval_at - min(HELD_BEFORE, waits / 2)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one Assignment, what its Worker is told, and what a person reads of the reason."""

    verdict: Verdict
    feedback: str = ""
    because: str = ""


def decide_review(work: SubmittedWork, rule: ReviewRule, *, now: datetime) -> Decision:
    """The decision on an Assignment under `rule`.

    Work that cannot be read is approved unless a person decides everything: an unreadable page is our fault. What cannot be
    judged yet waits; it is held once no more answers can come, or when it would be paid unseen soon.
    """
    if rule.policy is ReviewPolicy.HOLD:
        return Decision(Verdict.HOLD, because="a person decides all work of this Batch")
    if rule.policy is ReviewPolicy.APPROVE_ALL or not work.readable:
        return Decision(Verdict.APPROVE, THANKS)
    return _judged(work, rule) if work.answers.judged >= rule.after else _unjudged(work, rule, now)


def _judged(work: SubmittedWork, rule: ReviewRule) -> Decision:
    share = work.answers.share or 0.0
    if share >= rule.at_least:
        return Decision(Verdict.APPROVE, THANKS)
    because = f"{_said(work.answers, rule)}, which is less than {rule.at_least:.0%}"
    if rule.reject_below is not None and share < rule.reject_below:
        return Decision(Verdict.REJECT, _to_the_worker(work.answers, rule), because)
    return Decision(Verdict.HOLD, because=because)


def _unjudged(work: SubmittedWork, rule: ReviewRule, now: datetime) -> Decision:
    if work.more_to_come and not work.is_paid_soon(now):
        return Decision(Verdict.WAIT)
    why = "it is paid by itself soon" if work.more_to_come else "no more are to come"
    return Decision(
        Verdict.HOLD, because=f"{_said(work.answers, rule)}; {rule.after} are needed to judge the Worker, and {why}"
    )


_MEASURED = {
    ReviewPolicy.GOLD: "{matched} of {judged} answers on gold Items are right",
    ReviewPolicy.AGREEMENT: "{matched} of {judged} answers are what most of the others say",
}
# Nothing that says which label is whose.
_TOLD = {
    ReviewPolicy.GOLD: "{matched} of your {judged} answers on questions with a known answer were right",
    ReviewPolicy.AGREEMENT: "{matched} of your {judged} answers were those of most other people",
}


def _said(answers: Tally, rule: ReviewRule) -> str:
    return _MEASURED[rule.policy].format(matched=answers.matched, judged=answers.judged)


def _to_the_worker(answers: Tally, rule: ReviewRule) -> str:
    told = _TOLD[rule.policy].format(matched=answers.matched, judged=answers.judged)
    return f"We could not use this work: {told}, and {rule.reject_below:.0%} were needed."
