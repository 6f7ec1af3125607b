"""Import: an item file → the Items of a new Batch. All rows or none, with every fault of the file in one report."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from app.db import media_files
from app.db.copying import copy_rows
from app.db.item_sources import ItemFile, count_rows, read_rows
from app.db.media_files import Intake, NewMedia
from app.db.tables import Batch, Item
from app.domain.item_rows import ItemRow, Medium, SourceRow, check_row
from app.domain.item_values import Unusable
from app.domain.vocabulary import BatchId, BatchStatus, MediaType
from app.errors import Conflict, InvalidInput, NotFound, Problem
from app.questions.budget import PageBudget

MOST_PROBLEMS = 1_000
_ROWS_AT_ONCE = 1_000
# A local file's URL is `<web_url>/media/<token>`; this leaves room for a long host name.
_LOCAL_URL = "x" * 120
_COLUMNS = (
    "batch_id, line, external_id, role, media_type, media_url, text, media_token, given_label, guessed_label,"
    " page_bytes, extra"
)

Progress = Callable[[int, int | None], None]
_Record = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought. `media_files` counts files of different content; `seconds` is wall time."""

    items: int
    media_files: int
    seconds: float


@dataclass(slots=True)
class _Import:
    """One import under way."""

    batch_id: BatchId
    media_type: MediaType
    https_only: bool
    budget: PageBudget
    intake: Intake
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    first_line: dict[str, int] = field(default_factory=dict)
    new_media: list[NewMedia] = field(default_factory=list)

    def fault(self, *problems: Problem) -> None:
        self.problem_count += len(problems)
        self.problems += problems[: MOST_PROBLEMS - len(self.problems)]


def _no_progress(done: int, total: int | None) -> None:
    """Nobody watches."""


def import_items(
    db: Session,
    batch_id: BatchId,
    source: ItemFile,
    *,
    media_root: Path | None,
    media_dir: Path,
    budget: PageBudget,
    https_only: bool = False,
    progress: Progress = _no_progress,
) -> ImportReport:
    """Bring the file's rows in as the Items of a draft Batch that has none, inside the caller's transaction.

    media_root: the only folder that local media may come from; None where none may (an upload, for instance).
    media_dir: where media files are kept under the hash of their content.
    https_only: refuse http: URLs; set it where the marketplace shows its pages by https.
    progress: called with the rows read and about how many there are, every 1,000 rows and at the end.
    Raises InvalidInput with all faults of the file (the first 1,000 in full), NotFound, or Conflict where the Batch is
    no draft or has its Items; then neither a row nor a file is left behind. Media files are the last thing to be put in
    their place: if the caller's transaction fails after that, they stay, unnamed by any row and unreachable.
    """
    started = time.monotonic()
    media_type = _empty_draft(db, batch_id)
    total = count_rows(source)
    with media_files.intake(media_type, root=media_root, media_dir=media_dir) as intake, db.begin_nested():
        run = _Import(batch_id, media_type, https_only, budget, intake)
        _bring_in(db, run, _blocks(run, read_rows(source), total, progress))
        if run.problem_count:
            raise InvalidInput(run.problems, total=run.problem_count)
        db.execute(update(Batch).where(Batch.id == batch_id).values(item_count=run.rows))
        intake.keep()
    progress(run.rows, run.rows)
    return ImportReport(run.rows, len(intake.by_sha256), time.monotonic() - started)


def _empty_draft(db: Session, batch_id: BatchId) -> MediaType:
    """The media type of the Batch, which is locked: two imports into one Batch come one after the other."""
    found = db.execute(
        select(Batch.status, Batch.media_type).where(Batch.id == batch_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound("Batch", batch_id)
    if found.status != BatchStatus.DRAFT:
        raise Conflict(f"Batch {batch_id} is {found.status}; Items are imported into a draft: create a new Batch")
    if db.scalar(select(exists().where(Item.batch_id == batch_id))):
        raise Conflict(f"Batch {batch_id} already has its Items; create a new Batch for another file")
    return MediaType(found.media_type)


def _blocks(
    run: _Import, rows: Iterator[SourceRow | Problem], total: int | None, progress: Progress
) -> Iterator[list[_Record]]:
    """The checked rows, 1,000 at a time; empty blocks once a fault was found, since nothing will be kept."""
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        records = [record for row in chunk if (record := _record(run, row)) is not None]
        progress(run.rows, None if total is None else max(total, run.rows))
        yield [] if run.problem_count else records


def _bring_in(db: Session, run: _Import, blocks: Iterator[list[_Record]]) -> None:
    """Write the blocks by as few COPYs as can be: while one is open, PostgreSQL writes and we check the next block."""
    block = next(blocks, None)

    def until_new_media() -> Iterator[_Record]:
        nonlocal block
        while block is not None:
            yield from block
            block = next(blocks, None)
            if run.new_media:
                return

    while block is not None:
        # The media first: Items refer to them, and COPY leaves no room for other statements on its connection.
        media_files.record(db, run.new_media)
        run.new_media.clear()
        copy_rows(db, f"items ({_COLUMNS})", until_new_media())


def _record(run: _Import, source: SourceRow | Problem) -> _Record | None:
    """The row as COPY takes it; None where it has faults, which are noted."""
    run.rows += 1
    if isinstance(source, Problem):
        run.fault(source)
        return None
    row, problems = check_row(source, media_type=run.media_type, https_only=run.https_only)
    size = _page_bytes(run.budget, row)
    problems += _faults_in_context(run, row, size)
    token = None
    if row.medium is Medium.PATH and row.medium_value:
        try:
            token = _token(run, row.medium_value)
        except Unusable as fault:
            problems.append(Problem(f"{row.medium_value[:200]!r} {fault}", line=row.line, field="path"))
    if problems:
        run.fault(*problems)
        return None
    return (
        run.batch_id,
        row.line,
        row.external_id,
        row.role,
        run.media_type,
        row.medium_value if row.medium is Medium.URL else None,
        row.medium_value if row.medium is Medium.TEXT else None,
        token,
        row.given_label,
        row.guessed_label,
        size,
        row.extra,
    )


def _faults_in_context(run: _Import, row: ItemRow, size: int) -> list[Problem]:
    problems = []
    first = run.first_line.setdefault(row.external_id, row.line) if row.external_id else row.line
    if first != row.line:
        shown = row.external_id[:100]
        message = f"{shown!r} is the id of line {first} already; ids must differ"
        problems.append(Problem(message, line=row.line, field="id"))
    if not run.budget.fits(size):
        what = "the text" if row.medium is Medium.TEXT else "the example"
        message = (
            f"{what} and its labels take {size:,} bytes of the page and a HIT has room for"
            f" {run.budget.capacity_bytes:,}; shorten them"
        )
        problems.append(Problem(message, line=row.line, field=row.medium))
    return problems


def _token(run: _Import, name: str) -> str:
    media, is_new = run.intake.take(name)
    if is_new:
        run.new_media.append(media)
    return media.token


def _page_bytes(budget: PageBudget, row: ItemRow) -> int:
    is_text = row.medium is Medium.TEXT
    url = row.medium_value if row.medium is Medium.URL else _LOCAL_URL
    return budget.item_bytes(
        text=row.medium_value if is_text else None,
        url=None if is_text else url,
        label_a=row.given_label,
        label_b=row.guessed_label,
    )
