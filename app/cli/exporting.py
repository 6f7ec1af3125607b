"""`labeljury export`: what a Batch brought, as files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, opened
from app.cli.results import whole_file
from app.cli.targets import check_targets
from app.domain.correction_rules import Agreement, CorrectionRules, Fate, Reading
from app.domain.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from sqlalchemy.orm import Session

    from app.db.table_streams import Form
    from app.domain.vocabulary import BatchId


class What(StrEnum):
    """What `labeljury export` writes."""

    CONSENSUS = "consensus"
    RESPONSES = "responses"
    LABELS = "labels"
    LONG = "long"
    CLEANLAB = "cleanlab"
    STUDY = "study"


class FileFormat(StrEnum):
    """The formats: tables have the first three, the study its JSON, labels also an array."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    JSON = "json"
    NPY = "npy"


class AnswerCoding(StrEnum):
    """`app.domain.answer_coding.Coding`, read without numpy."""

    ROLE = "role"
    CLASS = "class"


_TABLES = (FileFormat.CSV, FileFormat.JSONL, FileFormat.PARQUET)
_FORMATS = dict.fromkeys(What, _TABLES) | {What.STUDY: (FileFormat.JSON,), What.LABELS: (*_TABLES, FileFormat.NPY)}

_WITH_WORKERS = {What.RESPONSES, What.LONG, What.CLEANLAB}

_WHAT = """consensus: one line an Item; responses: one line an answer; labels: corrected labels, with the reason of each
change; long: task,worker,label, for crowd-kit or `labeljury aggregate`; cleanlab: Items × Workers, numbers for answers;
study: the label-error study's JSON, for `labeljury study`."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What was asked for beside the Batch and the file."""

    format: FileFormat
    method: str | None
    coding: AnswerCoding
    worker_ids: bool
    rules: Callable[[Session, BatchId], CorrectionRules]


OutOption = Annotated[
    Path | None, typer.Option(help="The file to write, or - for standard output. Default: WHAT-BATCH.csv here.")
]
FormatOption = Annotated[
    FileFormat | None, typer.Option(help="Default: as the file's name ends; study is json, all else csv.")
]
MethodOption = Annotated[
    str | None,
    typer.Option(help="consensus: compute this method on all Responses, with the probability of each answer."),
]
CodeOption = Annotated[
    AnswerCoding,
    typer.Option("--code", help="long, cleanlab: answers by role (0 given, 1 guessed, 2 both, 3 neither) or by class."),
]
ReadingOption = Annotated[
    Reading, typer.Option(help="labels: one answer must win, or two questions: is either label acceptable?")
]
QuorumOption = Annotated[
    int | None, typer.Option(min=1, help="labels: equal answers that decide. Default: the Batch's.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(export)


def export(
    batch: Annotated[int, typer.Argument(help="The Batch's number.")],
    what: Annotated[What, typer.Argument(help=_WHAT)] = What.CONSENSUS,
    out: OutOption = None,
    format: FormatOption = None,
    method: MethodOption = None,
    coding: CodeOption = AnswerCoding.ROLE,
    worker_ids: Annotated[
        bool, typer.Option("--worker-ids", help="The marketplace's Worker ids instead of pseudonyms.")
    ] = False,
    rule: Annotated[Agreement, typer.Option(help="labels: how many must agree on a new one.")] = Agreement.MAJORITY,
    reading: ReadingOption = Reading.CATEGORIES,
    multi_label: Annotated[Fate, typer.Option(help="labels: Items whose two labels are both right.")] = Fate.KEEP,
    unresolved: Annotated[Fate, typer.Option(help="labels: Items whose right label is not known.")] = Fate.KEEP,
    quorum: QuorumOption = None,
    labels: Annotated[
        Path | None, typer.Option(help="labels, .npy: the dataset's given labels; ids are its positions.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="labels, .npy: class names in the order of their numbers, by commas.")
    ] = None,
) -> None:
    """Write what a Batch brought. Partial results are fine: it holds what is known now, and every line says how many
    Responses stand behind it.
    """
    from app.domain.vocabulary import BatchId
    from app.pipeline import export as stage
    from app.pipeline import label_export

    chosen = _format(what, format, out)
    _check_options(what, chosen, out, {"--labels": labels, "--classes": classes, "--method": method})
    ids = stage.WITH_WORKER_IDS if worker_ids and what in _WITH_WORKERS else ""
    target = out or Path(f"{what}-{batch}{ids}.{chosen}")
    batch_id = BatchId(batch)
    if chosen is FileFormat.NPY:
        check_targets([target, *_beside(target)], [labels])

    def rules(db: Session, batch_id: BatchId) -> CorrectionRules:
        return CorrectionRules(rule, reading, multi_label, unresolved, quorum or label_export.quorum_of(db, batch_id))

    with opened() as service, service.database.transaction() as db:
        stage.take_snapshot(db)
        if chosen is FileFormat.NPY:
            said = _write_array(db, batch_id, rules(db, batch_id), target, labels=labels, classes=classes)
        else:
            rows, count = _rows(db, batch_id, what, Choices(chosen, method, coding, worker_ids, rules))
            with whole_file(target) as file:
                file.writelines(rows)
            said = f"{counted(count, 'row')} written to {target}"
        stage.note(db, batch_id, what, by=BY)
    talking.console(stderr=True).print(said, markup=False)


def _format(what: What, format: FileFormat | None, out: Path | None) -> FileFormat:
    """The format asked for, or the one that the name promises. Raises InvalidInput where it is none of this export's."""
    from app.errors import InvalidInput, Problem

    allowed = _FORMATS[what]
    promised = out.suffix.casefold().removeprefix(".") if out else ""
    found = format or (FileFormat(promised) if promised in set(FileFormat) else allowed[0])
    if found not in allowed:
        raise InvalidInput([Problem(f"{what} is written as {', '.join(allowed)}, not as {found}")])
    return found


def _check_options(what: What, chosen: FileFormat, out: Path | None, given: Mapping[str, object]) -> None:
    """Raise InvalidInput for options of another export, which would be without effect, and for an array under another name."""
    from app.errors import InvalidInput, Problem

    fit = {
        "--labels": chosen is FileFormat.NPY,
        "--classes": chosen is FileFormat.NPY,
        "--method": what is What.CONSENSUS,
    }
    wants = {"--labels": "labels as .npy", "--classes": "labels as .npy", "--method": "consensus"}
    problems = [
        Problem(f"is for {wants[option]} alone: leave it out, or ask for that", field=option)
        for option, value in given.items()
        if value is not None and not fit[option]
    ]
    if chosen is FileFormat.NPY and out is not None and out.suffix.casefold() != ".npy":
        message = "an array has two files beside it and a name that ends in .npy: name --out so"
        problems.append(Problem(message, field=str(out)))
    if problems:
        raise InvalidInput(problems)


def _rows(db: Session, batch_id: BatchId, what: What, choices: Choices) -> tuple[Generator[bytes, None, None], int]:
    """The file's chunks and how many rows they hold."""
    from app.db.table_streams import Form
    from app.domain.answer_coding import Coding
    from app.pipeline import export as stage
    from app.pipeline import label_export, matrix_export, study_export

    if what is What.STUDY:
        return study_export.study_json(db, batch_id), study_export.study_rows(db, batch_id)
    form, coding = Form(choices.format), Coding(choices.coding)
    names = stage.WorkerNames.MARKETPLACE_ID if choices.worker_ids else stage.WorkerNames.PSEUDONYM
    counts = stage.manifest(db, batch_id)
    match what:
        case What.CONSENSUS:
            return _consensus(db, batch_id, choices.method, form), counts.consensus_rows
        case What.RESPONSES:
            return stage.responses(db, batch_id, form=form, worker_names=names), counts.response_rows
        case What.LABELS:
            rules = choices.rules(db, batch_id)
            return label_export.labels(db, batch_id, rules, form=form), label_export.label_rows(db, batch_id)
        case What.LONG:
            rows = stage.long_answers(db, batch_id, form=form, coding=coding, worker_names=names)
            return rows, stage.long_rows(db, batch_id, coding)
    rows = matrix_export.matrix(db, batch_id, form=form, coding=coding, worker_ids=choices.worker_ids)
    return rows, matrix_export.matrix_rows(db, batch_id, coding)


def _consensus(db: Session, batch_id: BatchId, method: str | None, form: Form) -> Generator[bytes, None, None]:
    """The stored Consensus, or another method's; what that noted is said."""
    from app.pipeline import export as stage
    from app.pipeline import method_consensus

    if method is None:
        return stage.consensus(db, batch_id, form=form)
    for note in method_consensus.compute(db, batch_id, method).notes:
        typer.echo(note, err=True)
    return method_consensus.rows(db, batch_id, method, form=form)


def _beside(target: Path) -> tuple[Path, ...]:
    from app.cli.correcting import written_beside

    return written_beside(target)


def _write_array(
    db: Session, batch_id: BatchId, rules: CorrectionRules, target: Path, *, labels: Path | None, classes: str | None
) -> str:
    """The corrected labels of a whole dataset as .npy, the changes beside it; says what was done."""
    from app.cli.correcting import write_corrected
    from app.domain.label_arrays import of_items
    from app.files.label_files import read_labels
    from app.pipeline import label_export

    items = label_export.items_of(db, batch_id)
    otherwise = "name the dataset's own labels with --labels, or write .csv"
    original = of_items(items, otherwise=otherwise) if labels is None else read_labels(labels)
    return write_corrected(items, rules, original, out=target, classes=classes)
