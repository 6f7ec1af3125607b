"""Simulated votes with Workers of differing skill: what the statistics are tried on, here and in benchmarks/coverage.py."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.votes import Votes

LABELS = 4


@dataclass(frozen=True, slots=True)
class Crowd:
    """How a crowd is drawn anew for each study.

    spammers: the share of Workers who never look. hit_items: Items that are answered by the same Workers, one after another.
    uneven: how unequally work is shared out (shape of the gamma distribution of activity; 0: evenly).
    """

    items: int
    workers: int
    answers: int = 5
    spammers: float = 0.2
    hit_items: int = 1
    uneven: float = 1.0


def simulated(crowd: Crowd, rng: np.random.Generator) -> Votes:
    """Votes of a crowd over four labels; Items differ in difficulty, guesses in what a Worker likes to say."""
    worker = np.repeat(_who(crowd, rng), crowd.hit_items, axis=0)
    items = len(worker)
    truth = rng.choice(LABELS, size=items, p=(0.35, 0.35, 0.15, 0.15))
    skill = np.where(rng.random(crowd.workers) < crowd.spammers, 0.0, rng.beta(8, 2, size=crowd.workers))
    likes = rng.dirichlet(np.full(LABELS, 0.8), size=crowd.workers).cumsum(axis=1)
    knows = rng.random(worker.shape) < skill[worker] * (1 - 0.6 * rng.beta(2, 4, size=(items, 1)))
    guess = (rng.random(worker.shape)[:, :, None] > likes[worker]).sum(axis=2).clip(max=LABELS - 1)
    label = np.where(knows, truth[:, None], guess)
    item = np.repeat(np.arange(items), crowd.answers)
    return Votes.of(item, worker.ravel(), label.ravel(), items=items, workers=crowd.workers, labels=LABELS)


def _who(crowd: Crowd, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(HITs, answers): Workers without repetition, the active ones oftener (Gumbel's trick)."""
    activity = rng.gamma(crowd.uneven, size=crowd.workers) + 1e-9 if crowd.uneven else np.ones(crowd.workers)
    draws = np.log(activity) + rng.gumbel(size=(crowd.items // crowd.hit_items, crowd.workers))
    if crowd.answers == crowd.workers:
        return np.tile(np.arange(crowd.workers), (len(draws), 1))
    return np.argpartition(-draws, crowd.answers, axis=1)[:, : crowd.answers]
