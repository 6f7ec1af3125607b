"""Counts without Workers as votes, so that every method can be run on them."""

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.errors import InvalidInput, Problem

_TABLE = 2  # dimensions


def votes_of_counts(counts: NDArray[np.integer]) -> Votes:
    """The Responses behind counts (I, K), all by one Worker who stands for the crowd: nobody can be told from another.

    Methods that judge Workers then learn the crowd's own confusion, and nothing of anyone in it; `methods.method_for_counts`
    names those for which that is no loss. Raises InvalidInput for what are no counts: another shape, other than whole
    numbers, or below 0.
    """
    found = np.asarray(counts)
    if found.ndim != _TABLE or found.dtype.kind not in "iu" or (found.size and found.min() < 0):
        raise InvalidInput([Problem(f"wanted counts, items x labels, got {found.dtype} of shape {found.shape}")])
    items, labels = found.shape
    place = np.repeat(np.arange(items * labels), found.ravel())
    item, label = np.divmod(place, max(labels, 1))
    return Votes.of(item, np.zeros_like(item), label, items=items, workers=1, labels=labels)
