"""Ties of a consensus, broken on request: by lot, the same lot every time, whatever the order of rows and labels."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import NONE_WON, TIE_TOLERANCE, Floats, Labels, Outcome


def break_ties(
    outcome: Outcome,
    *,
    tasks: Sequence[str],
    labels: Sequence[str],
    answered: NDArray[np.bool_],
    seed: int,
    scores: Floats | None = None,
) -> Labels:
    """The outcome's labels, with one for each task that was `answered` (I,) and has none.

    It is the leader of the posterior; of several the one whose lot, a hash of seed, task and label, is the highest. So it
    hangs neither on the order of the columns nor on that of the rows, and is fair between labels over many tasks.
    scores (I, K): what leads in the posterior's place, where that holds more than the answers: a model breaks no tie.
    """
    found = outcome.label.copy()
    leading = outcome.posterior if scores is None else scores
    for item in np.flatnonzero((found == NONE_WON) & answered).tolist():
        row = leading[item]
        tied = np.flatnonzero(row >= row.max() - TIE_TOLERANCE).tolist()
        found[item] = max(tied, key=lambda label: _lot(seed, tasks[item], labels[label]))
    return found


def _lot(seed: int, task: str, label: str) -> bytes:
    return blake2b(f"{seed}\x1f{task}\x1f{label}".encode(), digest_size=8).digest()
