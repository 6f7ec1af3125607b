"""The input of consensus methods: counts of Responses per Item and option."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.vocabulary import Option

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
