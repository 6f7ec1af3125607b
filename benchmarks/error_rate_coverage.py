"""`python -m benchmarks.error_rate_coverage [--rounds N]`: how often intervals of nominal 95 % hold the truth, by simulation.

Of the finite set's share, the dataset's error rate and recall, the study's table, running precision and crossings of rankings.
The standard error of a coverage of 95 % over 1,000 rounds is 0.7 points.
"""

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat

import numpy as np

from app.domain.consensus.votes import Votes
from app.domain.statistics.error_rate import Stratum, dataset_error_rate
from app.domain.statistics.finite_population import share_of_set
from app.domain.statistics.intervals import Interval
from app.domain.statistics.predictions import Predictions
from app.domain.statistics.rank_flips import rank_flips
from app.domain.statistics.ranking import precision_curve
from app.domain.statistics.readings import CATEGORIES
from app.domain.statistics.stability import TestSetLabels
from app.domain.statistics.study_table import Scope, line_of_votes

_ROUNDING = 1e-12
_FEW = 10

Rng = np.random.Generator


def main() -> None:
    """Print one line per simulated situation."""
    parser = argparse.ArgumentParser(description="How often intervals of nominal 95 % hold the truth.")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    for part in (_finite_sets, _datasets, _study_tables, _rankings, _crossings):
        print(f"\n{(part.__doc__ or '').strip()}")
        for situation, held in part(np.random.default_rng(asked.seed), asked.rounds):
            print(f"  {situation:<66} {held}")


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low - _ROUNDING <= truth <= interval.high + _ROUNDING


def _percent(held: list[bool]) -> str:
    return f"{100 * np.mean(held):5.1f} %"


def _finite_sets(rng: Rng, rounds: int) -> Iterator[tuple[str, str]]:
    """Share of errors in a finite set (mid-P hypergeometric); the true share is drawn anew each round."""
    for size, checked in ((100, 50), (1000, 250), (10_000, 500)):
        for low, high in ((0.0, 0.01), (0.01, 0.1), (0.1, 0.9)):
            held = []
            for _ in range(rounds):
                wrong = round(size * rng.uniform(low, high))
                seen = int(rng.hypergeometric(wrong, size - wrong, checked))
                held.append(_holds(share_of_set(seen, checked=checked, size=size).interval, wrong / size))
            yield f"{checked:,} of {size:,} checked, {100 * low:g} to {100 * high:g} % wrong", _percent(held)


def _datasets(rng: Rng, rounds: int) -> Iterator[tuple[str, str]]:
    """Dataset's error rate; recall (suspects 10 to 70 % wrong; the errors among the rest are drawn anew each round)."""
    for suspects, rest, checked, controls in ((1000, 9000, 400, 300), (275, 9725, 275, 300), (5000, 45_000, 1000, 500)):
        for low, high in ((0.0, 0.0005), (0.0005, 0.003), (0.003, 0.01), (0.01, 0.03), (0.03, 0.1)):
            rates, recalls = [], []
            for _ in range(rounds):
                wrong, missed = round(suspects * rng.uniform(0.1, 0.7)), round(rest * rng.uniform(low, high))
                seen = int(rng.hypergeometric(wrong, suspects - wrong, checked))
                overlooked = int(rng.hypergeometric(missed, rest - missed, controls))
                found = dataset_error_rate(
                    [Stratum("suspects", suspects, checked, seen)], Stratum("controls", rest, controls, overlooked)
                )
                rates.append(_holds(found.rate.interval, (wrong + missed) / (suspects + rest)))
                if found.recall:
                    recalls.append(_holds(found.recall.interval, wrong / (wrong + missed)))
            where = f"{checked} of {suspects} suspects, {controls} controls of {rest}"
            yield (
                f"{where}, {100 * low:g} to {100 * high:g} % of the rest wrong",
                f"{_percent(rates)}; {_percent(recalls)}",
            )


_KINDS: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "each Item its own": lambda rng, n: rng.dirichlet([0.8, 0.5, 0.1, 0.2], n),
    "clear and doubtful Items": lambda rng, n: np.where(
        rng.random((n, 1)) < 0.6, [0.92, 0.04, 0.02, 0.02], [0.1, 0.6, 0.1, 0.2]
    ),
}


def _study_tables(rng: Rng, rounds: int) -> Iterator[tuple[str, str]]:
    """The study's table, 300 Items, 5 answers: errors; correctable, multi-label, neither, non-agreement (few: in brackets)."""
    crowds = (300, 0.0), (30, 0.0), (150, 0.2), (60, 0.2), (40, 0.2), (25, 0.2), (15, 0.2)
    situations = list(product(_KINDS, (300, 600, 30_000), crowds))
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_study_table, situations, rng.spawn(len(situations)), repeat(rounds // 3))


def _study_table(situation: tuple[str, int, tuple[int, float]], rng: Rng, rounds: int) -> tuple[str, str]:
    kind, suspects, (workers, careless) = situation
    shares = _KINDS[kind](rng, suspects)
    panels = [_voted(rng, shares, workers=5 * suspects, careless=careless) for _ in range(60_000 // suspects + 2)]
    truth = np.mean([_table(panel, suspects) for panel in panels], axis=0)
    held = []
    for _ in range(rounds):
        checked = rng.choice(suspects, 300, replace=False)
        votes = _voted(rng, shares[checked], workers=workers, careless=careless)
        line = line_of_votes("", votes, quorum_size=3, scope=Scope(suspects))
        found = (line.error_share, *line.shares[1:])
        held.append([_holds(e.interval, t) for e, t in zip(found, (1 - truth[0], *truth[1:]), strict=True)])
    expected = 300 * np.array([1 - truth[0], *truth[1:]])
    return (
        f"{kind}, of {suspects:,} suspects, {workers} Workers, {100 * careless:g} % careless",
        " ".join(_of_figure(*each) for each in zip(np.mean(held, axis=0), expected, strict=True)),
    )


def _of_figure(covered: float, expected: float) -> str:
    """In brackets where so few Items are expected that the figure takes a handful of values only."""
    return f"{100 * covered:6.1f} % " if expected >= _FEW else f"({100 * covered:5.1f} %)"


def _voted(rng: Rng, shares: np.ndarray, *, workers: int, careless: float) -> Votes:
    """Five Workers an Item, some more eager than others; the careless ones pick any answer two times of three."""
    count = len(shares)
    if workers == 5 * count:
        who = rng.permutation(workers)
    else:
        eager = np.log(rng.dirichlet(np.ones(workers)))
        who = np.argsort(-(eager + rng.gumbel(size=(count, workers))), axis=1)[:, :5].ravel()
    care = np.where(rng.random(workers) < careless, 1 / 3, 1.0)[who][:, None]
    chance = care * np.repeat(shares, 5, axis=0) + (1 - care) / 4
    label = (chance.cumsum(axis=1) < rng.random((5 * count, 1))).sum(axis=1).clip(0, 3)
    return Votes.of(np.repeat(np.arange(count), 5), who, label, items=count, workers=workers, labels=4)


def _table(votes: Votes, items: int) -> np.ndarray:
    counts = votes.counts()
    reached = (counts >= 3).mean(axis=0)
    assert len(counts) == items
    assert len(reached) + 1 == len(CATEGORIES)
    return np.append(reached, 1 - reached.sum())


def _rankings(rng: Rng, rounds: int) -> Iterator[tuple[str, str]]:
    """Running precision of 50 checked suspects in the middle and at the end of a ranking of 1,000."""
    for first, last in ((0.95, 0.05), (0.6, 0.4), (0.1, 0.01)):
        chances = np.linspace(first, last, 1000)
        held: list[list[bool]] = [[], []]
        for _ in range(rounds):
            curve = precision_curve((rng.random(1000) < chances).astype(int))
            for at, (index, window) in enumerate(((499, slice(475, 525)), (999, slice(950, 1000)))):
                held[at].append(bool(curve.low[index] <= chances[window].mean() <= curve.high[index]))
        yield f"precision from {first:g} to {last:g}", "; ".join(_percent(each) for each in held)


def _crossings(rng: Rng, rounds: int) -> Iterator[tuple[str, str]]:
    """Noise prevalence at which two models change places (paired bootstrap over Items)."""
    for correct, mislabelled in ((2000, 100), (9000, 500)):
        given = np.zeros(correct + mislabelled, dtype=np.int64)
        labels = TestSetLabels.of(given, np.repeat([0, 1], [correct, mislabelled]), class_count=3)
        truth, held = 0.05 / 0.55, []
        for _ in range(rounds // 3):
            chances = np.repeat([[0.95, 0.90], [0.1, 0.6]], [correct, mislabelled], axis=0)
            said = np.where(rng.random(chances.shape) < chances, labels.corrected[:, None], 2)
            flip = rank_flips(Predictions.of(["a", "b"], said, class_count=3), labels, rng=rng, replicates=500)[0]
            held.append(flip.crossing_interval is not None and _holds(flip.crossing_interval, truth))
        yield f"{correct:,} Items right, {mislabelled} mislabelled", _percent(held)


if __name__ == "__main__":
    main()
