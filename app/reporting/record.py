"""What a report on a Batch is made of: everything that was asked, answered and paid, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import OPTIONS, Coded, Votes
from app.domain.statistics.intervals import Floats
from app.domain.vocabulary import BatchStatus, ItemRole

NONE = -1


@dataclass(frozen=True, slots=True)
class ShownPage:
    """What a Worker saw. svg: the page as a picture that fits any room; item: the id of the Item on it, None for names in
    its place; changed: sentences on what else differs from what the Worker saw.
    """

    svg: str
    item: str | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked, under which conditions. `page`: the lines that a Worker read, as the page shows them; `shown`: the
    page as a picture. Both are absent where this version cannot show the template.
    """

    number: int
    name: str
    status: BatchStatus
    profile: str
    media_type: str
    template_name: str
    template_sha256: str
    template_source: str
    title: str
    description: str
    keywords: str
    instructions: str
    page: tuple[str, ...]
    shown: ShownPage | None
    assignments_per_item: int
    first_assignments: int
    items_per_hit: int
    quorum: int
    reward_usd: Decimal
    hourly_usd: Decimal | None
    top_up: bool
    assignment_duration_s: int
    lifetime_s: int
    review_policy: str
    review_settings: Mapping[str, str]
    repost_limit: int
    pilot_items: int | None
    excluded_batches: tuple[int, ...]
    seed: int
    masters: bool = False

    @property
    def asked_of_all(self) -> int:
        """How many answers every Item is asked for, whatever they say: one alone settles nothing where the quorum is more."""
        return max(self.first_assignments, min(self.quorum, 2))


@dataclass(frozen=True, slots=True)
class Dates:
    """When what happened; None: not yet. The answers' are of the first and the last Assignment handed in."""

    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None
    first_answer_at: datetime | None
    last_answer_at: datetime | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Money:
    """USD. What was paid or is owed for rewards, bonuses and fees; the cap. hourly_usd (A,): reward and bonus of each
    approved Assignment by the time that it counts for.
    """

    rewards_usd: Decimal
    bonuses_usd: Decimal
    fees_usd: Decimal
    owed_usd: Decimal
    cap_usd: Decimal | None
    hourly_usd: Floats

    @property
    def total_usd(self) -> Decimal:
        """All together, owed or paid."""
        return self.rewards_usd + self.bonuses_usd + self.fees_usd


@dataclass(frozen=True, slots=True)
class Work:
    """Assignments handed in, and what became of them; Responses that name no option, or do not count."""

    submitted: int
    approved: int
    rejected: int
    unreadable: int
    cannot_tell: int
    not_counted: int


@dataclass(frozen=True, slots=True)
class Items:
    """I Items in the file's order. gold: the known answer as an index into OPTIONS, or NONE; settled: no Response can change
    its category any more, or none will come. extra: numbers of the file's other columns that hold nothing else, NaN for none.
    sha256: of all rows as they were imported.
    """

    ids: Sequence[str]
    given: Sequence[str]
    guessed: Sequence[str]
    role: NDArray[np.str_]
    gold: Coded
    settled: NDArray[np.bool_]
    extra: Mapping[str, Floats]
    sha256: str

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Responses:
    """The N Responses that count and name an option.

    item, worker, label: indices. shown_first, shown_second (N,): which of `given` and `guessed` stood above the other, as
    labels, NONE where the order was not recorded. sequence: rises in the order in which a Worker answered. elapsed_ms: NaN
    where it was not measured.
    """

    item: Coded
    worker: Coded
    label: Coded
    shown_first: Coded
    shown_second: Coded
    sequence: Coded
    elapsed_ms: Floats

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class BatchRecord:
    """A Batch as it was at one moment. workers: their pseudonyms, by index; `versions`: of the software that made this."""

    terms: Terms
    dates: Dates
    money: Money
    work: Work
    items: Items
    responses: Responses
    workers: Sequence[str]
    versions: Mapping[str, str] = field(default_factory=dict)

    def of_role(self, *roles: ItemRole) -> NDArray[np.bool_]:
        """(I,): which Items have one of the roles."""
        return np.isin(self.items.role, [role.value for role in roles])

    @cached_property
    def votes(self) -> Votes:
        """All that count."""
        return self._votes(np.ones(len(self.responses), dtype=bool))

    def votes_on(self, chosen: NDArray[np.bool_]) -> "VotesOn":
        """The votes on the Items `chosen` (I,), numbered anew, and which Items these are."""
        return VotesOn.of(self, chosen, np.ones(len(self.responses), dtype=bool))

    def first_votes_on(self, chosen: NDArray[np.bool_], most: int) -> "VotesOn":
        """The same of the first `most` Responses on each Item."""
        said = self.responses
        order = np.lexsort((said.sequence, said.item))
        counts = np.bincount(said.item, minlength=len(self.items))
        nth = np.arange(len(said)) - np.repeat(counts.cumsum() - counts, counts)
        early = np.zeros(len(said), dtype=bool)
        early[order] = nth < most
        return VotesOn.of(self, chosen, early)

    @cached_property
    def suspects(self) -> "VotesOn":
        """The votes on suspects whose outcome is settled: what the study's table counts."""
        return self.votes_on(self.of_role(ItemRole.SUSPECT) & self.items.settled)

    def _votes(self, rows: NDArray[np.bool_]) -> Votes:
        said = self.responses
        return Votes.of(
            said.item[rows],
            said.worker[rows],
            said.label[rows],
            items=len(self.items),
            workers=len(self.workers),
            labels=len(OPTIONS),
        )


@dataclass(frozen=True, slots=True)
class VotesOn:
    """Votes on some of a Batch's Items: `item` of the votes indexes `at` (i,), which holds the Items' own indices."""

    votes: Votes
    at: Coded

    @classmethod
    def of(cls, record: BatchRecord, chosen: NDArray[np.bool_], counting: NDArray[np.bool_]) -> Self:
        """See `BatchRecord.votes_on`; of the Responses `counting` (N,)."""
        at = np.flatnonzero(chosen)
        place = np.full(len(record.items), NONE)
        place[at] = np.arange(len(at))
        said = record.responses
        rows = chosen[said.item] & counting if len(said) else np.zeros(0, dtype=bool)
        votes = Votes.of(
            place[said.item[rows]],
            said.worker[rows],
            said.label[rows],
            items=len(at),
            workers=len(record.workers),
            labels=len(OPTIONS),
        )
        return cls(votes, at)
