"""What the marketplace's counters say about a HIT, and whether its Assignments must be fetched."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.vocabulary import MarketplaceHITId


@dataclass(frozen=True, slots=True)
class HITCounters:
    """A HIT as ListHITs reports it."""

    hit_id: MarketplaceHITId
    status: str
    max_assignments: int
    pending: int
    available: int
    completed: int
    expires_at: datetime
    annotation: str | None = None

    @property
    def submitted(self) -> int:
        """Assignments handed in so far, decided ones included.

        Completed counts only decided work (mturk-facts §3.1), so what was handed in is what is neither free nor under way.
        """
        return self.max_assignments - self.pending - self.available

    @property
    def signature(self) -> str:
        """All counters in one word: equal signatures mean that nothing changed."""
        return f"{self.status}/{self.max_assignments}/{self.pending}/{self.available}/{self.completed}"


@dataclass(frozen=True, slots=True)
class Collected:
    """What we already hold of a HIT."""

    assignments: int
    decided: int
    polled_signature: str | None


def must_fetch(seen: HITCounters, held: Collected) -> bool:
    """Whether the HIT's Assignments differ from what we hold.

    The signature guards against counters that never match (on expiry some endpoints zero `available`, so that `submitted`
    reads too high for ever): counters fetched to the end once are not fetched again until they move.
    """
    if seen.signature == held.polled_signature:
        return False
    return seen.submitted > held.assignments or seen.completed != held.decided


# States in which nobody can accept or submit any more, by the marketplace's own word and clock.
_OVER = frozenset({"Reviewable", "Reviewing", "Disposed"})


def is_complete(seen: HITCounters, *, assignments: int) -> bool:
    """Whether we hold every Assignment that the counters promise."""
    return assignments >= seen.submitted


def is_exhausted(seen: HITCounters, *, now: datetime, assignments: int, assignment_duration_s: int) -> bool:
    """Whether nothing more can come. Counters are older than `now`, so our clock alone never says so.

    Every place is filled and collected; or the marketplace calls the HIT reviewable and we hold all that it promises. Where
    it promises more than it lists (some endpoints zero their counters at expiry while work is under way), the HIT is
    waited for until the last Worker's time is over too.
    """
    if assignments >= seen.max_assignments:
        return True
    if seen.status not in _OVER:
        return False
    last_deadline = seen.expires_at + timedelta(seconds=assignment_duration_s)
    return is_complete(seen, assignments=assignments) or now >= last_deadline
