"""Long answers whose labels are the four options, coded as the statistics of Batches want them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.domain.consensus.votes import OPTIONS, Votes
from app.errors import InvalidInput, Problem
from app.files.long_answers import Repeats, read_answers


def read_option_votes(path: Path) -> Votes:
    """Votes of a file of task, worker, label: labels as in OPTIONS, case aside, then any others.

    Raises InvalidInput as `read_answers`, where a Worker answers a task twice, and where no label is an option.
    """
    found = read_answers(path, repeats=Repeats.REFUSE)
    plain = [label.strip().casefold() for label in found.labels]
    options = [option.value for option in OPTIONS]
    if not set(plain) & set(options):
        listed = ", ".join(map(repr, found.labels[:10]))
        message = f"labels are {listed}; wanted {', '.join(options)}, as `labeljury export BATCH long` writes them"
        raise InvalidInput([Problem(message, field=path.name)])
    others = sorted(set(plain) - set(options))
    codes = {label: number for number, label in enumerate([*options, *others])}
    label = np.array([codes[word] for word in plain], dtype=np.int64)[found.votes.label]
    votes = found.votes
    return Votes.of(votes.item, votes.worker, label, items=votes.items, workers=votes.workers, labels=len(codes))
