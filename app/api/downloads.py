"""CSV downloads of any kind: counted and streamed from one snapshot."""

from collections.abc import Callable, Generator

from sqlalchemy.orm import Session

from app.api.exports import CsvDownload
from app.db.engine import Database
from app.pipeline.export import take_snapshot

Rows = Callable[[Session], Generator[bytes, None, None]]

CSV: dict[int | str, dict[str, object]] = {
    200: {
        "content": {"text/csv": {}},
        "description": "CSV in UTF-8. Header `X-Row-Count` tells how many rows follow the first line.",
        "headers": {"X-Row-Count": {"schema": {"type": "integer"}, "description": "Fewer rows: truncated."}},
    }
}


def download(database: Database, *, name: str, rows: Rows, count: Callable[[Session], int]) -> CsvDownload:
    """The rows as an answer, in a transaction of their own that lasts for as long as it streams.

    What `count` or `rows` raise at once is raised here, while there is still an answer to say so.
    """
    counted: list[int] = []
    chunks = _chunks(database, rows, count, counted)
    next(chunks)
    return CsvDownload(chunks, name=name, rows=counted[0])


def _chunks(
    database: Database, rows: Rows, count: Callable[[Session], int], counted: list[int]
) -> Generator[bytes, None, None]:
    """First nothing, once the rows are counted; then the rows."""
    with database.transaction() as db:
        take_snapshot(db)
        found = rows(db)
        counted.append(count(db))
        yield b""
        yield from found
