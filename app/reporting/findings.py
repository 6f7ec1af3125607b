"""What a Batch's Responses say: each finding computed once, when a section first asks, or the reason why there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus import methods
from app.domain.consensus.certainty import Settlement, settle
from app.domain.consensus.outcome import Labels, Outcome, leaders
from app.domain.consensus.roles import as_classes, as_roles
from app.domain.consensus.votes import OPTIONS, VoteCounts, Votes
from app.domain.plurals import counted
from app.domain.statistics.agreement import Agreement, agreement
from app.domain.statistics.readings import Readings, read
from app.domain.statistics.study_table import Scope, StudyLine, line_of_votes
from app.domain.vocabulary import ItemRole
from app.errors import InvalidInput, Problem
from app.reporting.document import NotEnough
from app.reporting.record import BatchRecord, VotesOn

# An Item is settled for the probabilistic method where its most probable answer has at least this probability.
CERTAIN = 0.9
# Classes are few where a table of them is read at a glance; each is a row to learn, from some dozens of answers.
FEW_CLASSES = 10
ANSWERS_A_CLASS = 24
NO_RESPONSES = NotEnough("no Response came yet that counts and names one of the four answers")

# The suspects of the Batch stand for themselves, in a dataset whose size is not known.
THEMSELVES = Scope()

T = TypeVar("T")


def found(compute: Callable[[], T]) -> T | NotEnough:
    """What `compute` gives, or the reason why these Responses do not give it."""
    try:
        return compute()
    except InvalidInput as fault:
        return NotEnough("; ".join(problem.message for problem in fault.problems))


@dataclass(frozen=True, slots=True)
class ClassReading:
    """The Responses as the C classes that they name. `votes` and `outcome`: on these, then both, then neither.

    roles (I,): what the outcome says, read back as an index into OPTIONS, or -1.
    """

    names: Sequence[str]
    votes: Votes
    outcome: Outcome
    roles: Labels


@dataclass(frozen=True)
class Findings:
    """Of one Batch; `scope` says what its suspects stand for."""

    record: BatchRecord
    scope: Scope = THEMSELVES

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be. Raises InvalidInput."""
        suspects = int(self.record.of_role(ItemRole.SUSPECT).sum())
        if self.scope.suspects is not None and self.scope.suspects < suspects:
            message = f"the Batch itself has {suspects:,} suspects; wanted as many or more"
            raise InvalidInput([Problem(message, field="suspects")])
        # Control Items were drawn from what was not suspected; gold ones may be of another dataset.
        controls = int(self.record.of_role(ItemRole.CONTROL).sum())
        if self.scope.dataset_size is not None and self.scope.dataset_size < self.suspects + controls:
            beside = f" beside {counted(controls, 'control Item')}" if controls else ""
            message = f"a dataset of {self.scope.dataset_size:,} Items cannot hold {self.suspects:,} suspects{beside}"
            raise InvalidInput([Problem(message, field="dataset_size")])

    @property
    def suspects(self) -> int:
        """How many suspects there are: as told, or those of the Batch."""
        return self.scope.suspects or int(self.record.of_role(ItemRole.SUSPECT).sum())

    @cached_property
    def controls(self) -> VotesOn:
        """The votes on control Items whose outcome is settled."""
        return self.record.votes_on(self.record.of_role(ItemRole.CONTROL) & self.record.items.settled)

    @cached_property
    def study_line(self) -> StudyLine | NotEnough:
        """The study's line of the settled suspects."""
        if not len(self.record.suspects.votes):
            return self._nothing_settled
        scope = Scope(self.suspects, self.scope.dataset_size)
        votes, terms = self.record.suspects.votes, self.record.terms
        return found(
            lambda: line_of_votes(
                terms.name, votes, quorum_size=terms.quorum, most=terms.assignments_per_item, scope=scope
            )
        )

    @property
    def _nothing_settled(self) -> NotEnough:
        """Why there is no settled suspect with an answer."""
        if not len(self.record.responses):
            return NO_RESPONSES
        if not self.record.of_role(ItemRole.SUSPECT).any():
            return NotEnough("the Batch has no suspects, only gold or control Items")
        return NotEnough("no suspect's outcome is settled yet: further Responses could still change each of them")

    @cached_property
    def readings(self) -> Readings | NotEnough:
        """Both readings of the settled suspects that have answers, in their order in `record.suspects`."""
        votes = self.record.suspects.votes
        counts = votes.counts()
        answered = counts[counts.sum(axis=1) > 0]
        if not len(answered):
            return self._nothing_settled
        return read(VoteCounts(answered), quorum_size=self.record.terms.quorum)

    @cached_property
    def agreement(self) -> Agreement | NotEnough:
        """Over suspects and controls: gold Items are chosen to be clear.

        Where further Workers are asked only about Items that divide the first, the first answers alone: with the others, the
        clear Items would count with few answers and the doubtful with many, and agreement be what no panel shows.
        """
        record, first = self.record, self.record.terms.asked_of_all
        roles = record.of_role(ItemRole.SUSPECT, ItemRole.CONTROL)
        adaptive = first < record.terms.assignments_per_item
        chosen = (record.first_votes_on(roles, first) if adaptive else record.votes_on(roles)).votes
        return found(lambda: agreement(chosen)) if len(chosen) else NO_RESPONSES

    @cached_property
    def quorum_labels(self) -> NDArray[np.int64]:
        """(I,): what the study's rule says of every Item, an index into OPTIONS, or -1."""
        category = read(VoteCounts(self.record.votes.counts()), quorum_size=self.record.terms.quorum).category
        return np.where(category < len(OPTIONS), category, -1)

    @cached_property
    def jury(self) -> Outcome | NotEnough:
        """The default probabilistic method on all Items; gold ones calibrate it where they are enough."""
        if not len(self.record.responses):
            return NO_RESPONSES
        gold = self.record.items.gold
        return found(lambda: methods.aggregate(self.record.votes, gold=gold if (gold >= 0).any() else None))

    @cached_property
    def classes(self) -> ClassReading | NotEnough:
        """The default probabilistic method on classes, where they are few and often answered."""
        items, answers = self.record.items, len(self.record.responses)
        if not answers:
            return NO_RESPONSES
        names = sorted({*items.given, *items.guessed}, key=_by_value)
        if len(names) > FEW_CLASSES:
            return NotEnough(
                f"there are {len(names):,} classes, more than {FEW_CLASSES}: answers are read as roles alone"
            )
        if answers < ANSWERS_A_CLASS * len(names):
            wanted = f"{len(names)} classes want {ANSWERS_A_CLASS} answers each and there are {answers:,} in all"
            return NotEnough(f"{wanted}: answers are read as roles alone")
        code = {name: number for number, name in enumerate(names)}
        given, guessed = (np.array([code[name] for name in of], dtype=np.int64) for of in (items.given, items.guessed))
        votes = as_classes(self.record.votes, given, guessed, classes=len(names))
        outcome = found(lambda: methods.aggregate(votes))
        if isinstance(outcome, NotEnough):
            return outcome
        return ClassReading(names, votes, outcome, leaders(as_roles(outcome.posterior, given, guessed)))

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """(I,): which Items have a Response that counts."""
        return np.asarray(self.record.votes.counts().sum(axis=1) > 0)

    @cached_property
    def settlement(self) -> Settlement | NotEnough:
        """Which Items the jury settles at CERTAIN. Items without a Response stand in its queue too."""
        return self.jury if isinstance(self.jury, NotEnough) else settle(self.jury, threshold=CERTAIN)


def _by_value(name: str) -> tuple[bool, int, str]:
    """Whole numbers by value and before words."""
    number = name.isascii() and name.isdigit()
    return not number, int(name) if number else 0, name
