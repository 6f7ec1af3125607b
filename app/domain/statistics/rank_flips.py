"""Where two models of a benchmark change places as label noise rises, and with what probability they do."""

from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.intervals import LEVEL, Floats, Interval, percentile
from app.domain.statistics.predictions import Predictions
from app.domain.statistics.stability import Flags, TestSetLabels, strata

_CHUNK = 2_000_000
# How many Items can be drawn one by one in the time of one kind of them.
_DEAR = 20


@dataclass(frozen=True, slots=True)
class RankFlip:
    """Two models. `ahead` leads on corrected labels at the actual prevalence; of two equal ones, whichever leads as noise rises.

    lead: by how much, in accuracy · lead_probability: that it does lead (share of replicates, a tie counts one half) ·
    crossing: the noise prevalence from which `behind` leads, None where it never does · crossing_interval: of it, over the
    replicates in which they cross, None below two such · flip_probability: that they change places between the actual
    prevalence and 1 · correction_probability: that the given labels of the same Items order them otherwise than the corrected.
    """

    ahead: str
    behind: str
    lead: float
    lead_probability: float
    crossing: float | None
    crossing_interval: Interval | None
    flip_probability: float
    correction_probability: float


def rank_flips(
    predictions: Predictions,
    labels: TestSetLabels,
    *,
    rng: np.random.Generator,
    replicates: int = 1000,
    level: float = LEVEL,
) -> list[RankFlip]:
    """Every pair of models, those most likely to change places first (then by crossing, then by name).

    With leads d on the correctly labelled and e on the mislabelled Items, the lead at prevalence N is (1 - N) d + N e; it is 0
    at N = d / (d - e). Probabilities come from a bootstrap over Items, paired (all models see the same Items), correctly
    labelled and mislabelled ones resampled apart, so that the prevalence stays. They are of each pair by itself, not of all
    pairs at once. Raises InvalidInput as `strata`.
    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, section 5; Efron & Tibshirani 1993, chapter 8.
    """
    hits = strata(predictions, labels)
    mislabelled = np.hstack([hits.corrected, hits.given])
    sizes = len(hits.correct), len(mislabelled)
    seen = hits.correct.sum(axis=0), mislabelled.sum(axis=0)
    drawn = (
        _resampled(hits.correct, replicates=replicates, rng=rng),
        _resampled(mislabelled, replicates=replicates, rng=rng),
    )
    flips = []
    for first, second in combinations(range(len(predictions.models)), 2):
        once = _Leads.between(first, second, *seen, sizes=sizes)
        turned = float(once.start) < 0 or (float(once.start) == 0 and float(once.end) < 0)
        pair = (second, first) if turned else (first, second)
        names = predictions.models[pair[0]], predictions.models[pair[1]]
        one, many = (_Leads.between(*pair, *counts, sizes=sizes) for counts in (seen, drawn))
        flips.append(_flip(names, one, many, level=level))
    return sorted(flips, key=lambda flip: (-flip.flip_probability, flip.crossing or 1.0, flip.ahead, flip.behind))


@dataclass(frozen=True, slots=True)
class _Leads:
    """Leads of one model over another: on correctly labelled Items; at the actual prevalence (on either label); at 1."""

    correct: Floats
    start: Floats
    on_given: Floats
    end: Floats

    @classmethod
    def between(
        cls,
        first: int,
        second: int,
        correct: NDArray[np.int64],
        mislabelled: NDArray[np.int64],
        *,
        sizes: tuple[int, int],
    ) -> Self:
        # Differences of whole numbers: equal models are exactly equal.
        models = correct.shape[-1]
        d = correct[..., first] - correct[..., second]
        e = mislabelled[..., first] - mislabelled[..., second]
        g = mislabelled[..., models + first] - mislabelled[..., models + second]
        return cls(d / sizes[0], (d + e) / sum(sizes), (d + g) / sum(sizes), e / sizes[1])

    @property
    def crosses(self) -> Flags:
        return np.asarray(self.start * self.end < 0)

    @property
    def crossing(self) -> Floats:
        """Where they cross, of those that do: if start and end differ in sign, so do `correct` and `end`."""
        correct, end = np.asarray(self.correct)[self.crosses], np.asarray(self.end)[self.crosses]
        return np.asarray(correct / (correct - end))


def _flip(names: tuple[str, str], one: _Leads, many: _Leads, *, level: float) -> RankFlip:
    # In a replicate they may cross the other way round: they change places all the same.
    where = many.crossing
    return RankFlip(
        ahead=names[0],
        behind=names[1],
        lead=float(one.start),
        lead_probability=float((many.start > 0).mean() + (many.start == 0).mean() / 2),
        crossing=float(one.crossing.item()) if one.crosses else None,
        crossing_interval=percentile(where, level=level) if len(where) > 1 else None,
        flip_probability=float(many.crosses.mean()),
        correction_probability=float((many.start * many.on_given < 0).mean()),
    )


def _resampled(hits: Flags, *, replicates: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Hits (replicates, columns) in as many resamples of the Items (rows). Items that are hit alike are drawn as one kind."""
    kinds, kind, sizes = np.unique(hits, axis=0, return_inverse=True, return_counts=True)
    count, weights = len(hits), kinds.astype(np.float64)
    rows = max(1, _CHUNK // len(kinds))
    parts = []
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        if len(kinds) * _DEAR < count:
            drawn = rng.multinomial(count, sizes / count, size=size)
        else:
            drawn = np.stack(
                [np.bincount(kind[rng.integers(count, size=count)], minlength=len(kinds)) for _ in range(size)]
            )
        parts.append(drawn @ weights)
    return np.vstack(parts).round().astype(np.int64)
