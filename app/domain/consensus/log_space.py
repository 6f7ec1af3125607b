"""Posteriors from sums of logarithms, without under- or overflow."""

import numpy as np

from app.domain.consensus.outcome import Floats

# No crowd of a few can know that a label is impossible: one in a million is the least that a posterior says.
FLOOR = 1e-6


def normalised(scores: Floats) -> Floats:
    """Each row of log scores (I, K) as probabilities that sum to 1. Works in a copy of its own."""
    # Column by column: numpy's reductions along short rows take many times as long.
    columns = [np.array(column) for column in scores.T]
    top = np.maximum.reduce(columns)
    for column in columns:
        np.exp(np.subtract(column, top, out=column), out=column)
    total = np.add.reduce(columns)
    result = np.empty(scores.shape)
    for index, column in enumerate(columns):
        np.divide(column, total, out=result[:, index])
    return result


def floored(posterior: Floats) -> Floats:
    """The same probabilities with none below FLOOR, rows summing to 1 again."""
    raised = np.maximum(posterior, FLOOR)
    raised /= np.add.reduce(list(raised.T))[:, None]
    return raised


def tempered(posterior: Floats, temperature: float) -> Floats:
    """The posterior to the power 1 / temperature: above 1 it admits more doubt, at 1 it stays."""
    return normalised(np.log(np.maximum(posterior, np.finfo(np.float64).tiny)) / temperature)
