"""What a consensus method found in a long file, as tables: one line a task, one line a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.domain.consensus.outcome import NONE_WON, Floats, Labels, Outcome
from app.files.long_answers import LongAnswers

if TYPE_CHECKING:
    import pyarrow as pa


def tasks_table(answers: LongAnswers, outcome: Outcome, label: Labels) -> pa.Table:
    """`task,label,p_<label>…`: tasks in the file's order, labels sorted; the label is absent where none won."""
    import pyarrow as pa

    columns = {"task": pa.array(answers.tasks, type=pa.string()), "label": _named(label, answers)}
    names = [f"p_{name}" for name in answers.labels]
    shares = [pa.array(np.ascontiguousarray(column)) for column in outcome.posterior.T]
    return pa.table([*columns.values(), *shares], names=[*columns, *names])


def workers_table(answers: LongAnswers, outcome: Outcome, label: Labels, gold: Labels | None) -> pa.Table:
    """`worker,answers,accuracy,agreement,gold_answers,gold_accuracy`, one line a worker, in the file's order.

    accuracy: the method's estimate, absent where it judges no workers, and where there is one, with whom nobody can be
    compared. agreement: the share of the worker's answers that are
    the consensus, of the tasks that have one; the worker's own vote is part of it. gold: answers on tasks whose label is
    known, and the share of right ones. A share of nothing is absent.
    """
    import pyarrow as pa

    votes = answers.votes
    given = np.bincount(votes.worker, minlength=votes.workers)
    decided, agreed = _hits(answers, label)
    known, right = _hits(answers, np.full(votes.items, NONE_WON) if gold is None else gold)
    estimated = outcome.worker_accuracy if votes.workers > 1 else None
    return pa.table(
        {
            "worker": pa.array(answers.workers, type=pa.string()),
            "answers": given,
            "accuracy": _shares(estimated if estimated is not None else np.full(votes.workers, np.nan)),
            "agreement": _shares(_divided(agreed, decided)),
            "gold_answers": known,
            "gold_accuracy": _shares(_divided(right, known)),
        }
    )


def _hits(answers: LongAnswers, label: Labels) -> tuple[Labels, Labels]:
    """Per worker: answers on tasks that have a label, and those that are it."""
    votes = answers.votes
    decided = label[votes.item] != NONE_WON
    agreed = decided & (label[votes.item] == votes.label)
    return (
        np.bincount(votes.worker[decided], minlength=votes.workers),
        np.bincount(votes.worker[agreed], minlength=votes.workers),
    )


def _divided(part: Labels, whole: Labels) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares


def _shares(values: Floats) -> pa.Array:
    import pyarrow as pa

    return pa.array(np.asarray(values, dtype=np.float64), from_pandas=True)


def _named(label: Labels, answers: LongAnswers) -> pa.Array:
    import pyarrow as pa

    codes = pa.array(label, mask=label == NONE_WON)
    return pa.array(answers.labels, type=pa.string()).take(codes)
