"""What Workers say when a label is true: matrices that are shrunk to the crowd's, since few answers stand behind each."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.outcome import Floats


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How many Responses the crowd's knowledge is worth beside a Worker's own.

    matrix: on each row of a Worker's matrix. ability: on a Worker's share of right answers. crowd: on each row of the
    crowd's matrix, for a crowd whose errors fall evenly on the wrong labels. All 0: the counts alone, as in 1979.
    """

    matrix: float = 10.0
    ability: float = 4.0
    crowd: float = 1.0


NO_SHRINKAGE = Shrinkage(0.0, 0.0, 0.0)

# Stands for an empty cell of an unsmoothed matrix (crowd-kit's value, too): its logarithm must exist.
_EMPTY = 1e-10


def worker_matrices(counts: Floats, shrinkage: Shrinkage) -> Floats:
    """p(said | true) of each Worker, (W, K, K) as [worker, true, said], rows sum to 1, no entry is 0.

    Three levels, each the prior of the next: a crowd that errs evenly -> the crowd's pooled matrix P, one row per true
    label or role -> P with its diagonal moved by the Worker's own ability, logit P_kk + logit a_w - logit a
    -> the Worker's matrix, (n_wkl + s x that) / (n_wk + s).
    counts (W, K, K): expected counts, as `Tallies.confusions` gives them.
    """
    if shrinkage.matrix == 0:
        raised = np.maximum(counts, _EMPTY)
        return np.asarray(raised / raised.sum(axis=2, keepdims=True))
    expected = _expected(counts, shrinkage)
    matrices = counts + shrinkage.matrix * expected
    return np.asarray(matrices / matrices.sum(axis=2, keepdims=True))


def crowd_matrix(counts: Floats, weight: float) -> Floats:
    """The crowd's own p(said | true) (K, K): all Workers pooled, `weight` x K Responses a row from an even crowd."""
    pooled = counts.sum(axis=0)
    labels = len(pooled)
    accuracy = crowd_accuracy(pooled)
    even = np.full((labels, labels), (1 - accuracy) / max(labels - 1, 1))
    np.fill_diagonal(even, accuracy if labels > 1 else 1.0)
    raised = pooled + weight * labels * even
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def crowd_accuracy(pooled: Floats) -> float:
    """The share of right answers of the crowd, kept above chance: below it, labels would swap their names."""
    least = min(1 / len(pooled) + 0.01, 0.99)
    return float(np.clip((np.trace(pooled) + 1) / (pooled.sum() + 2), least, 0.999))


def _expected(counts: Floats, shrinkage: Shrinkage) -> Floats:
    """What the crowd and the Worker's ability lead one to expect of each Worker: (W, K, K)."""
    labels = counts.shape[1]
    crowd = crowd_matrix(counts, shrinkage.crowd)
    if labels == 1:
        return np.broadcast_to(crowd, counts.shape)
    accuracy = crowd_accuracy(counts.sum(axis=0))
    right, answers = np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2))
    own = np.clip((right + shrinkage.ability * accuracy) / (answers + shrinkage.ability), 0.02, 0.995)
    diagonal = np.clip(np.diag(crowd), 1e-4, 1 - 1e-4)
    moved = 1 / (1 + np.exp(-(_logit(diagonal)[None, :] + (_logit(own) - _logit(np.float64(accuracy)))[:, None])))
    wrong = crowd * (1 - np.eye(labels))
    wrong /= wrong.sum(axis=1, keepdims=True)
    expected = wrong[None, :, :] * (1 - moved)[:, :, None]
    expected[:, np.arange(labels), np.arange(labels)] = moved
    return np.asarray(expected)


def _logit(share: Floats | np.float64) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))
