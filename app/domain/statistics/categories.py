"""The study's table: how many Items fell into each category."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.vocabulary import Category


@dataclass(frozen=True, slots=True)
class CategoryTable:
    """The study's counts. `errors` is everything checked that is not a non-error."""

    checked: int
    non_errors: int
    non_agreement: int
    correctable: int
    multi_label: int
    neither: int

    @property
    def errors(self) -> int:
        """Items whose given label the Workers did not confirm."""
        return self.checked - self.non_errors


def tabulate(counts: Mapping[Category, int] | Iterable[tuple[Category, int]]) -> CategoryTable:
    """The table of Items per category."""
    found = dict(counts)
    return CategoryTable(
        checked=sum(found.values()),
        non_errors=found.get(Category.NON_ERROR, 0),
        non_agreement=found.get(Category.NON_AGREEMENT, 0),
        correctable=found.get(Category.CORRECTABLE, 0),
        multi_label=found.get(Category.MULTI_LABEL, 0),
        neither=found.get(Category.NEITHER, 0),
    )
