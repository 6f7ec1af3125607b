"""The alarm for a model that lost the crowd's meaning of the labels."""

import numpy as np

from app.domain.consensus.outcome import Floats, Labels, leaders
from app.domain.consensus.plurality import plurality
from app.domain.consensus.votes import Votes

# On public crowds, models whose labels were this far from the plurality's in frequency had lost 10 points and more;
# sound ones stayed below half of it.
_MOVED = 0.2


def collapse_of(votes: Votes, posterior: Floats, accuracy: Floats) -> str | None:
    """What is wrong with a fitted model, as the first half of a sentence, or None where nothing is.

    Two signs: (1) the frequencies of the labels that win differ from those of the plurality's winners, in total
    variation, by more than 0.2 + 1 / sqrt(Items): one label has swallowed another; (2) the Workers, weighted by their answers,
    are right no more often than chance. accuracy (W,): estimated share of right answers.
    """
    ours, theirs = leaders(posterior), plurality(votes).label
    both = (ours >= 0) & (theirs >= 0)
    decided = np.count_nonzero(both)
    if not decided:
        return None
    moved = np.abs(_frequencies(ours[both], votes.labels) - _frequencies(theirs[both], votes.labels)).sum() / 2
    if moved > _MOVED + 1 / np.sqrt(decided):
        return f"the labels' frequencies moved {moved:.0%} away from the plurality's"
    mean = float(np.mean(accuracy[votes.worker]))
    if votes.labels > 1 and mean <= 1 / votes.labels:
        return f"the workers would be right {mean:.0%} of the time, which is chance"
    return None


def _frequencies(labels: Labels, count: int) -> Floats:
    return np.asarray(np.bincount(labels, minlength=count) / len(labels))
