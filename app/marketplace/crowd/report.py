"""What the crowd did: events while it works, sums at the end."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.marketplace.crowd.behaviours import Choice

_MOST_PROBLEMS = 100
# What differs between two tellings of one problem: paths and queries, and MTurk's ids.
_VARIES = re.compile(r"(?<=://)([^/\s]+)\S*|\b[0-9A-Z]{13,}\b")


class CrowdEventKind(StrEnum):
    """What a Worker did. `failed`: something went wrong; `finished`: went home."""

    ENROLLED = "enrolled"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ABANDONED = "abandoned"
    FAILED = "failed"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class CrowdEvent:
    """One thing that happened.

    choices: the answers handed in, Item by Item; `known` of them could be compared with the key, `right` of those agreed.
    detail: what went wrong; of `finished`, the completion code that a recruitment link brought.
    role: the Worker's kind, as the plan calls it.
    """

    kind: CrowdEventKind
    worker: str
    hit_id: str = ""
    assignment_id: str = ""
    choices: tuple[Choice, ...] = ()
    detail: str = ""
    role: str = ""
    known: int = 0
    right: int = 0


class Request(StrEnum):
    """Requests whose time is taken, redirects included."""

    ACCEPT = "accept"
    SUBMIT = "submit"


@dataclass(slots=True)
class RoleCounts:
    """What the Workers of one kind did."""

    workers: int = 0
    submitted: int = 0
    returned: int = 0
    abandoned: int = 0
    failures: int = 0
    known: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong, in the words of the first time."""

    text: str
    times: int


@dataclass(frozen=True, slots=True)
class CrowdReport:
    """The whole run in numbers.

    votes: answers handed in, by the page's choice.
    votes_left: votes of the answer key that were not handed in; 0 when nothing was replayed.
    problems: what went wrong; what differs by ids and addresses alone is one. At most 100; `failures` counts all.
    roles: the same by kind of Worker, in the order in which they first came.
    took_s: how long the site took for each HIT accepted and each answer taken.
    """

    workers: int
    submitted: int
    returned: int
    abandoned: int
    votes: Mapping[Choice, int]
    votes_left: int
    problems: Sequence[Problem]
    failures: int
    seconds: float
    roles: Mapping[str, RoleCounts]
    took_s: Mapping[Request, Sequence[float]]

    @property
    def errors(self) -> Sequence[str]:
        """The problems' texts."""
        return [problem.text for problem in self.problems]


_COUNTED_AS = {
    CrowdEventKind.ENROLLED: "workers",
    CrowdEventKind.SUBMITTED: "submitted",
    CrowdEventKind.RETURNED: "returned",
    CrowdEventKind.ABANDONED: "abandoned",
    CrowdEventKind.FAILED: "failures",
}


class Tally:
    """Counts events and passes them on."""

    def __init__(self, on_event: Callable[[CrowdEvent], None] | None) -> None:
        self._on_event = on_event
        self.counts: Counter[CrowdEventKind] = Counter()
        self.votes: Counter[Choice] = Counter()
        self._problems: dict[str, Problem] = {}
        self._roles: dict[str, RoleCounts] = {}
        self._took_s: dict[Request, list[float]] = {request: [] for request in Request}

    def record(self, event: CrowdEvent) -> None:
        """Count one event."""
        self.counts[event.kind] += 1
        self.votes.update(event.choices)
        self._count_role(event)
        if event.kind is CrowdEventKind.FAILED:
            self._count_problem(event.detail)
        if self._on_event is not None:
            self._on_event(event)

    def took(self, request: Request, seconds: float) -> None:
        """Note how long a request took that brought what was wanted."""
        self._took_s[request].append(seconds)

    def report(self, *, votes_left: int, seconds: float) -> CrowdReport:
        """The sums so far."""
        kinds = CrowdEventKind
        return CrowdReport(
            workers=self.counts[kinds.ENROLLED],
            submitted=self.counts[kinds.SUBMITTED],
            returned=self.counts[kinds.RETURNED],
            abandoned=self.counts[kinds.ABANDONED],
            votes=dict(self.votes),
            votes_left=votes_left,
            problems=list(self._problems.values()),
            failures=self.counts[kinds.FAILED],
            seconds=seconds,
            roles=dict(self._roles),
            took_s=dict(self._took_s),
        )

    def _count_problem(self, text: str) -> None:
        alike = _VARIES.sub(r"\1…", text)
        seen = self._problems.get(alike)
        if seen is not None:
            self._problems[alike] = replace(seen, times=seen.times + 1)
        elif len(self._problems) < _MOST_PROBLEMS:
            self._problems[alike] = Problem(text, 1)

    def _count_role(self, event: CrowdEvent) -> None:
        counts = self._roles.setdefault(event.role, RoleCounts())
        if (name := _COUNTED_AS.get(event.kind)) is not None:
            setattr(counts, name, getattr(counts, name) + 1)
        counts.known += event.known
        counts.right += event.right
