"""MTurk's results CSV: download it, send it back with its decisions."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import DatabaseOf, Db
from app.access.permissions import Permission, require
from app.api.dependencies import BatchNumber, CanExport, CanSpend, SpendersFirst
from app.api.downloads import CSV, download
from app.api.error_handlers import ProblemOut, documented
from app.api.sheets import FaultsOut, content_of, shown
from app.domain.decisions import Ruling
from app.domain.vocabulary import BatchId
from app.pipeline import results_csv
from app.pipeline.export import WITH_WORKER_IDS

router = APIRouter(prefix="/batches/{batch_id}", tags=["Payments"], route_class=SpendersFirst)


class DecisionSheetForm(BaseModel):
    """A reviewed results CSV."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="CSV with AssignmentId, Approve and Reject; other columns are not read.")
    dry_run: bool = Field(default=False, description="Say what it decides; decide nothing.")
    skip_faulty: bool = Field(default=False, description="Go on without faulty rows; else one fault refuses all.")


class DecisionsOut(BaseModel):
    """What a reviewed sheet decides."""

    approve: int
    reject: int
    override: int = Field(description="Rejections taken back: an x on work that was rejected.")
    known: list[ProblemOut] = Field(description="Rows that say what is so already.")
    faults: FaultsOut


@router.get(
    "/results.csv",
    summary="Download MTurk's results CSV",
    response_class=StreamingResponse,
    responses=CSV | documented(404),
)
def download_results(
    batch_id: BatchNumber,
    database: DatabaseOf,
    caller: CanExport,
    worker_ids: Annotated[bool, Query(description="The marketplace's ids instead of pseudonyms; owners only.")] = False,
) -> StreamingResponse:
    """One line an Assignment under MTurk's header, with empty columns Approve and Reject at the end."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number = BatchId(batch_id)
    return download(
        database,
        name=f"Batch_{batch_id}_batch_results{WITH_WORKER_IDS if worker_ids else ''}.csv",
        rows=lambda db: results_csv.results_csv(db, number, worker_ids=worker_ids),
        count=lambda db: results_csv.result_rows(db, number),
    )


@router.post("/results/sheet", status_code=202, summary="Decide by a reviewed CSV", responses=documented(404, 409, 413))
def decide_by_sheet(
    batch_id: BatchNumber,
    form: Annotated[DecisionSheetForm, Form(media_type="multipart/form-data")],
    db: Db,
    caller: CanSpend,
) -> DecisionsOut:
    """`x` under Approve, or a reason under Reject. All or, with any faulty row, nothing; the faults are listed by line."""
    number, now = BatchId(batch_id), datetime.now(UTC)
    sheet = results_csv.read_decisions(db, number, content_of(form.file), now=now)
    if not form.dry_run:
        results_csv.decide(db, number, sheet, by=caller.email, now=now, skip_faulty=form.skip_faulty)
    return DecisionsOut(
        approve=sheet.count(Ruling.APPROVE),
        reject=sheet.count(Ruling.REJECT),
        override=sheet.count(Ruling.OVERRIDE),
        known=shown(list(sheet.known)),
        faults=FaultsOut.of(sheet.faults),
    )
