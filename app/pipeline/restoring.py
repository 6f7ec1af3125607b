"""Read an archive back: check it, or restore its Batch, ended and under a new number. All of it comes in, or nothing.

A restored Batch is for looking at and exporting. Nothing of it calls a marketplace by itself.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import archive_files, archive_rows, audit, media_files
from app.db.archive_files import Reader
from app.db.media_files import LARGEST_FILE_BYTES
from app.db.media_formats import AUDIO_TYPES, IMAGE_TYPES, content_type_of
from app.domain import archive_format
from app.domain.archive_format import DamagedArchive, Manifest, UnsafeArchive
from app.domain.item_values import Unusable
from app.domain.vocabulary import BatchId, MediaType
from app.errors import Conflict
from app.logs import get_logger

log = get_logger(__name__)

_SERVED = frozenset({*IMAGE_TYPES.values(), *AUDIO_TYPES.values()})


@dataclass(frozen=True, slots=True)
class Restored:
    """A Batch that was read back. media: files that were added."""

    batch_id: BatchId
    manifest: Manifest
    media: int


def check(path: Path) -> Manifest:
    """The archive's manifest, once every file of it was read and is as it was written. Raises UnreadableArchive."""
    with archive_files.opened(path) as reader:
        for table in archive_format.TABLES:
            for _ in reader.lines(table):
                pass
        for name in (archive_format.README, archive_format.TEMPLATE):
            reader.text(name)
        for sha256 in reader.media():
            reader.medium(sha256, largest=LARGEST_FILE_BYTES)
        return reader.manifest


def restore(db: Session, path: Path, *, by: str, media_dir: Path) -> Restored:
    """Restore the archive's Batch in the open transaction, and its media into `media_dir` at the very end of it.

    Raises UnreadableArchive; Conflict where the Batch, or a HIT of it, is in this database already.
    """
    with archive_files.opened(path) as reader, _waiting(media_dir) as waiting:
        for table in archive_format.TABLES:
            archive_rows.load(db, table, reader.lines(table))
        reader.text(archive_format.README)
        template = reader.text(archive_format.TEMPLATE)
        _refuse_what_is_here(db)
        batch_id = _insert(db, reader.manifest)
        _check_rows(db, batch_id, template)
        taken = _take_media(db, reader, waiting, media_dir)
        audit.record(
            db,
            actor=by,
            action="batch.restored",
            batch_id=batch_id,
            profile=str(reader.manifest.batch.get("profile", "")),
            number=int(reader.manifest.batch["number"]),
            archived_at=reader.manifest.created_at.isoformat(),
        )
        for sha256 in taken:
            _keep(waiting / sha256, media_files.path_of(media_dir, sha256))
    log.info("batch.restored", batch_id=batch_id, media=len(taken))
    return Restored(batch_id, reader.manifest, len(taken))


def _refuse_what_is_here(db: Session) -> None:
    """A HIT is on one marketplace once, and so in one Batch."""
    here = db.execute(
        text("""
            SELECT b.id FROM batches AS b WHERE b.token::text IN (SELECT row->>'token' FROM archived_batches)
            UNION SELECT h.batch_id FROM hits AS h JOIN archived_hits AS s
                ON h.marketplace_hit_id = s.row->>'marketplace_hit_id' OR h.annotation = s.row->>'annotation'
            ORDER BY 1 LIMIT 1
        """)
    ).scalar_one_or_none()
    if here is not None:
        raise Conflict(f"this Batch is in this database already: it is Batch {here}")


def _insert(db: Session, manifest: Manifest) -> BatchId:
    if len(db.execute(text("SELECT 1 FROM archived_batches LIMIT 2")).all()) != 1:
        raise DamagedArchive("batches.jsonl does not hold exactly one Batch")
    batch_id = BatchId(db.execute(text("SELECT nextval(pg_get_serial_sequence('batches', 'id'))")).scalar_one())
    for table in archive_format.TABLES:
        keys = manifest.member(table).columns
        if table == "batches":
            archive_rows.insert(db, table, keys, batch_id=None, fixed={"id": batch_id})
        elif table == "media_files":
            archive_rows.insert_media(db)
        elif table == "workers":
            archive_rows.insert_workers(db)
        else:
            if table in {"hit_groups", "items", "hits", "assignments", "operations"}:
                archive_rows.number(db, table)
            archive_rows.insert(db, table, keys, batch_id=batch_id)
    return batch_id


_FAULTS = text("""
    SELECT CASE
        WHEN b.status NOT IN ('done', 'stopped') THEN 'its Batch is not over'
        WHEN b.template_source <> :template THEN 'template.html is not the template of its Batch'
        WHEN EXISTS (SELECT 1 FROM operations WHERE batch_id = b.id AND status IN ('intended', 'acting'))
            THEN 'calls are to be made yet'
        WHEN EXISTS (SELECT 1 FROM hits WHERE batch_id = b.id AND status IN ('planned', 'publishing', 'live'))
            THEN 'HITs are open yet'
        WHEN EXISTS (SELECT 1 FROM items WHERE batch_id = b.id AND media_url !~* '^https?://')
            THEN 'an Item has a medium whose URL is no web address'
        WHEN EXISTS (SELECT 1 FROM archived_media_files WHERE NOT (row->>'content_type') = ANY(:served))
            THEN 'a media file is of a kind that is not served'
        END
    FROM batches AS b WHERE b.id = :id
""")


def _check_rows(db: Session, batch_id: BatchId, template: str) -> None:
    """What the rules of the tables do not say. Raises DamagedArchive."""
    values = {"id": batch_id, "template": template, "served": sorted(_SERVED)}
    if fault := db.execute(_FAULTS, values).scalar_one():
        raise DamagedArchive(str(fault))


# --- media ------------------------------------------------------------------------------------------------------------


@contextmanager
def _waiting(media_dir: Path) -> Iterator[Path]:
    """A folder inside the media's, so that keeping a file is a rename; gone afterwards."""
    waiting = media_dir / f".incoming-{secrets.token_hex(8)}"
    try:
        yield waiting
    finally:
        if waiting.exists():
            shutil.rmtree(waiting)


def _take_media(db: Session, reader: Reader, waiting: Path, media_dir: Path) -> list[str]:
    """Unpack the media that are not here yet, each checked to be what its row says. Returns their hashes."""
    rows: list[Any] = list(
        db.execute(
            text("""
                SELECT DISTINCT s.row->>'sha256' AS sha256, s.row->>'content_type' AS content_type,
                       b.row->>'media_type' AS media_type FROM archived_media_files AS s CROSS JOIN archived_batches AS b
            """)
        )
    )
    known = {row.sha256: row for row in rows}
    taken = []
    for sha256 in reader.media():
        if sha256 not in known:
            raise UnsafeArchive(f"it holds media/{sha256}, of which no Item knows")
        content = reader.medium(sha256, largest=LARGEST_FILE_BYTES)
        _check_content(content, known[sha256])
        if not media_files.path_of(media_dir, sha256).is_file():
            waiting.mkdir(parents=True, exist_ok=True)
            (waiting / sha256).write_bytes(content)
            taken.append(sha256)
    return taken


def _check_content(content: bytes, row: Any) -> None:
    try:
        kind = content_type_of(content, MediaType(row.media_type))
    except Unusable as error:
        raise DamagedArchive(f"media/{row.sha256} {error}") from error
    if kind != row.content_type:
        raise DamagedArchive(f"media/{row.sha256} is {kind} and not {row.content_type}")


def _keep(waiting: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(waiting, place)
