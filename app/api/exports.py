"""Downloads: Consensus, Responses and what others make of them, as CSV, JSON Lines, Parquet and arrays, streamed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from app.access.dependencies import DatabaseOf
from app.access.permissions import Permission, require
from app.api.dependencies import BatchNumber, CanExport
from app.api.downloads import Count, FileDownload, Rows, described, download
from app.api.error_handlers import documented
from app.db.table_streams import Form
from app.domain.answer_coding import Coding
from app.domain.correction_rules import Agreement, CorrectionRules, Fate, Reading
from app.domain.label_arrays import CorrectedLabels, LabelArray
from app.domain.vocabulary import BatchId
from app.pipeline import export, label_export, matrix_export, method_consensus, study_export
from app.pipeline.export import WorkerNames

router = APIRouter(prefix="/batches/{batch_id}", tags=["Downloads"])

TABLES = described(".csv", ".jsonl", ".parquet") | documented(404, 422)
ARRAYS = described(".npy") | documented(404, 422)

FormOf = Annotated[Form, Path(alias="format", description="The file's format.")]
CodingOf = Annotated[
    Coding,
    Query(description="role: given, guessed, both, neither. class: the label chosen; both and neither left out."),
]


class _BatchFiles:
    """What every download of a Batch asks for: which Batch, whose database, by whom."""

    def __init__(self, batch_id: BatchNumber, database: DatabaseOf, caller: CanExport) -> None:
        self.batch_id, self._database, self._caller = BatchId(batch_id), database, caller

    def file(
        self,
        name: str,
        rows: Rows,
        count: Count,
        *,
        names: WorkerNames = WorkerNames.PSEUDONYM,
        remarks: Sequence[str] = (),
    ) -> FileDownload:
        """The export as an answer; noted once it is read to its end, since HITs are deleted only when something was.

        names: how the file names Workers; one with their ids says so in its own name.
        """
        what, _, suffix = name.partition(".")
        return download(
            self._database,
            name=f"batch-{self.batch_id}-{what}{names.in_file_names}.{suffix}",
            rows=rows,
            count=count,
            note=lambda db: export.note(db, self.batch_id, what, by=self._caller.email),
            remarks=remarks,
        )


BatchFiles = Annotated[_BatchFiles, Depends()]


def _worker_names(
    caller: CanExport,
    worker_ids: Annotated[
        bool, Query(description="The Workers' marketplace ids instead of pseudonyms; owners only.")
    ] = False,
) -> WorkerNames:
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    return WorkerNames.MARKETPLACE_ID if worker_ids else WorkerNames.PSEUDONYM


NamesOf = Annotated[WorkerNames, Depends(_worker_names)]


@dataclass(frozen=True, slots=True)
class _LabelChoices:
    """The choices of whoever corrects a dataset, as `labeljury export BATCH labels` has them."""

    rule: Annotated[Agreement, Query(description="How many must agree on a new label.")] = Agreement.MAJORITY
    reading: Annotated[
        Reading, Query(description="One answer must win, or two questions: is either label acceptable?")
    ] = Reading.CATEGORIES
    multi_label: Annotated[Fate, Query(description="Items whose two labels are both right.")] = Fate.KEEP
    unresolved: Annotated[Fate, Query(description="Items whose right label is not known.")] = Fate.KEEP
    quorum: Annotated[int | None, Query(ge=1, description="Equal answers that decide. Default: the Batch's.")] = None

    def rules(self, db: Session, batch_id: BatchId) -> CorrectionRules:
        """The rules, with the Batch's quorum unless another is asked for. Raises NotFound."""
        quorum = self.quorum or label_export.quorum_of(db, batch_id)
        return CorrectionRules(self.rule, self.reading, self.multi_label, self.unresolved, quorum)


LabelChoices = Annotated[_LabelChoices, Depends()]
ClassesOf = Annotated[
    str | None,
    Query(description="Class names in the order of their numbers, by commas, where numbers are to be words' codes."),
]


@router.get("/consensus.{format}", summary="Download the Consensus", response_class=StreamingResponse, responses=TABLES)
def download_consensus(
    files: BatchFiles,
    form: FormOf,
    method: Annotated[
        str | None,
        Query(description="Another method, computed now on all Responses. Default: the Batch's quorum, as stored."),
    ] = None,
) -> FileDownload:
    """One line an Item, also while Responses still come in; another method brings the probability of each answer."""
    remarks = list[str]()

    def rows(db: Session) -> export.Chunks:
        if method is None:
            return export.consensus(db, files.batch_id, form=form)
        remarks.extend(method_consensus.compute(db, files.batch_id, method).notes)
        return method_consensus.rows(db, files.batch_id, method, form=form)

    return files.file(
        f"consensus.{form}", rows, lambda db: export.manifest(db, files.batch_id).consensus_rows, remarks=remarks
    )


@router.get("/responses.{format}", summary="Download the Responses", response_class=StreamingResponse, responses=TABLES)
def download_responses(files: BatchFiles, form: FormOf, names: NamesOf) -> FileDownload:
    """One line a Response, with the order in which the choices were shown."""
    return files.file(
        f"responses.{form}",
        lambda db: export.responses(db, files.batch_id, form=form, worker_names=names),
        lambda db: export.manifest(db, files.batch_id).response_rows,
        names=names,
    )


@router.get(
    "/long.{format}", summary="Download task, worker, label", response_class=StreamingResponse, responses=TABLES
)
def download_long(files: BatchFiles, form: FormOf, names: NamesOf, coding: CodingOf = Coding.ROLE) -> FileDownload:
    """One line a Response that counts, for crowd-kit, cleanlab or `labeljury aggregate`."""
    return files.file(
        f"long.{form}",
        lambda db: export.long_answers(db, files.batch_id, form=form, coding=coding, worker_names=names),
        lambda db: export.long_rows(db, files.batch_id, coding),
        names=names,
    )


@router.get(
    "/cleanlab.{format}", summary="Download Items × Workers", response_class=StreamingResponse, responses=TABLES
)
def download_matrix(files: BatchFiles, form: FormOf, names: NamesOf, coding: CodingOf = Coding.ROLE) -> FileDownload:
    """A matrix for cleanlab: a number for each answer (role: 0 given, 1 guessed, 2 both, 3 neither), empty for none."""
    ids = names is WorkerNames.MARKETPLACE_ID
    return files.file(
        f"cleanlab.{form}",
        lambda db: matrix_export.matrix(db, files.batch_id, form=form, coding=coding, worker_ids=ids),
        lambda db: matrix_export.matrix_rows(db, files.batch_id, coding),
        names=names,
    )


# Before the tables, whose path has room for every format.
@router.get(
    "/labels.npy", summary="Download corrected labels as an array", response_class=StreamingResponse, responses=ARRAYS
)
def download_label_array(files: BatchFiles, choices: LabelChoices, classes: ClassesOf = None) -> FileDownload:
    """The dataset's labels as NumPy's array, one an Item by its id, which must be its position; dropped Items are left out.

    Numbers where all given labels are, else text. `labels.kept.npy` has the positions that stay.
    """
    return _array(files, "labels.npy", choices, classes, lambda found: found.labels)


@router.get(
    "/labels.kept.npy",
    summary="Download the positions that corrected labels keep",
    response_class=StreamingResponse,
    responses=ARRAYS,
)
def download_kept_positions(files: BatchFiles, choices: LabelChoices, classes: ClassesOf = None) -> FileDownload:
    """The positions of `labels.npy` in the whole dataset, for the same choices: all, unless Items are dropped."""
    return _array(files, "labels.kept.npy", choices, classes, lambda found: found.kept)


@router.get("/labels.{format}", summary="Download corrected labels", response_class=StreamingResponse, responses=TABLES)
def download_labels(files: BatchFiles, form: FormOf, choices: LabelChoices) -> FileDownload:
    """One line an Item with its label now, and for each change the rule, the reason and the votes."""
    return files.file(
        f"labels.{form}",
        lambda db: label_export.labels(db, files.batch_id, choices.rules(db, files.batch_id), form=form),
        lambda db: label_export.label_rows(db, files.batch_id),
    )


@router.get(
    "/study.json",
    summary="Download the study's JSON",
    response_class=StreamingResponse,
    responses=described(".json") | documented(404),
)
def download_study(files: BatchFiles) -> FileDownload:
    """Suspected Items with their counts, as the label-error study published its own."""
    return files.file(
        "study.json",
        lambda db: study_export.study_json(db, files.batch_id),
        lambda db: study_export.study_rows(db, files.batch_id),
    )


def _array(
    files: _BatchFiles,
    name: str,
    choices: _LabelChoices,
    classes: str | None,
    part: Callable[[CorrectedLabels], LabelArray],
) -> FileDownload:
    """One array of the corrected labels; all of it is in memory, so that its rows are counted."""
    counted = list[int]()

    def rows(db: Session) -> list[bytes]:
        rules = choices.rules(db, files.batch_id)
        array = part(label_export.label_array(db, files.batch_id, rules, classes=classes))
        counted.append(len(array))
        return [label_export.as_npy(array)]

    return files.file(name, rows, lambda db: counted[0])
