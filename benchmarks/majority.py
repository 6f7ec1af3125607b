"""Majority: counting votes and deciding by quorum beside a bare `numpy.bincount` of the same votes."""

from statistics import median

import numpy as np

from app.domain.consensus import majority
from app.domain.consensus.votes import OPTIONS, VoteCounts
from benchmarks.ground import Ground
from benchmarks.report import Line, Report, side_by_side, timed

RESPONSES = 1_000_000
PER_ITEM = 5
_ROUNDS = 15
_GOAL = 3.0


def run(ground: Ground, *, quick: bool) -> Report:
    """Milliseconds for a million Responses, five an Item, from index arrays to each Item's winner and agreement."""
    rng = np.random.default_rng(7)
    item_count = RESPONSES // PER_ITEM
    items = rng.permutation(np.repeat(np.arange(item_count, dtype=np.intp), PER_ITEM))
    options = rng.integers(0, len(OPTIONS), RESPONSES, dtype=np.intp)

    def ours() -> None:
        majority.quorum(VoteCounts.from_triples(items, options, item_count=item_count), quorum=3)

    def bare() -> None:
        np.bincount(items * len(OPTIONS) + options, minlength=item_count * len(OPTIONS))

    ours_s, bare_s = side_by_side(_ROUNDS, lambda: timed(ours), lambda: timed(bare))
    times = median(ours_s) / median(bare_s)
    line = Line(
        "count and decide beside bincount alone, ms",
        f"{median(ours_s) * 1000:.1f}",
        f"{median(bare_s) * 1000:.1f}",
        f"{times:.1f} x the time",
        f"<= {_GOAL:.0f} x",
        times <= _GOAL,
    )
    return Report(f"majority: {RESPONSES:,} Responses on {item_count:,} Items", [line])
