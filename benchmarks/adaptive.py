"""Adaptive answers: what asking in rounds saves on the study's own votes, with every category as from all five."""

import json
import os
from pathlib import Path

import numpy as np

from app.domain.consensus import majority
from app.domain.consensus.votes import VoteCounts
from app.domain.redundancy import Asking, needed
from benchmarks.ground import Ground
from benchmarks.report import Line, Report

# Where the study's published votes lie (github.com/cleanlab/label-errors, `mturk`), and how each set names the four answers.
SOURCES = {
    "mnist": ("given", "guessed", "both", "neither"),
    "cifar10": ("given", "guessed", "both", "neither"),
    "20news": ("given", "guessed", "both", "neither"),
    "imdb": ("given", "guessed", "neutral", "off-topic"),
}
ASKING = Asking(quorum=3, first=3, most=5)
_ORDERS = 200


def run(ground: Ground, *, quick: bool) -> Report:
    """Answers paid of five an Item, over many orders in which the five could have come."""
    folder = Path(os.environ.get("LABELJURY_STUDY_VOTES", "."))
    lines, all_asked, all_votes = [], 0.0, 0
    for name, options in SOURCES.items():
        source = folder / f"{name}_mturk.json"
        if not source.exists():
            lines.append(Line(f"{name}: not found; set LABELJURY_STUDY_VOTES to the folder of the study's votes", ""))
            continue
        votes = np.array(
            [[item["mturk"].get(option, 0) for option in options] for item in json.loads(source.read_text())]
        )
        # Where given and guessed label are one (13 Items of MNIST), a vote for it stands under both names.
        votes[votes.sum(axis=1) > ASKING.most, 1] = 0
        asked, same = _asked(votes, orders=20 if quick else _ORDERS)
        all_asked, all_votes = all_asked + asked, all_votes + votes.sum()
        lines.append(_line(f"{name}, {len(votes)} Items: answers", asked, int(votes.sum()), same=same))
    if all_votes:
        lines.append(_line("all of them", all_asked, int(all_votes), same=None))
    return Report("adaptive: 3 answers at first, up to 5 while the outcome is open, beside all 5", lines)


def _line(measure: str, asked: float, votes: int, *, same: float | None) -> Line:
    saved = f"{1 - asked / votes:.1%} saved"
    goal = "" if same is None else "same categories"
    return Line(measure, f"{asked:,.0f}", f"{votes:,}", saved, goal, None if same is None else same == 1.0)


def _asked(votes: np.ndarray[tuple[int, ...], np.dtype[np.int64]], *, orders: int) -> tuple[float, float]:
    """Mean answers asked for over `orders` random orders, and the share of Items whose category was that of all five."""
    rng = np.random.default_rng(7)
    answers = np.array([np.repeat(np.arange(votes.shape[1]), row) for row in votes])
    final = majority.quorum(VoteCounts(votes), quorum=ASKING.quorum).winner
    total, same = 0, 0
    for _ in range(orders):
        counts = np.zeros_like(votes)
        order = rng.permuted(answers, axis=1)
        given = np.zeros(len(votes), dtype=np.int64)
        nobody = np.zeros(len(votes), dtype=np.int64)
        while (more := needed(VoteCounts(counts), nobody, ASKING)).any():
            for step in range(int(more.max())):
                rows = np.flatnonzero(more > step)
                counts[rows, order[rows, given[rows]]] += 1
                given[rows] += 1
        total += int(given.sum())
        same += int((majority.quorum(VoteCounts(counts), quorum=ASKING.quorum).winner == final).sum())
    return total / orders, same / (orders * len(votes))
