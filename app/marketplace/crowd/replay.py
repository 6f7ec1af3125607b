"""Replay: hand in exactly the votes of an answer key, each Item's in an order drawn from the seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.marketplace.crowd.answer_key import AnswerKey, Entry, Vote


@dataclass(slots=True)
class _Hand:
    """A vote that a Worker holds for an Item; `kept` once it was handed in."""

    vote: Vote
    kept: bool = False


class VoteLedger:
    """Deals each Item's votes, one to each Worker that answers it.

    A Worker who meets the same Item again (in another HIT) says the same again: a person would. No method waits for
    anything, so within one event loop each is a single step and needs no lock.
    """

    def __init__(self, key: AnswerKey, seed: int) -> None:
        self._decks = {entry.number: _shuffled(entry, seed) for entry in key.entries}
        self._hands: dict[tuple[int, int], _Hand] = {}
        self._left = sum(map(len, self._decks.values()))

    @property
    def left(self) -> int:
        """How many of the key's votes have not been handed in."""
        return self._left

    def deal(self, worker: int, entries: Sequence[Entry]) -> list[Vote] | None:
        """The Worker's vote on each of the entries; None, and nothing is dealt, when one of them has none left."""
        lacking = [entry for entry in dict.fromkeys(entries) if (worker, entry.number) not in self._hands]
        if not all(self._decks[entry.number] for entry in lacking):
            return None
        for entry in lacking:
            self._hands[worker, entry.number] = _Hand(self._decks[entry.number].pop())
        return [self._hands[worker, entry.number].vote for entry in entries]

    def keep(self, worker: int, entries: Sequence[Entry]) -> None:
        """The votes dealt for these entries were handed in."""
        for entry in dict.fromkeys(entries):
            hand = self._hands[worker, entry.number]
            self._left -= not hand.kept
            hand.kept = True

    def take_back(self, worker: int, entries: Sequence[Entry]) -> None:
        """The votes dealt for these entries were not handed in: somebody else may, unless the Worker did it elsewhere."""
        for entry in dict.fromkeys(entries):
            hand = self._hands.get((worker, entry.number))
            if hand is not None and not hand.kept:
                del self._hands[worker, entry.number]
                self._decks[entry.number].append(hand.vote)


def _shuffled(entry: Entry, seed: int) -> list[Vote]:
    """The entry's votes; the last is dealt first."""
    rng = np.random.default_rng([seed, entry.number])
    return [entry.votes[at] for at in rng.permutation(len(entry.votes))]
