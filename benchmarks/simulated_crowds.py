"""Crowds with known truth: who is careful, careless, spamming or colluding, in several mixes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes

LABELS = 4
PER_ITEM = 5
_ANSWERS_PER_WORKER = 60

# Shares of the crowd. Careful: right on 92 % of usual Items. Careless: on 65 %, and given to calling label 0 label 1.
# Spamming: any label, or always the same one. Colluding: one script for all, right on about 55 %.
MIXES: Mapping[str, Mapping[str, float]] = {
    "careful": {"careful": 1.0},
    "careful, careless": {"careful": 0.5, "careless": 0.5},
    "careless": {"careless": 1.0},
    "a third spamming": {"careful": 0.4, "careless": 0.27, "spamming": 0.33},
    "half spamming": {"careful": 0.3, "careless": 0.2, "spamming": 0.5},
    "a fifth colluding": {"careful": 0.4, "careless": 0.4, "colluding": 0.2},
    "hard items": {"careful": 0.6, "careless": 0.4},
}
_HARD = 0.3  # share of Items on which everybody is drawn to the same wrong label, in the mix of that name


@dataclass(frozen=True, slots=True)
class SimulatedCrowd:
    """Votes, the true labels (I,), and the numbers of the colluding Workers."""

    votes: Votes
    true: NDArray[np.int64]
    colluding: NDArray[np.int64]


def simulated(mix: str, *, items: int, seed: int) -> SimulatedCrowd:
    """Five answers an Item on four labels, about 60 answers a Worker, by the mix of that name in MIXES."""
    rng = np.random.default_rng(seed)
    workers = max(items * PER_ITEM // _ANSWERS_PER_WORKER, 2 * PER_ITEM)
    kinds, shares = zip(*MIXES[mix].items(), strict=True)
    kind = np.repeat(
        np.array(kinds),
        np.round(np.cumsum(shares) * workers).astype(int)
        - np.round((np.cumsum(shares) - np.array(shares)) * workers).astype(int),
    )
    true = rng.choice(LABELS, items, p=[0.4, 0.3, 0.2, 0.1])
    item = np.repeat(np.arange(items), PER_ITEM)
    worker = np.concatenate([rng.choice(workers, PER_ITEM, replace=False) for _ in range(items)])
    said = _said(kind[worker], worker, true[item], rng)
    script = np.where(rng.random(items) < 0.4, true, rng.integers(0, LABELS, items))
    said = np.where(kind[worker] == "colluding", script[item], said)
    if mix == "hard items":
        lure = (true + rng.integers(1, LABELS, items)) % LABELS
        drawn = (rng.random(items) < _HARD)[item] & (rng.random(len(item)) < 0.5)
        said = np.where(drawn, lure[item], said)
    votes = Votes.of(item, worker, said, items=items, workers=workers, labels=LABELS)
    return SimulatedCrowd(votes, true.astype(np.int64), np.flatnonzero(kind == "colluding"))


def _said(
    kind: NDArray[np.str_], worker: NDArray[np.int64], true: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    share = np.where(kind == "careful", 0.92, 0.65)
    wrong = (true + rng.integers(1, LABELS, len(true))) % LABELS
    wrong = np.where((kind == "careless") & (true == 0) & (rng.random(len(true)) < 0.6), 1, wrong)
    said = np.where(rng.random(len(true)) < share, true, wrong)
    anything = np.where(worker % 2 == 0, worker % LABELS, rng.integers(0, LABELS, len(true)))
    return np.where(kind == "spamming", anything, said)
