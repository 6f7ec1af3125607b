"""How right and how sure consensus methods are on simulated crowds with known truth, beside crowd-kit's of the same name.

`python -m benchmarks.aggregation_quality` prints the tables of docs/consensus.md.
"""

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus import plurality
from app.domain.consensus.families import families_of
from app.domain.consensus.methods import DEFAULT, METHODS, aggregate
from app.domain.consensus.outcome import NONE_WON, Outcome
from app.domain.consensus.votes import Votes
from app.files.crowdkit_methods import aggregate_by_crowdkit
from benchmarks.simulated_crowds import MIXES, SimulatedCrowd, simulated

_THEIRS = {
    "plurality": "MajorityVote",
    "wawa": "Wawa",
    "dawid-skene": "DawidSkene",
    "one-coin": "OneCoinDawidSkene",
    "glad": "GLAD",
    "mace": "MACE",
}
_BINS = 10
_GOLD = 50


@dataclass(frozen=True, slots=True)
class Score:
    """accuracy: a tie counts by what it leaves open. log_loss: -mean log p(true). ece: expected calibration error."""

    accuracy: float
    log_loss: float
    ece: float

    def __str__(self) -> str:
        return f"{self.accuracy:.3f} / {self.log_loss:.2f} / {self.ece:.2f}"


def score(outcome: Outcome, true: NDArray[np.int64]) -> Score:
    """An open tie is as good as one guess among the leaders."""
    rows = np.arange(len(true))
    top = outcome.posterior.max(axis=1)
    leading = outcome.posterior >= top[:, None] - 1e-9
    right = leading[rows, true] / leading.sum(axis=1)
    decided = np.where(outcome.label == NONE_WON, right, outcome.label == true)
    bins = np.minimum((top * _BINS).astype(int), _BINS - 1)
    gaps = np.abs(np.bincount(bins, top, _BINS) - np.bincount(bins, right, _BINS)) / len(true)
    return Score(float(decided.mean()), float(-np.log(outcome.posterior[rows, true]).mean()), float(gaps.sum()))


def reliability(outcome: Outcome, true: NDArray[np.int64]) -> list[tuple[float, float, int]]:
    """Per tenth of certainty: mean certainty, share right, Items."""
    top, right = outcome.posterior.max(axis=1), outcome.posterior.argmax(axis=1) == true
    bins = np.minimum((top * _BINS).astype(int), _BINS - 1)
    return [
        (float(top[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum())) for b in np.unique(bins)
    ]


def _rivals() -> dict[str, Callable[[SimulatedCrowd], Outcome]]:
    """Ours, crowd-kit's of the same name beneath each, and the default with Gold items and with families."""
    found: dict[str, Callable[[SimulatedCrowd], Outcome]] = {}
    for name in (method.name for method in METHODS if not method.needs_pred_probs and method.name != "quorum"):
        found[name] = lambda crowd, name=name: aggregate(crowd.votes, name)  # type: ignore[misc]
        if theirs := _THEIRS.get(name):
            found[f"crowd-kit {theirs}"] = lambda crowd, theirs=theirs: _unfloored(crowd.votes, theirs)  # type: ignore[misc]
    found[f"{DEFAULT}, {_GOLD} gold items"] = lambda crowd: aggregate(crowd.votes, gold=_gold(crowd))
    found[f"{DEFAULT}, families found"] = lambda crowd: aggregate(
        crowd.votes, families=families_of(crowd.votes, plurality.plurality(crowd.votes).label)
    )
    return found


def _unfloored(votes: Votes, name: str) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aggregate_by_crowdkit(votes, name)


def _gold(crowd: SimulatedCrowd) -> NDArray[np.int64]:
    return np.where(np.arange(len(crowd.true)) < _GOLD, crowd.true, NONE_WON)


def table(*, items: int, seed: int) -> str:
    """Markdown: a line per method, a column per mix, accuracy / log loss / calibration error in each cell."""
    crowds = {mix: simulated(mix, items=items, seed=seed) for mix in MIXES}
    lines = ["| method | " + " | ".join(crowds) + " | mean |", "| --- |" + " --- |" * (len(crowds) + 1)]
    for name, run in _rivals().items():
        scores = [score(run(crowd), crowd.true) for crowd in crowds.values()]
        mean = Score(
            *(float(np.mean(values)) for values in zip(*((s.accuracy, s.log_loss, s.ece) for s in scores), strict=True))
        )
        lines.append(f"| {name} | " + " | ".join(str(cell) for cell in (*scores, mean)) + " |")
    return "\n".join(lines)


def reliability_table(*, items: int, seed: int) -> str:
    """Markdown: the default's certainty beside the share that is right, over all mixes together."""
    crowds = [simulated(mix, items=items, seed=seed) for mix in MIXES]
    true = np.concatenate([crowd.true for crowd in crowds])
    plain = [aggregate(crowd.votes) for crowd in crowds]
    told = [aggregate(crowd.votes, gold=_gold(crowd)) for crowd in crowds]
    lines = ["| result | certainty | right | items |", "| --- | --- | --- | --- |"]
    for name, outcomes in ((DEFAULT, plain), (f"{DEFAULT}, {_GOLD} gold items", told)):
        together = Outcome(
            name, np.concatenate([o.posterior for o in outcomes]), np.concatenate([o.label for o in outcomes])
        )
        lines += [
            f"| {name} | {sure:.3f} | {right:.3f} | {count} |" for sure, right, count in reliability(together, true)
        ]
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.aggregation_quality")
    parser.add_argument("--items", type=int, default=2_000, help="items a crowd")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    print(table(items=asked.items, seed=asked.seed), reliability_table(items=asked.items, seed=asked.seed), sep="\n\n")


if __name__ == "__main__":
    main()
