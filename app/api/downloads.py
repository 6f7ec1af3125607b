"""Downloads of any kind: counted and streamed from one snapshot."""

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import PurePath

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from app.db.engine import Database
from app.pipeline.export import take_snapshot

Rows = Callable[[Session], Iterable[bytes]]
Count = Callable[[Session], int]
Note = Callable[[Session], None]

MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".npy": "application/octet-stream",
    ".zip": "application/zip",
}


def described(*suffixes: str) -> dict[int | str, dict[str, object]]:
    """The answer of a route that hands over such files, for the API's description."""
    return {
        200: {
            "content": {MEDIA_TYPES[suffix].partition(";")[0]: {} for suffix in suffixes},
            "description": "Text in UTF-8. Header `X-Row-Count` tells how many rows follow, a CSV's first line not counted.",
            "headers": {
                "X-Row-Count": {"schema": {"type": "integer"}, "description": "Fewer rows: truncated."},
                "X-Remarks": {
                    "schema": {"type": "string"},
                    "description": "A JSON list of what a reader must know, such as a method that fell back. Absent: nothing.",
                },
            },
        }
    }


CSV = described(".csv")


def file_headers(name: str) -> dict[str, str]:
    """Headers of an answer that is a file to be kept, as it is now."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


class FileDownload(StreamingResponse):
    """A file that ends its transaction even where nobody reads it to the end. rows: where it has such."""

    def __init__(
        self, chunks: Generator[bytes, None, None], *, name: str, rows: int | None = None, remarks: Sequence[str] = ()
    ) -> None:
        headers = {
            **file_headers(name),
            **({"X-Row-Count": str(rows)} if rows is not None else {}),
            **({"X-Remarks": json.dumps(list(remarks))} if remarks else {}),
        }
        super().__init__(chunks, media_type=MEDIA_TYPES[PurePath(name).suffix], headers=headers)
        self.chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; async as everything that streams is."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self.chunks.close)


def download(
    database: Database,
    *,
    name: str,
    rows: Rows,
    count: Count,
    note: Note | None = None,
    remarks: Sequence[str] = (),
) -> FileDownload:
    """The rows as an answer, in a transaction of their own that lasts for as long as it streams.

    What `count` or `rows` raise at once is raised here, while there is still an answer to say so. `note` writes down that
    the file was handed over, if it was read to its end. remarks: what a reader must know and `rows` found out, for the header.
    """
    counted: list[int] = []
    chunks = _chunks(database, rows, count, counted, note)
    next(chunks)
    return FileDownload(chunks, name=name, rows=counted[0], remarks=remarks)


def _chunks(
    database: Database, rows: Rows, count: Count, counted: list[int], note: Note | None
) -> Generator[bytes, None, None]:
    """First nothing, once the rows are counted; then the rows."""
    with database.transaction() as db:
        take_snapshot(db)
        found = rows(db)
        counted.append(count(db))
        yield b""
        yield from found
        if note is not None:
            note(db)
