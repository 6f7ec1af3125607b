"""`labeljury study …`: the study's JSON files read, their table printed, their labels corrected."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.results import whole_file
from app.cli.targets import check_targets
from app.domain.correction_rules import QUORUM, WORKERS, Agreement, CorrectionRules, Fate, Reading
from app.domain.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from app.domain.study_sets import Label, LabelSets, StudyRow, StudySet

app = typer.Typer(help="The label-error study's JSON files: its table, and corrected labels.", no_args_is_help=True)

_SHOWN_IDS = 5

FilesArgument = Annotated[
    list[Path], typer.Argument(help="Files such as cifar10_mturk.json: a list of objects with counts under `mturk`.")
]
QuorumOption = Annotated[int, typer.Option(min=1, help="How many equal answers decide an Item.")]
OtherOption = Annotated[
    list[str] | None,
    typer.Option(
        "--other-answer", help="An answer beside the four, neutral and off-topic that Workers had. Repeatable."
    ),
]


@app.command(name="import")
def import_study(
    files: FilesArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Write the table as JSON, and nothing else.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write what each Item turned out to be: .csv, .tsv, .jsonl or .parquet.")
    ] = None,
    quorum: QuorumOption = QUORUM,
    other_answers: OtherOption = None,
) -> None:
    """Print the study's table: Items checked, non-errors, errors and their kinds, one line a file.

    `given` is tested first, then the answer that alone reaches the quorum. Neutral and off-topic count as non-agreement.
    Of label sets the one that holds must equal the given one. A dash stands where the Workers had no such answer.
    """
    from app.domain.study_sets import row_of
    from app.files.study_json import read_studies
    from app.files.study_table import items_table
    from app.files.tables import format_of, write_table

    if str(out) == "-":
        raise typer.BadParameter("a file, since the table stands on standard output", param_hint="--out")
    format = format_of(out) if out else None
    check_targets([out], files)
    sets = read_studies(files, others=other_answers or ())
    rows = [row_of(study, quorum=quorum) for study in sets]
    _tell(sets, others=other_answers or ())
    if out and format:
        with whole_file(out) as file:
            write_table(file, items_table(sets, quorum=quorum), format)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
    else:
        _show(rows)


def _tell(sets: Iterable[StudySet | LabelSets], *, others: Collection[str]) -> None:
    """Say which Items do not count, which count once, and which answers may be meant for others."""
    from app.domain.study_sets import StudySet
    from app.files.known_answers import slips_of

    for study in sets:
        if isinstance(study, StudySet) and (slips := slips_of(study, others=others)):
            typer.echo(
                f"{study.dataset}: answers that are no Item's label, and count as other answers: {slips}.", err=True
            )
        if left := [item.id for item in study.items if not item.checked]:
            said = f"{counted(len(left), 'Item')} without any answer, not counted as checked: {_ids(left)}."
            typer.echo(f"{study.dataset}: {said}", err=True)
        if again := study.repeated:
            said = f"{counted(len(again), 'Item')} more than once in the file, alike, counted once: {_ids(again)}."
            typer.echo(f"{study.dataset}: {said}", err=True)


def _ids(ids: Sequence[Label]) -> str:
    more = f" and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
    return f"id {', '.join(map(str, ids[:_SHOWN_IDS]))}{more}"


def _show(rows: list[StudyRow]) -> None:
    from rich.table import Table
    from rich.text import Text

    from app.domain.study_sets import StudyRow

    names = [field.name.replace("_", "-") for field in fields(StudyRow)]
    table = Table(
        box=None, show_footer=len(rows) > 1, padding=(0, 1, 0, 0), pad_edge=False
    )  # eight columns on 80 characters
    sums = [None, *(sum(value or 0 for value in column) for column in list(zip(*map(astuple, rows), strict=True))[1:])]
    for name, total in zip(names, sums, strict=True):
        table.add_column(name, "total" if total is None else str(total), justify="left" if total is None else "right")
    for row in rows:
        # A file's name may look like markup.
        table.add_row(*(Text("–" if value is None else str(value)) for value in astuple(row)))
    talking.console().print(table)


@app.command(name="correct")
def correct_labels(
    file: Annotated[
        Path, typer.Argument(help="One of the study's files, or a Batch's `labeljury export BATCH study`.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The corrected labels: .npy with --labels; or .csv, .tsv, .jsonl, .parquet. Changes beside it."
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="The dataset's given labels, .npy: ids are its positions. Without it: the file's Items alone."
        ),
    ] = None,
    rule: Annotated[Agreement, typer.Option(help="How many must agree on a new label.")] = Agreement.MAJORITY,
    multi_label: Annotated[
        Fate, typer.Option(help="Items whose two labels are both right: keep the given label, or drop the Item.")
    ] = Fate.KEEP,
    unresolved: Annotated[
        Fate, typer.Option(help="Items whose right label is not known: keep the given label, or drop the Item.")
    ] = Fate.KEEP,
    reading: Annotated[
        Reading, typer.Option(help="One answer must win (categories), or two questions: is either label acceptable?")
    ] = Reading.CATEGORIES,
    quorum: QuorumOption = QUORUM,
    classes: Annotated[
        str | None,
        typer.Option(help="Class names in the order of their numbers, by commas: Negative,Neutral,Positive."),
    ] = None,
    answers: Annotated[int, typer.Option(min=1, help="Workers asked per Item; label sets do not say.")] = WORKERS,
    other_answers: OtherOption = None,
) -> None:
    """Write corrected labels, and every change with its rule, reason and votes beside them (OUT.changes.csv).

    Where Items are dropped from a whole dataset, OUT.kept.npy holds the positions that stay.
    """
    if str(out) == "-":
        raise typer.BadParameter("a file, since the changes stand beside it", param_hint="--out")
    from app.cli.correcting import correct_label_sets, correct_study, written_beside
    from app.domain.study_sets import LabelSets
    from app.errors import InvalidInput, Problem
    from app.files.study_json import read_study

    check_targets([out, *written_beside(out)], [file, labels])
    if classes is not None and labels is None:
        raise InvalidInput([Problem("is for an array of numbers: name it with --labels", field="--classes")])
    rules = CorrectionRules(rule, reading, multi_label, unresolved, quorum)
    study = read_study(file, others=other_answers or ())
    _tell([study], others=other_answers or ())
    if isinstance(study, LabelSets):
        changed = correct_label_sets(study, rules, out=out, labels=labels, workers=answers)
    else:
        changed = correct_study(study, rules, out=out, labels=labels, classes=classes)
    typer.echo(changed, err=True)
