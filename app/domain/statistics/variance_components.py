"""How much of the variance of answers is the Items', how much the Workers', and how much is left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import Floats
from app.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Of a figure for each Response: y = mean + Item + Worker + rest, independent.

    mean: of all Responses · items, workers, rest: variances, 0 and more · workers_known: false where nobody answered twice or all
    are one Worker's, so that Workers cannot be told from the rest (their part is then in it).
    """

    mean: float
    items: float
    workers: float
    rest: float
    workers_known: bool


def variance_components(votes: Votes, value: Floats) -> VarianceComponents:
    """The components of `value`, one for each Response of `votes`.

    From three sums of squares, within Items, within Workers and about the mean, set equal to what they are on average: with N
    Responses on I Items by W Workers, E[within Items] = (w + r) (N - I), E[within Workers] = (i + r) (N - W), E[in all] =
    i (N - Σ n_i² / N) + w (N - Σ n_w² / N) + r (N - 1). Unbiased before negative ones are set to 0; for any pattern of who
    answered what, in time linear in N.
    Raises InvalidInput without two Items or where no Item has two Responses: Items could not be told from the rest.
    Source: Henderson's method, Searle, Casella & McCulloch 1992, ISBN 0-471-62162-5, chapter 5; Gao & Owen 2017,
    doi:10.1214/17-EJS1236.
    """
    count = len(votes)
    per_item, per_worker = (np.bincount(of)[np.unique(of)] for of in (votes.item, votes.worker))
    if len(per_item) < 2 or count == len(per_item):  # noqa: PLR2004 - to differ takes two
        raise InvalidInput([Problem("a pilot wants two Items or more and some with several Responses", field="pilot")])
    if not np.isfinite(value).all():
        raise InvalidInput([Problem("values: wanted a number for each Response, some are NaN", field="pilot")])
    total = float(((value - value.mean()) ** 2).sum())
    within_items = _within(votes.item, value)
    known = 1 < len(per_worker) < count
    by_item, by_worker = (count - float((n.astype(float) ** 2).sum()) / count for n in (per_item, per_worker))
    if not known:
        rest = within_items / (count - len(per_item))
        items = (total - rest * (count - 1)) / by_item
        return VarianceComponents(float(value.mean()), max(items, 0.0), 0.0, rest, workers_known=False)
    free_items, free_workers = count - len(per_item), count - len(per_worker)
    equations = np.array(
        [[0, free_items, free_items], [free_workers, 0, free_workers], [by_item, by_worker, count - 1]],
        dtype=np.float64,
    )
    found, *_ = np.linalg.lstsq(equations, np.array([within_items, _within(votes.worker, value), total]), rcond=None)
    items, workers, rest = np.maximum(found, 0.0).tolist()
    return VarianceComponents(float(value.mean()), items, workers, rest, workers_known=True)


def _within(group: NDArray[np.int64], value: Floats) -> float:
    sizes = np.bincount(group)
    means = np.bincount(group, value) / np.maximum(sizes, 1)
    return float(((value - means[group]) ** 2).sum())
