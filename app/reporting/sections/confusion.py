"""What Workers take for what: in roles, and where classes are few in classes too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import NONE_WON, Labels, Outcome
from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.plurals import counted
from app.domain.vocabulary import Option
from app.reporting.document import Block, Bullets, NotEnough, Section, Table, Text
from app.reporting.findings import ClassReading, Findings
from app.reporting.wording import NONE, count, whole_percent

LISTED = 5
_ROLES = tuple(option.value for option in OPTIONS)
_WHY_ROLES = (
    "Given and guessed name other classes on each Item, so confusion is modelled on the four answers as roles: four rows"
    " are quickly learnt, however many classes there are, and whoever always says given, or never dares neither, shows at"
    " once. A row holds the Items that the jury takes for it, its cells what Workers said there. Each answer had a part in"
    " what the jury says, so that the shares on the diagonal are a little high."
)
_WHY_CLASSES = (
    "Roles cannot show that one class is taken for another, whichever of the two is given: there the error evens out. These"
    " {classes} are few enough, with {answers} to learn them from, so the same answers are read as the classes that they name"
    " too, with both and neither as two more. {apart}"
)


def confusion(findings: Findings) -> Section:
    """The crowd's confusion, by the jury."""
    title, outcome = "What is taken for what", findings.jury
    if isinstance(outcome, NotEnough):
        return Section("confusion", title, (outcome,))
    caption = "Roles: what is right (rows), what was said (columns)"
    roles = (Text(_WHY_ROLES), *_crossed(caption, _ROLES, findings.record.votes, outcome.label))
    return Section("confusion", title, (*roles, *_classes(findings, outcome)))


def _classes(findings: Findings, roles: Outcome) -> tuple[Block, ...]:
    read = findings.classes
    if isinstance(read, NotEnough):
        return (read,)
    apart = int((findings.answered & (read.roles != roles.label)).sum())
    said = (
        f"Of {counted(int(findings.answered.sum()), 'Item')} with answers the jury decides {count(apart)} in another way on"
        " classes than on roles. The consensus of this report is that on roles."
    )
    answers = counted(len(read.votes), "answer")
    why = _WHY_CLASSES.format(classes=f"{len(read.names)} classes", answers=answers, apart=said)
    names = (*read.names, *(f"({option.value})" for option in (Option.BOTH, Option.NEITHER)))
    caption = "Classes: what is right (rows), what was said (columns)"
    return (Text(why), *_crossed(caption, names, read.votes, read.outcome.label), *_most_confused(read))


def _crossed(caption: str, names: Sequence[str], votes: Votes, label: Labels) -> tuple[Block, ...]:
    counts = crossed(votes, label)
    if not counts.any():
        return (NotEnough("the jury decides no Item: answers have nothing to be compared with"),)
    rows = tuple(
        (name, *(whole_percent(cell / row.sum()) if row.sum() else NONE for cell in row), count(row.sum()))
        for name, row in zip(names, counts, strict=True)
    )
    return (Table(caption, ("Right", *names, "Answers"), rows),)


def crossed(votes: Votes, label: Labels) -> NDArray[np.int64]:
    """(K, K) as [right, said]: the answers on Items whose label (I,) is known, NONE_WON where it is not."""
    right = label[votes.item]
    known = right != NONE_WON
    flat = np.bincount(right[known] * votes.labels + votes.label[known], minlength=votes.labels**2)
    return flat.reshape(votes.labels, votes.labels).astype(np.int64)


def _most_confused(read: ClassReading) -> tuple[Block, ...]:
    """The classes that are taken for another most often."""
    size = len(read.names)
    counts = crossed(read.votes, read.outcome.label)
    wrong = counts[:size, :size] * (1 - np.eye(size, dtype=np.int64))
    largest = np.argsort(-wrong, axis=None, kind="stable")[:LISTED].tolist()
    pairs = [divmod(at, size) for at in largest if wrong.flat[at]]
    lines = tuple(
        f"{read.names[right]} taken for {read.names[said]}: {counts[right, said]:,} of"
        f" {counted(int(counts[right].sum()), 'answer')}."
        for right, said in pairs
    )
    return (Bullets(lines),) if lines else (Text("No class is taken for another."),)
