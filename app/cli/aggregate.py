"""`labeljury aggregate`: any long file of task, worker and label, or of counts → one label a task with its probabilities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.results import whole_file
from app.cli.targets import check_targets
from app.domain.plurals import counted
from app.files.long_columns import known_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from app.domain.consensus.methods import Method
    from app.domain.consensus.outcome import Floats, Labels, Outcome
    from app.files.long_answers import LongAnswers

AnswersArgument = Annotated[
    Path,
    typer.Argument(
        help="One row an answer (task, worker, label), or counts (task, then a column a label): .csv, .tsv, .jsonl or"
        " .parquet.",
        metavar="ANSWERS",
    ),
]
STANDARD_OUTPUT = Path("-")
SHOWN_LABELS = 12
SHOWN_CHARACTERS = 60


class Ties(StrEnum):
    """What becomes of a task whose leading labels are equally probable."""

    SEEDED = "seeded"
    EMPTY = "empty"


class RepeatedAnswers(StrEnum):
    """What becomes of a worker's further answers on one task: `app.files.long_answers.Repeats`, read without numpy."""

    ALL = "all"
    LAST = "last"
    REFUSE = "refuse"


RepeatsOption = Annotated[
    RepeatedAnswers,
    typer.Option(
        help="Further answers of a worker on a task: all count, the last row alone does, or they are refused."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(epilog=f"Columns are known by these names, case and `_id` aside. {known_names()}.")(aggregate)


def _list_methods(asked: bool) -> None:
    if not asked:
        return
    from rich.table import Table

    from app.domain.consensus.methods import DEFAULT, DEFAULT_OF_COUNTS, METHODS

    table = Table("Method", "What it does", "Source", box=None)
    defaults = {DEFAULT_OF_COUNTS: " (default for counts)", DEFAULT: " (default)"}
    for method in METHODS:
        default = defaults.get(method.name, "")
        table.add_row(f"{method.name}{default}", method.title, method.source)
    talking.console().print(table)
    talking.console().print("crowdkit:NAME runs crowd-kit's method of that name, where crowd-kit is installed.")
    raise typer.Exit


def aggregate(
    answers: AnswersArgument,
    out: Annotated[
        Path, typer.Option(help="task,label,p_LABEL…: .csv, .tsv, .jsonl or .parquet; - is standard output.")
    ] = STANDARD_OUTPUT,
    method: Annotated[str | None, typer.Option(help="`--list-methods` shows all, and which are the defaults.")] = None,
    workers: Annotated[
        Path | None, typer.Option(help="Write what was learned of each worker: answers, accuracy, agreement.")
    ] = None,
    gold: Annotated[
        Path | None, typer.Option(help="Known labels (task,label): probabilities are calibrated on them.")
    ] = None,
    families: Annotated[
        Path | None, typer.Option(help="Workers that share errors (worker,family) count as one voice.")
    ] = None,
    pred_probs: Annotated[
        Path | None,
        typer.Option(help="A model's probabilities (task,p_LABEL…), for methods with a model as a rater."),
    ] = None,
    quorum: Annotated[int, typer.Option(min=1, help="Equal answers that decide a task, for the method quorum.")] = 3,
    ties: Annotated[
        Ties,
        typer.Option(help="seeded: by a lot drawn from seed and task, never by column order; empty: no label."),
    ] = Ties.SEEDED,
    repeats: RepeatsOption = RepeatedAnswers.ALL,
    columns: Annotated[
        str | None, typer.Option(help="The columns for task, worker and label, by commas, where they are unusual.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For the lots that break ties.")] = 0,
    list_methods: Annotated[
        bool, typer.Option("--list-methods", callback=_list_methods, is_eager=True, help="Show the methods and exit.")
    ] = False,
) -> None:
    """Infer one label a task from the answers of many workers.

    Counts do not say who answered: methods that weigh workers refuse them. Ids and labels stay exactly as they are
    written. What is noteworthy is said on standard error.
    """
    from app.files.aggregated import tasks_table, workers_table
    from app.files.long_answers import Repeats, read_answers_or_counts, read_truth

    _check_written((out, workers), (answers, gold, families, pred_probs))
    run = _method(method)
    read = read_answers_or_counts(answers, columns=columns, repeats=Repeats(repeats))
    if read.counted:
        run = _method(_for_counts(method, {"--workers": workers, "--families": families}))
    _tell_of(read)
    truth, notes = read_truth(gold, read) if gold else (None, ())
    outcome = run(read, Beside(quorum, truth, families, pred_probs))
    for note in (*notes, *outcome.notes, *_unused(outcome, pred_probs)):
        _tell(note)
    label = _decided(outcome, read, ties, seed)
    _write(out, tasks_table(read, outcome, label))
    if workers:
        _write(workers, workers_table(read, outcome, label, truth))
    _tell(f"{outcome.method}: {counted(len(read.tasks), 'task')} written to {out}")


def _check_written(written: Sequence[Path | None], read: Sequence[Path | None]) -> None:
    """Raise InvalidInput for a name of no format, and where a file is to be written twice or over what is read."""
    from app.files.tables import format_of

    for path in filter(None, written):
        format_of(path)
    check_targets(written, read)


def _for_counts(method: str | None, of_workers: Mapping[str, Path | None]) -> str:
    """The method's name, or the default. Raises InvalidInput where anything needs workers, whom counts do not name."""
    from app.domain.consensus import methods
    from app.errors import InvalidInput, Problem
    from app.files.crowdkit_methods import is_crowdkit

    if unfit := [option for option, file in of_workers.items() if file]:
        raise InvalidInput([Problem("counts do not say who answered: leave it out", field=unfit[0])])
    if method is not None and is_crowdkit(method):
        raise InvalidInput([Problem("crowd-kit wants task, worker and label, not counts", field="--method")])
    return methods.method_for_counts(method or methods.DEFAULT_OF_COUNTS).name


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the answers."""

    quorum: int
    gold: Labels | None
    families: Path | None
    pred_probs: Path | None


def _method(name: str | None) -> Callable[[LongAnswers, Beside], Outcome]:
    """How to run the method of that name, ours or crowd-kit's. Raises InvalidInput for an unknown one."""
    from app.domain.consensus import methods
    from app.files.crowdkit_methods import aggregate_by_crowdkit, is_crowdkit
    from app.files.long_answers import read_families

    if name is not None and is_crowdkit(name):
        return lambda read, beside: aggregate_by_crowdkit(read.votes, name)
    chosen = methods.method_named(name or methods.DEFAULT)

    def run(read: LongAnswers, beside: Beside) -> Outcome:
        shares, notes = _model(chosen, beside.pred_probs, read)
        found = methods.aggregate(
            read.votes,
            chosen.name,
            quorum=beside.quorum,
            gold=beside.gold,
            families=read_families(beside.families, read) if beside.families else None,
            pred_probs=shares,
        )
        return replace(found, notes=(*notes, *found.notes))

    return run


def _model(method: Method, file: Path | None, read: LongAnswers) -> tuple[Floats | None, tuple[str, ...]]:
    """The model's probabilities, and what to say of them. Raises InvalidInput where the method needs them and has none."""
    from app.errors import InvalidInput, Problem
    from app.files.model_probabilities import read_probabilities

    if file is None:
        if method.needs_pred_probs:
            message = f"{method.name} needs a model's probabilities: give --pred-probs FILE (task,p_<label>…)"
            raise InvalidInput([Problem(message, field="--method")])
        return None, ()
    shares, notes = read_probabilities(file, read)
    return shares, notes if method.needs_pred_probs else ()


def _unused(outcome: Outcome, pred_probs: Path | None) -> tuple[str, ...]:
    """What to say of a model that the method does not ask."""
    from app.domain.consensus import crowdlab

    if pred_probs is None or outcome.method == crowdlab.NAME:
        return ()
    return (f"{outcome.method} takes no model for a rater: --pred-probs is not used; --method {crowdlab.NAME} does",)


def _decided(outcome: Outcome, read: LongAnswers, ties: Ties, seed: int) -> Labels:
    """The labels, ties broken as asked; says how many there were."""
    import numpy as np

    from app.domain.consensus import crowdlab, quorum
    from app.domain.consensus.outcome import NONE_WON
    from app.domain.tied_labels import break_ties

    answered = np.bincount(read.votes.item, minlength=len(read.tasks)) > 0
    if silent := int((~answered).sum()):
        _tell(f"{counted(silent, 'task')} without any answer: no label")
    if not (open := int((answered & (outcome.label == NONE_WON)).sum())):
        return outcome.label
    # Without a quorum there is no label: that is what the method is for.
    if ties is Ties.EMPTY or outcome.method == quorum.NAME:
        _tell(f"{counted(open, 'task')} without a label: a tie, or no quorum")
        return outcome.label
    _tell(f"{counted(open, 'tie')} broken by lot, seed {seed}")
    alone = read.votes.counts().astype(np.float64) if outcome.method == crowdlab.NAME else None
    return break_ties(outcome, tasks=read.tasks, labels=read.labels, answered=answered, seed=seed, scores=alone)


def _tell_of(read: LongAnswers) -> None:
    """What was read, and what a reader of the result should know of it."""
    for alike in read.alike:
        _tell(f"labels differ only by case or outer spaces, and count as different ones: {', '.join(map(repr, alike))}")
    if broken := next((name for name in (*read.labels, *read.workers) if "\n" in name or "\r" in name), None):
        _tell(
            f"{broken[:SHOWN_CHARACTERS]!r} goes over several lines: where a quote is closed too late, the rows between are lost"
        )
    if read.counted:
        shown = ", ".join(read.labels[:SHOWN_LABELS]) + (", …" if len(read.labels) > SHOWN_LABELS else "")
        _tell(
            f"counts of {counted(len(read.votes), 'answer')} on {counted(len(read.tasks), 'task')} (column {read.columns[0]}),"
            f" {counted(len(read.labels), 'label')}: {shown}"
        )
        return
    _tell(
        f"{counted(len(read.votes), 'answer')} by {counted(len(read.workers), 'worker')} on"
        f" {counted(len(read.tasks), 'task')}, {counted(len(read.labels), 'label')}"
        f" (columns {', '.join(read.columns)})"
    )
    if read.passed_over:
        _tell(f"columns passed over: {', '.join(map(repr, read.passed_over))}")
    if read.repeats:
        repeat = "answer repeats" if read.repeats == 1 else "answers repeat"
        _tell(f"{read.repeats} {repeat} a pair of task and worker; --repeats says what becomes of them")
    if len(read.workers) == 1:
        _tell("one worker gave all answers: nothing can be said about how good they are")


def _write(path: Path, table: pa.Table) -> None:
    from app.files.tables import format_of, write_table

    with whole_file(path) as file:
        write_table(file, table, format_of(path))


def _tell(message: str) -> None:
    typer.echo(message, err=True)
