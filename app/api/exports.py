"""Downloads: Consensus, Responses and what others make of them, as CSV, JSON Lines and Parquet, streamed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from app.access.dependencies import DatabaseOf
from app.access.permissions import Permission, require
from app.api.dependencies import BatchNumber, CanExport
from app.api.downloads import Count, FileDownload, Rows, described, download
from app.api.error_handlers import documented
from app.db.engine import Database
from app.db.table_streams import Form
from app.domain.answer_coding import Coding
from app.domain.correction_rules import Agreement, CorrectionRules, Fate, Reading
from app.domain.vocabulary import BatchId
from app.pipeline import export, label_export, matrix_export, method_consensus, study_export
from app.pipeline.export import WorkerNames

router = APIRouter(prefix="/batches/{batch_id}", tags=["Downloads"])

TABLES = described(".csv", ".jsonl", ".parquet") | documented(404, 422)

FormOf = Annotated[Form, Path(alias="format", description="The file's format.")]
WorkerIds = Annotated[bool, Query(description="The Workers' marketplace ids instead of pseudonyms; owners only.")]
CodingOf = Annotated[
    Coding,
    Query(description="role: given, guessed, both, neither. class: the label chosen; both and neither left out."),
]


@router.get("/consensus.{format}", summary="Download the Consensus", response_class=StreamingResponse, responses=TABLES)
def download_consensus(
    *,
    batch_id: BatchNumber,
    form: FormOf,
    database: DatabaseOf,
    caller: CanExport,
    method: Annotated[
        str | None,
        Query(description="Another method, computed now on all Responses. Default: the Batch's quorum, as stored."),
    ] = None,
) -> FileDownload:
    """One line an Item, also while Responses still come in; another method brings the probability of each answer."""
    number, remarks = BatchId(batch_id), list[str]()

    def rows(db: Session) -> export.Chunks:
        if method is None:
            return export.consensus(db, number, form=form)
        remarks.extend(method_consensus.compute(db, number, method).notes)
        return method_consensus.rows(db, number, method, form=form)

    return _streamed(
        database,
        number,
        rows,
        lambda db: export.manifest(db, number).consensus_rows,
        f"consensus.{form}",
        by=caller.email,
        remarks=remarks,
    )


@router.get("/responses.{format}", summary="Download the Responses", response_class=StreamingResponse, responses=TABLES)
def download_responses(
    *, batch_id: BatchNumber, form: FormOf, database: DatabaseOf, caller: CanExport, worker_ids: WorkerIds = False
) -> FileDownload:
    """One line a Response, with the order in which the choices were shown."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number, names = BatchId(batch_id), WorkerNames.MARKETPLACE_ID if worker_ids else WorkerNames.PSEUDONYM
    return _streamed(
        database,
        number,
        lambda db: export.responses(db, number, form=form, worker_names=names),
        lambda db: export.manifest(db, number).response_rows,
        f"responses.{form}",
        by=caller.email,
    )


@router.get(
    "/long.{format}", summary="Download task, worker, label", response_class=StreamingResponse, responses=TABLES
)
def download_long(
    *,
    batch_id: BatchNumber,
    form: FormOf,
    database: DatabaseOf,
    caller: CanExport,
    coding: CodingOf = Coding.ROLE,
    worker_ids: WorkerIds = False,
) -> FileDownload:
    """One line a Response that counts, for crowd-kit, cleanlab or `labeljury aggregate`."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number, names = BatchId(batch_id), WorkerNames.MARKETPLACE_ID if worker_ids else WorkerNames.PSEUDONYM
    return _streamed(
        database,
        number,
        lambda db: export.long_answers(db, number, form=form, coding=coding, worker_names=names),
        lambda db: export.long_rows(db, number, coding),
        f"long.{form}",
        by=caller.email,
    )


@router.get(
    "/cleanlab.{format}", summary="Download Items × Workers", response_class=StreamingResponse, responses=TABLES
)
def download_matrix(
    *,
    batch_id: BatchNumber,
    form: FormOf,
    database: DatabaseOf,
    caller: CanExport,
    coding: CodingOf = Coding.ROLE,
    worker_ids: WorkerIds = False,
) -> FileDownload:
    """A matrix for cleanlab: a number for each answer (role: 0 given, 1 guessed, 2 both, 3 neither), empty for none."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number = BatchId(batch_id)
    return _streamed(
        database,
        number,
        lambda db: matrix_export.matrix(db, number, form=form, coding=coding, worker_ids=worker_ids),
        lambda db: matrix_export.matrix_rows(db, number, coding),
        f"cleanlab.{form}",
        by=caller.email,
    )


@router.get("/labels.{format}", summary="Download corrected labels", response_class=StreamingResponse, responses=TABLES)
def download_labels(
    *,
    batch_id: BatchNumber,
    form: FormOf,
    database: DatabaseOf,
    caller: CanExport,
    rule: Annotated[Agreement, Query(description="How many must agree on a new label.")] = Agreement.MAJORITY,
    reading: Annotated[
        Reading, Query(description="One answer must win, or two questions: is either label acceptable?")
    ] = Reading.CATEGORIES,
    multi_label: Annotated[Fate, Query(description="Items whose two labels are both right.")] = Fate.KEEP,
    unresolved: Annotated[Fate, Query(description="Items whose right label is not known.")] = Fate.KEEP,
) -> FileDownload:
    """One line an Item with its label now, and for each change the rule, the reason and the votes."""
    number = BatchId(batch_id)

    def rows(db: Session) -> export.Chunks:
        rules = CorrectionRules(rule, reading, multi_label, unresolved, label_export.quorum_of(db, number))
        return label_export.labels(db, number, rules, form=form)

    return _streamed(
        database,
        number,
        rows,
        lambda db: label_export.label_rows(db, number),
        f"labels.{form}",
        by=caller.email,
    )


@router.get(
    "/study.json",
    summary="Download the study's JSON",
    response_class=StreamingResponse,
    responses=described(".json") | documented(404),
)
def download_study(batch_id: BatchNumber, database: DatabaseOf, caller: CanExport) -> FileDownload:
    """Suspected Items with their counts, as the label-error study published its own."""
    number = BatchId(batch_id)
    return _streamed(
        database,
        number,
        lambda db: study_export.study_json(db, number),
        lambda db: study_export.study_rows(db, number),
        "study.json",
        by=caller.email,
    )


def _streamed(
    database: Database,
    batch_id: BatchId,
    rows: Rows,
    count: Count,
    file: str,
    *,
    by: str,
    remarks: Sequence[str] = (),
) -> FileDownload:
    """The export as an answer; noted once it is read to its end, since HITs are deleted only when something was."""
    what = file.partition(".")[0]
    return download(
        database,
        name=f"batch-{batch_id}-{file}",
        rows=rows,
        count=count,
        note=lambda db: export.note(db, batch_id, what, by=by),
        remarks=remarks,
    )
