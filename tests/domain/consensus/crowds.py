"""Simulated crowds for the tests of consensus methods: Ada labels with care, Bob guesses half the time, Mallory does not look."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.outcome import Labels, Outcome
from app.domain.consensus.votes import Votes

ADA, BOB, MALLORY = 0.9, 0.6, 0.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Votes and the true labels (I,) behind them."""

    votes: Votes
    true: Labels


def crowd_of(accuracies: list[float], *, items: int = 400, labels: int = 4, per_item: int = 5, seed: int = 5) -> Crowd:
    """Each Item is answered by `per_item` Workers, drawn without repetition; a Worker errs evenly, Mallory (0) says anything."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, labels, items)
    worker = np.argsort(rng.random((items, len(accuracies))), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(items), per_item)
    share = np.array(accuracies)[worker]
    wrong = (true[item] + rng.integers(1, labels, len(item))) % labels
    said = np.where(rng.random(len(item)) < share, true[item], wrong)
    said = np.where(share == MALLORY, rng.integers(0, labels, len(item)), said)
    return Crowd(Votes.of(item, worker, said, items=items, workers=len(accuracies), labels=labels), true)


def accuracy(outcome: Outcome, true: Labels) -> float:
    """The share of Items whose label is the true one; an Item without a winner is not."""
    return float((outcome.label == true).mean())
