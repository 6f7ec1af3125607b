"""The input of consensus methods: coded triples of Item, Worker and label, or counts of Responses per Item and option."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.vocabulary import Option
from app.errors import InvalidInput, Problem

# The columns of `counts`, in this order. The order carries no preference: no rule breaks a tie by it.
OPTIONS: tuple[Option, ...] = (Option.GIVEN, Option.GUESSED, Option.BOTH, Option.NEITHER)

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """How many Responses each option of each Item got: `counts` is (items, 4), columns as in OPTIONS."""

    counts: Counts

    @classmethod
    def from_triples(cls, items: NDArray[np.intp], options: NDArray[np.intp], *, item_count: int) -> Self:
        """Count Responses given as parallel arrays: item index below `item_count`, option index into OPTIONS."""
        flat = np.bincount(items * len(OPTIONS) + options, minlength=item_count * len(OPTIONS))
        return cls(flat.reshape(item_count, len(OPTIONS)).astype(np.int64))


Coded = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Votes:
    """N Responses by W Workers on I Items over K labels, as parallel arrays of indices.

    item (N,), worker (N,), label (N,), each below `items`, `workers`, `labels`. Any number a Worker, an Item or a pair of both;
    an Item without any is allowed, a label that nobody chose as well. Make one with `of`, which checks it.
    """

    item: Coded
    worker: Coded
    label: Coded
    items: int
    workers: int
    labels: int

    @classmethod
    def of(
        cls,
        item: NDArray[np.integer],
        worker: NDArray[np.integer],
        label: NDArray[np.integer],
        *,
        items: int | None = None,
        workers: int | None = None,
        labels: int | None = None,
    ) -> Self:
        """The votes of three parallel arrays; sizes default to the largest index plus one.

        Raises InvalidInput where the arrays differ in length, are no whole numbers, or hold an index that is out of range.
        """
        found = _coded("item", item), _coded("worker", worker), _coded("label", label)
        if len({len(values) for values in found}) > 1:
            raise InvalidInput([Problem(f"items, workers and labels differ in number: {[len(v) for v in found]}")])
        return cls(
            *found,
            items=_size("item", found[0], items),
            workers=_size("worker", found[1], workers),
            labels=_size("label", found[2], labels),
        )

    def __len__(self) -> int:
        return len(self.item)

    def counts(self) -> Counts:
        """How many Responses each label of each Item got: (items, labels)."""
        flat = np.bincount(self.item * self.labels + self.label, minlength=self.items * self.labels)
        return flat.reshape(self.items, self.labels).astype(np.int64)


def _coded(name: str, values: NDArray[np.integer]) -> Coded:
    found = np.asarray(values)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise InvalidInput(
            [Problem(f"{name}: wanted whole numbers in one row, got {found.dtype} of shape {found.shape}")]
        )
    return found.astype(np.int64)


def _size(name: str, values: Coded, given: int | None) -> int:
    if values.size and values.min() < 0:
        raise InvalidInput([Problem(f"{name}: an index is below 0")])
    least = int(values.max()) + 1 if values.size else 0
    if given is not None and given < least:
        raise InvalidInput([Problem(f"{name}: index {least - 1} is out of range, there are {given}")])
    return least if given is None else given
