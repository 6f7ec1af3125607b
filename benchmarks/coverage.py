"""`python -m benchmarks.coverage [--studies N]`: how often intervals of nominal 95 % hold the truth, on simulated crowds.

Not a measure of speed and therefore not part of `make bench`. Beside ours: Wilson's interval as if Items were all that varies.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from app.domain.consensus.votes import Counts, Votes
from app.domain.statistics.agreement import agreement
from app.domain.statistics.intervals import Estimate, Floats, wilson
from app.domain.statistics.item_shares import shares
from app.domain.statistics.resampling import crossed_bootstrap
from benchmarks.report import Line, Report, show, timed
from tests.domain.statistics.crowds import Crowd, simulated

CROWDS = {
    "100 Items, 30 Workers": Crowd(100, 30),
    "300 Items, 30 Workers": Crowd(300, 30),
    "300 Items, 100 Workers": Crowd(300, 100),
    "300 Items, 100 careful Workers": Crowd(300, 100, spammers=0.0),
    "1,000 Items in HITs of 10, 60 Workers": Crowd(1000, 60, hit_items=10),
    "1,300 Items, 200 Workers, very unequal": Crowd(1300, 200, uneven=0.5),
    "300 Items × 3, 40 Workers": Crowd(300, 40, answers=3),
    "300 Items × 7, 60 Workers": Crowd(300, 60, answers=7),
    "for information: 300 Items, 10 Workers": Crowd(300, 10, uneven=0.0),
}
FIGURES = (
    "percent agreement",
    "Fleiss' kappa",
    "Krippendorff's alpha",
    "share with a majority for label 1",
    "share with a majority for label 3 (rare)",
    "share without a majority",
    "share of answers 1 (crossed bootstrap)",
)
_SHARES = (3, 4, 5)
_GOAL = (0.93, 0.97)


def majority(counts: Counts) -> Floats:
    """One column each: label 0 has more than half, label 2 has, none has."""
    reached = 2 * counts > counts.sum(axis=1, keepdims=True)
    return np.column_stack([reached[:, 0], reached[:, 2], ~reached.any(axis=1)]).astype(float)


def study(votes: Votes, rng: np.random.Generator) -> list[Estimate]:
    """All FIGURES of one simulated study."""
    found = agreement(votes)
    coefficients = [of for of in (found.percent, found.kappa, found.alpha) if isinstance(of, Estimate)]
    first = (votes.label == 0).astype(float)
    answers = crossed_bootstrap(
        votes, lambda weights: weights @ first / weights.sum(axis=1), rng=rng, replicates=100, within=(0, 1)
    )
    return [*coefficients, *shares(votes, majority), *answers]


def of_crowd(name: str, crowd: Crowd, studies: int) -> Report:
    """Coverage of each figure, over studies whose Items and Workers are drawn anew; the truth is the mean over them."""
    rng = np.random.default_rng(2026)
    drawn = [study(simulated(crowd, rng), rng) for _ in range(studies)]
    lines = [
        _line(figure, [of[at] for of in drawn], crowd.items if at in _SHARES else 0, goal="information" not in name)
        for at, figure in enumerate(FIGURES)
    ]
    return Report(f"coverage of 95 %: {name}, {studies:,} studies", lines)


def _line(figure: str, found: Sequence[Estimate], items: int, *, goal: bool) -> Line:
    truth = float(np.mean([of.value for of in found]))
    covered = float(np.mean([truth in of.interval for of in found]))
    naive = [truth in wilson(of.value * items, items) for of in found] if items else []
    spread = float(np.std([of.value for of in found]))
    claimed = float(np.sqrt(np.mean([of.standard_error**2 for of in found])))
    return Line(
        f"{figure}: {truth:.3f} ± {spread:.3f}",
        f"{covered:.1%}",
        f"Items alone {np.mean(naive):.1%}" if naive else "",
        f"standard error {claimed / spread:.2f} x",
        "93 to 97 %" if goal else "",
        _GOAL[0] <= covered <= _GOAL[1] if goal else None,
    )


def _timed(name: str, studies: int) -> tuple[Report, float]:
    reports: list[Report] = []
    seconds = timed(lambda: reports.append(of_crowd(name, CROWDS[name], studies)))
    return reports[0], seconds


def main() -> None:
    """Print a table for each crowd."""
    parser = argparse.ArgumentParser(prog="benchmarks.coverage", description="How often 95 % intervals hold the truth.")
    parser.add_argument("--studies", type=int, default=8000, help="simulated studies for each crowd (8000)")
    asked = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        for report, seconds in pool.map(partial(_timed, studies=asked.studies), CROWDS):
            show(report, seconds)


if __name__ == "__main__":
    main()
