"""What the sets of the study say, Item by Item, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.domain.consensus.votes import OPTIONS
from app.domain.correction_rules import QUORUM
from app.domain.corrections import ticks_text, votes_text
from app.domain.study_sets import Label, LabelSets, StudyItem, StudySet, categories_of
from app.domain.vocabulary import Category
from app.files.label_files import set_text

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS = ("dataset", "id", "given_label", "guessed_label", "category", "consensus_label", "votes")
_COUNTS = (*(option.value for option in OPTIONS), "other", "answers")

Row = dict[str, str | int | None]


def items_table(sets: Iterable[StudySet | LabelSets], *, quorum: int = QUORUM) -> pa.Table:
    """One line an Item of all sets: its labels, what it turned out to be, and the answers behind that.

    `consensus_label` is absent where no single label won; label sets are JSON lists, whose answers stand in `votes` alone.
    Labels go by their names where the file has some. `category` is absent for Items that nobody answered.
    """
    import pyarrow as pa

    rows = [row for study in sets for row in _rows(study, quorum)]
    types = {name: pa.string() for name in _TEXTS} | {name: pa.int64() for name in _COUNTS}
    return pa.table({name: pa.array([row.get(name) for row in rows], type=type) for name, type in types.items()})


def _rows(study: StudySet | LabelSets, quorum: int) -> Iterable[Row]:
    if isinstance(study, LabelSets):
        return _rows_of_label_sets(study, quorum)
    categories = categories_of(study.items, quorum=quorum)
    return (_row(study.dataset, item, category) for item, category in zip(study.items, categories, strict=True))


def _row(dataset: str, item: StudyItem, category: Category) -> Row:
    given, guessed = _named(item.given, item.given_name), _named(item.guessed, item.guessed_name)
    won = {Category.NON_ERROR: given, Category.CORRECTABLE: guessed}
    found: Row = {
        "dataset": dataset,
        "id": str(item.id),
        "given_label": given,
        "guessed_label": guessed,
        "category": category.value if item.checked else None,
        "consensus_label": won.get(category),
        "votes": votes_text(item),
        "other": sum(item.others.values()),
        "answers": item.answers,
    }
    return found | {option.value: count for option, count in zip(OPTIONS, item.counts, strict=True)}


def _rows_of_label_sets(study: LabelSets, quorum: int) -> Iterable[Row]:
    for item in study.items:
        holding = item.holding(quorum)
        category = Category.NON_ERROR.value if holding == item.given else "error"
        yield {
            "dataset": study.dataset,
            "id": str(item.id),
            "given_label": set_text(item.given),
            "guessed_label": set_text(item.guessed),
            "category": category if item.checked else None,
            "consensus_label": set_text(holding) if item.checked else None,
            "votes": ticks_text(item),
        }


def _named(label: Label, name: str | None) -> str:
    return str(label) if name is None else name
