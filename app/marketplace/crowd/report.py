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
    """One thing that happened. `choices`: the answers handed in, Item by Item; `detail`: what went wrong."""

    kind: CrowdEventKind
    worker: str
    hit_id: str = ""
    assignment_id: str = ""
    choices: tuple[Choice, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CrowdReport:
    """The whole run in numbers.

    votes: answers handed in, by the page's choice.
    votes_left: votes of the answer key that were not handed in; 0 when nothing was replayed.
    errors: what went wrong, each text once, at most 100 of them; `failures` counts all.
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


class Tally:
    """Counts events and passes them on."""

    def __init__(self, on_event: Callable[[CrowdEvent], None] | None) -> None:
        self._on_event = on_event
        self.counts: Counter[CrowdEventKind] = Counter()
        self.votes: Counter[Choice] = Counter()
        self._errors: dict[str, None] = {}

    def record(self, event: CrowdEvent) -> None:
        """Count one event."""
        self.counts[event.kind] += 1
        self.votes.update(event.choices)
        if event.kind is CrowdEventKind.FAILED and len(self._errors) < _MOST_ERRORS:
            self._errors[event.detail] = None
        if self._on_event is not None:
            self._on_event(event)

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
        )
