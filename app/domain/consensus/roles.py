"""The four answers as roles, or as the classes they name: the same Responses, two tables of confusion."""

import numpy as np

from app.domain.consensus.outcome import Floats, Labels
from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.vocabulary import Option
from app.errors import InvalidInput, Problem

_GIVEN, _GUESSED, _BOTH, _NEITHER = (
    OPTIONS.index(option) for option in (Option.GIVEN, Option.GUESSED, Option.BOTH, Option.NEITHER)
)


def as_classes(votes: Votes, given: Labels, guessed: Labels, *, classes: int) -> Votes:
    """Responses in roles (labels as in OPTIONS) as Responses in classes: `given` and `guessed` name the Item's class.

    given, guessed (I,): class indices below `classes`. `both` and `neither` name no class and stay two labels of their
    own, numbered `classes` and `classes` + 1. On these labels any method learns which classes a Worker confuses; worth
    it where classes are few, since each has a row to learn. Raises InvalidInput for other than the four roles, or a
    class out of range.
    """
    if votes.labels != len(OPTIONS):
        raise InvalidInput([Problem(f"wanted the {len(OPTIONS)} roles, got {votes.labels} labels")])
    for name, named in (("given", given), ("guessed", guessed)):
        if named.shape != (votes.items,) or (named.size and not 0 <= named.min() <= named.max() < classes):
            raise InvalidInput([Problem(f"wanted {votes.items} classes below {classes}", field=name)])
    label = np.choose(votes.label, _meanings(given, guessed, classes)[:, votes.item])
    return Votes.of(votes.item, votes.worker, label, items=votes.items, workers=votes.workers, labels=classes + 2)


def as_roles(posterior: Floats, given: Labels, guessed: Labels) -> Floats:
    """The posterior over classes and both and neither (I, classes + 2), as one over the four roles (I, 4).

    What lies on classes that the Item does not offer is `neither`. Where given and guessed are the same class, it is `given`.
    """
    rows, classes = np.arange(len(posterior)), posterior.shape[1] - 2
    found = np.empty((len(posterior), len(OPTIONS)))
    found[:, _GIVEN] = posterior[rows, given]
    found[:, _GUESSED] = np.where(given == guessed, 0.0, posterior[rows, guessed])
    found[:, _BOTH] = posterior[:, classes]
    found[:, _NEITHER] = np.maximum(1 - found[:, [_GIVEN, _GUESSED, _BOTH]].sum(axis=1), 0)
    return found


def _meanings(given: Labels, guessed: Labels, classes: int) -> Labels:
    """The label (4, I) that each role means on each Item."""
    meanings = np.empty((len(OPTIONS), len(given)), dtype=np.int64)
    meanings[_GIVEN], meanings[_GUESSED], meanings[_BOTH], meanings[_NEITHER] = given, guessed, classes, classes + 1
    return meanings
