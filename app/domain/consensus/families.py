"""Raters of one family, who share their errors: they count as one voice, and groups that share wrong answers are found."""

import numpy as np

from app.domain.consensus.outcome import NONE_WON, Labels, leaders
from app.domain.consensus.votes import Votes
from app.domain.statistics.copying import copy_groups, copy_pairs
from app.errors import InvalidInput, Problem

NO_FAMILY = -1

# Of the pairs that make families, so large a share may be chance.
_CHANCE = 0.001


def as_voices(votes: Votes, families: Labels) -> tuple[Votes, Labels]:
    """The votes with each family as one Worker, and the voice (W,) that stands for each Worker.

    families (W,): a number per family, NO_FAMILY for a Worker of their own. A family says of an Item what most of its
    members said; where they are split it says nothing. Raises InvalidInput for another number of Workers.
    """
    if families.shape != (votes.workers,):
        raise InvalidInput([Problem(f"wanted {votes.workers} workers, got {families.shape}", field="families")])
    named, family = np.unique(families[families >= 0], return_inverse=True)
    voice = np.empty(votes.workers, dtype=np.int64)
    voice[families >= 0] = family
    alone = np.flatnonzero(families < 0)
    voice[alone] = len(named) + np.arange(len(alone))
    speaking = families[votes.worker] >= 0
    pairs, place = np.unique(
        votes.item[speaking] * max(len(named), 1) + voice[votes.worker[speaking]], return_inverse=True
    )
    counts = np.bincount(place * votes.labels + votes.label[speaking], minlength=len(pairs) * votes.labels)
    said = leaders(counts.reshape(len(pairs), votes.labels).astype(np.int64))
    spoke = said != NONE_WON
    item, worker = np.divmod(pairs[spoke], max(len(named), 1))
    merged = Votes.of(
        np.concatenate([votes.item[~speaking], item]),
        np.concatenate([voice[votes.worker[~speaking]], worker]),
        np.concatenate([votes.label[~speaking], said[spoke]]),
        items=votes.items,
        workers=len(named) + len(alone),
        labels=votes.labels,
    )
    return merged, voice


def families_of(votes: Votes, label: Labels) -> Labels:
    """A family number per Worker (W,), NO_FAMILY for most: groups that share wrong answers (`copying`), numbered by size.

    label (I,): the labels taken for right, or -1: the plurality's rather than a model's, which a family that always agrees
    with itself may have won over. What the family got accepted is not seen; where it is the majority nothing is. Stricter than
    a report, which gives a reason to look: whoever is in a family has no voice of their own.
    """
    found = np.full(votes.workers, NO_FAMILY)
    for number, group in enumerate(copy_groups(votes, copy_pairs(votes, label), right=label, at=_CHANCE)):
        found[list(group.workers)] = number
    return found
