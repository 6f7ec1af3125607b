"""Downloads: Consensus and Responses as CSV, streamed."""

from collections.abc import Callable, Generator, Iterator
from typing import Annotated

from anyio import CancelScope
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from app.access.dependencies import DatabaseOf
from app.access.permissions import Permission, require
from app.api.dependencies import BatchNumber, CanExport
from app.api.error_handlers import documented
from app.db.engine import Database
from app.domain.vocabulary import BatchId
from app.pipeline import export
from app.pipeline.export import ExportManifest, WorkerNames

router = APIRouter(prefix="/batches/{batch_id}", tags=["Downloads"])

Rows = Callable[[Session], Iterator[bytes]]
RowCount = Callable[[ExportManifest], int]
_CSV: dict[int | str, dict[str, object]] = {
    200: {
        "content": {"text/csv": {}},
        "description": "CSV in UTF-8. Header `X-Row-Count` tells how many rows follow the first line.",
        "headers": {"X-Row-Count": {"schema": {"type": "integer"}, "description": "Fewer rows: truncated."}},
    }
}


class CsvDownload(StreamingResponse):
    """A CSV file that ends its transaction even where nobody reads it to the end."""

    def __init__(self, chunks: Generator[bytes, None, None], *, name: str, rows: int) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Row-Count": str(rows),
            "Cache-Control": "no-store",
        }
        super().__init__(chunks, media_type="text/csv; charset=utf-8", headers=headers)
        self.chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; async as everything that streams is."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self.chunks.close)


@router.get(
    "/consensus.csv",
    summary="Download the Consensus",
    response_class=StreamingResponse,
    responses=_CSV | documented(404),
)
def download_consensus(batch_id: BatchNumber, database: DatabaseOf, caller: CanExport) -> CsvDownload:
    """One line an Item, also while Responses still come in."""
    number = BatchId(batch_id)
    return _streamed(
        database,
        number,
        lambda db: export.consensus_csv(db, number),
        "consensus",
        lambda counts: counts.consensus_rows,
        by=caller.email,
    )


@router.get(
    "/responses.csv",
    summary="Download the Responses",
    response_class=StreamingResponse,
    responses=_CSV | documented(404),
)
def download_responses(
    batch_id: BatchNumber,
    database: DatabaseOf,
    caller: CanExport,
    worker_ids: Annotated[
        bool, Query(description="The Workers' marketplace ids instead of pseudonyms; owners only.")
    ] = False,
) -> CsvDownload:
    """One line a Response, with the order in which the choices were shown."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number, names = BatchId(batch_id), WorkerNames.MARKETPLACE_ID if worker_ids else WorkerNames.PSEUDONYM
    return _streamed(
        database,
        number,
        lambda db: export.responses_csv(db, number, worker_names=names),
        "responses",
        lambda counts: counts.response_rows,
        by=caller.email,
    )


def _streamed(database: Database, batch_id: BatchId, rows: Rows, what: str, count: RowCount, *, by: str) -> CsvDownload:
    """The export as an answer. Its transaction is its own and lasts for as long as it streams."""
    counted: list[ExportManifest] = []
    chunks = _chunks(database, batch_id, rows, counted, what=what, by=by)
    next(chunks)  # counts the rows, and raises NotFound while there is still an answer to say so
    return CsvDownload(chunks, name=f"batch-{batch_id}-{what}.csv", rows=count(counted[0]))


def _chunks(
    database: Database, batch_id: BatchId, rows: Rows, counted: list[ExportManifest], *, what: str, by: str
) -> Generator[bytes, None, None]:
    """First nothing, once the rows are counted; then the export, from the same snapshot. Noted only if read to the end."""
    with database.transaction() as db:
        export.take_snapshot(db)
        counted.append(export.manifest(db, batch_id))
        yield b""
        yield from rows(db)
        export.note(db, batch_id, what, by=by)
