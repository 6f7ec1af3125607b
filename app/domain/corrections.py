"""From answers to corrected labels: which labels change, which Items are left out, by which rule and why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.correction_rules import QUORUM, WORKERS, Agreement, CorrectionRules, Fate, Reading
from app.domain.statistics.readings import Validity, read
from app.domain.study_sets import Label, LabelSetItem, StudyItem, answered, categories_of
from app.domain.vocabulary import Category, Option
from app.errors import InvalidInput, Problem

_GUESSED, _BOTH = OPTIONS.index(Option.GUESSED), OPTIONS.index(Option.BOTH)
_CATEGORY_OF = {
    Validity.ONLY_GIVEN: Category.NON_ERROR,
    Validity.ONLY_GUESSED: Category.CORRECTABLE,
    Validity.BOTH: Category.MULTI_LABEL,
    Validity.NEITHER: Category.NEITHER,
    Validity.UNDECIDED: Category.NON_AGREEMENT,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One Item whose label is not the given one any more. `corrected` is None where the Item is dropped."""

    id: Label
    given: Label
    corrected: Label | None
    category: Category
    reason: str
    votes: str
    answers: int


@dataclass(frozen=True, slots=True)
class SetChange:
    """One multi-label Item whose labels change; `corrected` may be empty."""

    id: Label
    given: frozenset[str]
    corrected: frozenset[str]
    reason: str
    votes: str


def changes_of(items: Iterable[StudyItem], rules: CorrectionRules) -> list[Change]:
    """The Items that change, in their order. Items without answers and Items whose two labels are one never do."""
    asked = answered(items)
    found = zip(asked, read_as(asked, rules.reading, quorum=rules.quorum), strict=True)
    return [change for item, category in found if (change := _change(item, category, rules))]


def read_as(items: Sequence[StudyItem], reading: Reading, *, quorum: int = QUORUM) -> list[Category]:
    """What the answers mean in this reading.

    validity: non-error where only the given label is acceptable, correctable where only the guessed one is, multi-label
    where both are, neither where both were refused, else non-agreement. Where the two labels are one, a label that is
    acceptable is a non-error.
    """
    if reading is Reading.CATEGORIES or not items:
        return categories_of(items, quorum=quorum)
    counts = np.array([item.counts for item in items], dtype=np.int64)
    other = np.array([sum(item.others.values()) for item in items], dtype=np.int64)
    found = read(VoteCounts(counts), quorum_size=quorum, other=other).validity.tolist()
    return [_of_validity(item, Validity(value)) for item, value in zip(items, found, strict=True)]


def _of_validity(item: StudyItem, found: Validity) -> Category:
    if found is Validity.BOTH and item.given == item.guessed:
        return Category.NON_ERROR
    return _CATEGORY_OF[found]


def _change(item: StudyItem, category: Category, rules: CorrectionRules) -> Change | None:
    if category is Category.NON_ERROR:
        return None
    if category is Category.CORRECTABLE and item.given == item.guessed:
        return None
    if category is Category.CORRECTABLE and _agreed(item, rules):
        return _changed(item, item.guessed, category, f"{_support(item, rules)} say the guessed label is right")
    if category is Category.MULTI_LABEL and rules.multi_label is Fate.DROP:
        return _changed(item, None, category, "dropped: both labels are right")
    if category is not Category.MULTI_LABEL and rules.unresolved is Fate.DROP:
        return _changed(item, None, category, f"dropped: {_unresolved(category, rules)}")
    return None


def _agreed(item: StudyItem, rules: CorrectionRules) -> bool:
    return rules.agreement is Agreement.MAJORITY or _supporting(item, rules.reading) == item.answers


def _supporting(item: StudyItem, reading: Reading) -> int:
    both = item.counts[_BOTH] if reading is Reading.VALIDITY else 0
    return item.counts[_GUESSED] + both


def _support(item: StudyItem, rules: CorrectionRules) -> str:
    return f"{_supporting(item, rules.reading)} of {item.answers} answers"


def _unresolved(category: Category, rules: CorrectionRules) -> str:
    match category:
        case Category.NEITHER:
            return "neither label is right"
        case Category.CORRECTABLE:
            return "the guessed label is right for most, not for all"
        case _:
            return f"no answer reached {rules.quorum}"


def _changed(item: StudyItem, corrected: Label | None, category: Category, reason: str) -> Change:
    return Change(item.id, item.given, corrected, category, reason, votes_text(item), item.answers)


def votes_text(item: StudyItem) -> str:
    """The counts as people read them: `given 1, guessed 4`; options without votes are left out."""
    named = [*((option.value, count) for option, count in zip(OPTIONS, item.counts, strict=True)), *item.others.items()]
    return ", ".join(f"{name} {count}" for name, count in named if count)


def set_changes_of(
    items: Iterable[LabelSetItem], rules: CorrectionRules, *, workers: int = WORKERS
) -> Iterator[SetChange]:
    """The multi-label Items whose set changes, in their order; never those that nobody answered.

    majority: the new set is what the quorum ticked. unanimous: a label is added only if all `workers` ticked it, and
    removed only if none did. The files do not say how many Workers were asked, so that is an argument.
    Raises InvalidInput where a label has more ticks than that.
    """
    for item in answered(items):
        if (most := max(item.counts.values(), default=0)) > workers:
            raise InvalidInput(
                [Problem(f"a label has {most} answers, and {workers} Workers were asked", field=f"item {item.id}")]
            )
        new = item.holding(rules.quorum)
        if rules.agreement is Agreement.UNANIMOUS:
            new = (item.given & item.holding(1)) | item.holding(workers)
        if new != item.given:
            yield SetChange(item.id, item.given, new, _moved(item.given, new), ticks_text(item))


def _moved(old: frozenset[str], new: frozenset[str]) -> str:
    parts = (("added", new - old), ("removed", old - new))
    return "; ".join(f"{word} {', '.join(sorted(labels))}" for word, labels in parts if labels)


def ticks_text(item: LabelSetItem) -> str:
    """The ticks per label as people read them: `Crowd 3, Speech 1`."""
    return ", ".join(f"{label} {count}" for label, count in sorted(item.counts.items()))
