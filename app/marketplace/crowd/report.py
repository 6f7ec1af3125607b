"""What the crowd did: events while it works, sums at the end."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.marketplace.crowd.behaviours import Choice

_MOST_ERRORS = 100


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
class CrowdReport:
    """The whole run in numbers.

    votes: answers handed in, by the page's choice.
    votes_left: votes of the answer key that were not handed in; 0 when nothing was replayed.
    errors: what went wrong, each text once, at most 100 of them; `failures` counts all.
    roles: the same by kind of Worker, in the order in which they first came.
    took_s: how long the site took for each HIT accepted and each answer taken.
    """

    workers: int
    submitted: int
    returned: int
    abandoned: int
    votes: Mapping[Choice, int]
    votes_left: int
    errors: Sequence[str]
    failures: int
    seconds: float
    roles: Mapping[str, RoleCounts]
    took_s: Mapping[Request, Sequence[float]]


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
        self._errors: dict[str, None] = {}
        self._roles: dict[str, RoleCounts] = {}
        self._took_s: dict[Request, list[float]] = {request: [] for request in Request}

    def record(self, event: CrowdEvent) -> None:
        """Count one event."""
        self.counts[event.kind] += 1
        self.votes.update(event.choices)
        self._count_role(event)
        if event.kind is CrowdEventKind.FAILED and len(self._errors) < _MOST_ERRORS:
            self._errors[event.detail] = None
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
            errors=list(self._errors),
            failures=self.counts[kinds.FAILED],
            seconds=seconds,
            roles=dict(self._roles),
            took_s=dict(self._took_s),
        )

    def _count_role(self, event: CrowdEvent) -> None:
        counts = self._roles.setdefault(event.role, RoleCounts())
        if (name := _COUNTED_AS.get(event.kind)) is not None:
            setattr(counts, name, getattr(counts, name) + 1)
        counts.known += event.known
        counts.right += event.right
