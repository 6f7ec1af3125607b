"""Long answers whose labels are the four options, coded as the statistics of Batches want them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem
from app.files.known_answers import OTHERS, key_of, told
from app.files.long_answers import Repeats, read_answers


def read_option_votes(path: Path) -> tuple[Votes, tuple[str, ...]]:
    """Votes of a file of task, worker, label: labels as in OPTIONS, case aside, then any others; and what to say of these.

    Raises InvalidInput as `read_answers`, where a Worker answers a task twice, and where no label is an option.
    """
    found = read_answers(path, repeats=Repeats.REFUSE)
    plain = [key_of(label) for label in found.labels]
    options = [option.value for option in OPTIONS]
    if not set(plain) & set(options):
        listed = ", ".join(map(repr, found.labels[:10]))
        message = f"labels are {listed}; wanted {', '.join(options)}, as `labeljury export BATCH long` writes them"
        raise InvalidInput([Problem(message, field=path.name)])
    others = sorted(set(plain) - set(options))
    codes = {label: number for number, label in enumerate([*options, *others])}
    label = np.array([codes[word] for word in plain], dtype=np.int64)[found.votes.label]
    votes = found.votes
    coded = Votes.of(votes.item, votes.worker, label, items=votes.items, workers=votes.workers, labels=len(codes))
    given = np.bincount(votes.label, minlength=len(found.labels)).tolist()
    return coded, _notes(path, dict(zip(found.labels, given, strict=True)))


def _notes(path: Path, given: Mapping[str, int]) -> tuple[str, ...]:
    """What to say of answers that are not known, given how often each label was given."""
    known = [*(option.value for option in OPTIONS), *sorted(OTHERS)]
    unknown = {label: times for label, times in given.items() if key_of(label) not in known}
    if not unknown:
        return ()
    are = counted(sum(unknown.values()), "answer is", "answers are")
    message = f"{are} not known and {'counts' if sum(unknown.values()) == 1 else 'count'} as none of the four"
    return (f"{path.name}: {message}: {told(unknown, known)}; known are {', '.join(known)}",)
