"""Posteriors from sums of logarithms, without under- or overflow."""

import numpy as np

from app.domain.consensus.outcome import Floats

# No crowd of a few can know that a label is impossible: one in a million is the least that a posterior says.
FLOOR = 1e-6


# Rows taken at once: what is in hand stays in the processor's cache, which is worth a factor of four on a million Items.
_BLOCK = 8192


def normalised(scores: Floats) -> Floats:
    """Each row of log scores (I, K) as probabilities that sum to 1; the scores stay as they are."""
    return normalise(scores.copy())


def normalise(scores: Floats) -> Floats:
    """The same in the place of the scores, which are given back."""
    for start in range(0, len(scores), _BLOCK):
        block = scores[start : start + _BLOCK]
        # Label by label: numpy's reductions along short rows take many times as long.
        columns = np.ascontiguousarray(block.T)
        columns -= columns.max(axis=0)
        np.exp(columns, out=columns)
        columns /= columns.sum(axis=0)
        block[:] = columns.T
    return scores


def largest_move(before: Floats, after: Floats) -> float:
    """The largest change of any probability, 0 where there are none."""
    moves = [
        np.abs(after[start : start + _BLOCK] - before[start : start + _BLOCK]).max(initial=0.0)
        for start in range(0, len(after), _BLOCK)
    ]
    return float(max(moves, default=0.0))


def floored(posterior: Floats) -> Floats:
    """The same probabilities with none below FLOOR, rows summing to 1 again."""
    raised = np.maximum(posterior, FLOOR)
    raised /= np.add.reduce(list(raised.T))[:, None]
    return raised


def tempered(posterior: Floats, temperature: float) -> Floats:
    """The posterior to the power 1 / temperature: above 1 it admits more doubt, at 1 it stays."""
    return normalised(np.log(np.maximum(posterior, np.finfo(np.float64).tiny)) / temperature)
