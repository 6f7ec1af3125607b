"""The different rows of counts that Items have: a million Items of five answers have some dozens of them."""

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Counts


def patterns_of(counts: Counts) -> tuple[Counts, NDArray[np.int64]]:
    """The different rows (p, options) of `counts` (items, options), and for each Item which of them it has (items,).

    Ten times as fast as numpy's unique over rows, which compares them as bytes.
    """
    code = np.zeros(len(counts), dtype=np.int64)
    # A code of what was seen so far and the next column; made dense anew, so that it never overflows.
    for column in counts.T:
        code = code * (int(column.max(initial=0)) + 1) + column
        if code.max(initial=0) > np.iinfo(np.int32).max:
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    first, pattern = np.unique(code, return_index=True, return_inverse=True)[1:]
    return counts[first], pattern
