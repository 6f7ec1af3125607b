"""How well a Worker's answers fit what is known: the answers of gold Items, and what the others say."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

# At least so many others must have answered an Item before it says anything about one Worker.
OTHERS = 2


@dataclass(frozen=True, slots=True)
class Tally:
    """Of `judged` answers, `matched` were right."""

    judged: int
    matched: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where nothing could be judged."""
        return self.matched / self.judged if self.judged else None


NO_ANSWERS = Tally(0, 0)


@dataclass(frozen=True, slots=True)
class Answers:
    """N answers of Workers on Items, "cannot tell" left out, as parallel arrays.

    worker: (N,) index of the Worker, below `workers`. option: (N,) index into `consensus.votes.OPTIONS`. counts: (N, 4) the
    counted answers on the same Item by option. own: (N,) whether the answer itself is among them.
    """

    workers: int
    worker: NDArray[np.int64]
    option: NDArray[np.int64]
    counts: NDArray[np.int64]
    own: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> Self:
        """No answers."""
        none = np.zeros(0, dtype=np.int64)
        return cls(0, none, none, np.zeros((0, 4), dtype=np.int64), np.zeros(0, dtype=np.bool_))


def agreement_with_others(answers: Answers) -> list[Tally]:
    """For each Worker, how many of their answers are what most of the others say on the same Item.

    The Worker's own answer is left out, so nobody agrees with themselves. An answer is judged where at least OTHERS others
    answered the Item and one option leads among them; where two lead equally the Item says nothing.
    """
    others = answers.counts.copy()
    rows = np.flatnonzero(answers.own)
    others[rows, answers.option[rows]] -= 1
    most = others.max(axis=1, initial=0)
    judged = (others.sum(axis=1) >= OTHERS) & ((others == most[:, None]).sum(axis=1) == 1)
    return tallies(answers.workers, answers.worker, judged, judged & (others.argmax(axis=1) == answers.option))


def tallies(
    workers: int, worker: NDArray[np.int64], judged: NDArray[np.bool_], matched: NDArray[np.bool_]
) -> list[Tally]:
    """Count judged and matched answers by Worker; three arrays of (N,)."""
    found = np.bincount(worker[judged], minlength=workers), np.bincount(worker[matched], minlength=workers)
    return [Tally(int(n), int(right)) for n, right in zip(*found, strict=True)]
