"""Dawid-Skene on a million Items, five Responses each, beside crowd-kit's: the same model, the same steps, the same labels."""

import warnings
from time import perf_counter

import numpy as np

from app.domain.consensus.confusion import NO_SHRINKAGE
from app.domain.consensus.dawid_skene import dawid_skene
from app.domain.consensus.methods import DEFAULT, aggregate
from app.domain.consensus.votes import Votes
from benchmarks.ground import Ground
from benchmarks.report import Line, Report, timed

ITEMS = 1_000_000
_QUICK_ITEMS = 50_000
_PER_ITEM = 5
_LABELS = 4
_WORKERS = 2_000
_STEPS = 5
_GOAL = 10.0


def run(ground: Ground, *, quick: bool) -> Report:
    """Seconds from index arrays to posteriors and matrices, both unsmoothed and for the same number of EM steps."""
    votes = votes_of(_QUICK_ITEMS if quick else ITEMS)
    dawid_skene(votes_of(1_000))  # the first use of scipy is an import
    started = perf_counter()
    ours = dawid_skene(votes, shrinkage=NO_SHRINKAGE, anchor=0, max_iterations=_STEPS, tolerance=0).posterior
    ours_s = perf_counter() - started
    theirs_s, theirs = _crowdkit(votes)
    same = float((ours.argmax(axis=1) == theirs).mean())
    default_s = timed(lambda: aggregate(votes))
    times = theirs_s / ours_s
    return Report(
        f"aggregation: {votes.items:,} Items x {_PER_ITEM} Responses, {_WORKERS:,} Workers, {_LABELS} labels",
        [
            Line(
                f"Dawid-Skene, {_STEPS} steps, beside crowd-kit's, s",
                f"{ours_s:.2f}",
                f"{theirs_s:.1f}",
                f"{times:.0f} x as fast",
                f">= {_GOAL:.0f} x",
                times >= _GOAL,
            ),
            Line("Items with the same label", f"{same:.3%}", "", "", ">= 99.9%", same >= 0.999),
            Line(f"the default ({DEFAULT}) until it stands still, s", f"{default_s:.2f}"),
        ],
    )


def votes_of(items: int) -> Votes:
    """Five Responses an Item by Workers who are right on 55 to 95 % and err evenly."""
    rng = np.random.default_rng(11)
    true = rng.integers(0, _LABELS, items)
    item = np.repeat(np.arange(items), _PER_ITEM)
    first = rng.integers(0, _WORKERS, items)
    worker = (first[:, None] + rng.integers(1, _WORKERS // _PER_ITEM, (items, _PER_ITEM)).cumsum(axis=1)) % _WORKERS
    share = rng.uniform(0.55, 0.95, _WORKERS)[worker.ravel()]
    wrong = (true[item] + rng.integers(1, _LABELS, len(item))) % _LABELS
    said = np.where(rng.random(len(item)) < share, true[item], wrong)
    return Votes.of(item, worker.ravel(), said, items=items, workers=_WORKERS, labels=_LABELS)


def _crowdkit(votes: Votes) -> tuple[float, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Seconds and labels (I,) of crowd-kit's Dawid-Skene; building its data frame is not counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from crowdkit.aggregation import DawidSkene

        frame = pd.DataFrame({"task": votes.item, "worker": votes.worker, "label": votes.label})
        started = perf_counter()
        fitted = DawidSkene(n_iter=_STEPS, tol=0).fit(frame)
        seconds = perf_counter() - started
    assert fitted.labels_ is not None
    return seconds, fitted.labels_.sort_index().to_numpy(np.int64)
