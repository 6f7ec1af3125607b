"""Archive: a Batch that is over as one ZIP file with everything that we know of it, streamed in flat memory.

`restoring.py` reads it back. The format is described in docs/archive.md.
"""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from app import __version__
from app.db import archive_rows, audit, media_files
from app.db.archive_files import Writer
from app.db.tables import Batch
from app.domain import archive_format
from app.domain.archive_format import Manifest
from app.domain.vocabulary import BatchId, BatchStatus
from app.errors import Conflict, NotFound

ENDED = (BatchStatus.DONE, BatchStatus.STOPPED)

_README = """Batch {number}, {name}: an archive of Label Jury {version}.

One file per table, one JSON object a line, UTF-8. Amounts are in USD, times in UTC.
assignments.jsonl has each answer as it came, base64 of the bytes, under raw_answer_base64.
{workers}
{media}
manifest.json has the SHA-256 of every file. Check them and read the archive back:
  labeljury archive check FILE
  labeljury archive read FILE
"""


def archive(
    db: Session, batch_id: BatchId, *, by: str, worker_ids: bool = False, media_dir: Path | None = None
) -> Generator[bytes, None, None]:
    """The archive's bytes as they come. `db`: a transaction in which nothing was done yet; it must be committed afterwards.

    worker_ids: the Workers' ids on the marketplace beside their pseudonyms. media_dir: with the media files from there.
    Raises NotFound, and Conflict while the Batch is not over, or media files are missing, before the first byte.
    """
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    batch = _checked(db, batch_id)
    media = _media(db, batch_id, media_dir) if media_dir else []
    yield b""  # what speaks against it was raised by now
    writer = Writer()
    yield from writer.text(archive_format.README, _readme(batch, worker_ids=worker_ids, media=bool(media_dir)))
    yield from writer.text(archive_format.TEMPLATE, batch.template_source)
    for table in archive_format.TABLES:
        lines = archive_rows.lines_of(db, table, batch_id, worker_ids=worker_ids)
        columns = archive_rows.columns(table, worker_ids=worker_ids)
        yield from writer.table(archive_format.name_of(table), columns, lines)
    for sha256, path in media:
        yield from writer.medium(sha256, path)
    manifest = _manifest(batch, writer, worker_ids=worker_ids)
    yield from writer.close(manifest)
    audit.record(
        db,
        actor=by,
        action="batch.archived",
        batch_id=batch_id,
        profile=batch.profile,
        worker_ids=worker_ids,
        media=manifest.media,
    )


_OPEN = text("""
    SELECT (SELECT count(*) FROM hits WHERE batch_id = :id AND status IN ('planned', 'publishing', 'live')) AS hits,
           (SELECT count(*) FROM operations WHERE batch_id = :id AND status IN ('intended', 'acting')) AS calls
""")


def _checked(db: Session, batch_id: BatchId) -> Batch:
    """The Batch, once nothing of it can change by itself any more. Raises NotFound, Conflict."""
    batch = db.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Batch", batch_id)
    if batch.status not in ENDED:
        raise Conflict(
            f"Batch {batch_id} is {batch.status}: it can be archived once it is done or stopped; its exports can be had"
            " at any time"
        )
    row = db.execute(_OPEN, {"id": batch_id}).one()
    if row.hits or row.calls:
        raise Conflict(
            f"Batch {batch_id} is not quite over (HITs still open: {row.hits}, calls to be made: {row.calls}): a compensation,"
            " a bonus or a deletion is under way; archive it when that is done"
        )
    return batch


def _media(db: Session, batch_id: BatchId, media_dir: Path) -> list[tuple[str, Path]]:
    """The Batch's media files by hash. Raises Conflict where one is not there."""
    hashes = db.scalars(
        text("""
            SELECT DISTINCT m.sha256 FROM items AS i JOIN media_files AS m ON m.token = i.media_token
            WHERE i.batch_id = :id ORDER BY m.sha256
        """),
        {"id": batch_id},
    )
    found = [(sha256, media_files.path_of(media_dir, sha256)) for sha256 in hashes]
    if missing := [sha256 for sha256, path in found if not path.is_file()]:
        raise Conflict(
            f"{len(missing)} media files of Batch {batch_id} are missing (the first is {missing[0]});"
            " restore them from a backup, or archive without media"
        )
    return found


def _readme(batch: Batch, *, worker_ids: bool, media: bool) -> str:
    return _README.format(
        number=batch.id,
        name=batch.name,
        version=__version__,
        workers=(
            "It holds the Workers' ids on the marketplace: keep it to yourself."
            if worker_ids
            else "Workers appear by pseudonym only."
        ),
        media="media/ has the media files, named after their SHA-256." if media else "Media files are not part of it.",
    )


def _manifest(batch: Batch, writer: Writer, *, worker_ids: bool) -> Manifest:
    return Manifest(
        service_version=__version__,
        created_at=datetime.now(UTC),
        batch={
            "number": batch.id,
            "name": batch.name,
            "profile": batch.profile,
            "status": batch.status,
            "template_sha256": batch.template_sha256,
        },
        worker_ids=worker_ids,
        media=writer.media,
        media_bytes=writer.media_bytes,
        members=writer.members,
    )
