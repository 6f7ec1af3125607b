"""Ending a Batch well: what it waits for, giving up, its archive, deleting its HITs from the marketplace."""

from collections.abc import Generator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import DatabaseOf, Db, SettingsOf
from app.access.permissions import Permission, require
from app.api.dependencies import BatchNumber, CanExport, CanSpend, CanView, SpendersFirst
from app.api.downloads import FileDownload
from app.api.error_handlers import documented
from app.db.engine import Database
from app.domain.vocabulary import BatchId, BatchStatus
from app.pipeline import archive, deletion, ending, giving_up
from app.pipeline.export import WITH_WORKER_IDS

router = APIRouter(prefix="/batches/{batch_id}", tags=["Ending"], route_class=SpendersFirst)

_ZIP: dict[int | str, dict[str, object]] = {200: {"content": {"application/zip": {}}, "description": "A ZIP file."}}


class OpenCallOut(BaseModel):
    """Calls of one kind that are still to be made, or were refused."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    waiting: int
    failed: int
    error: str | None


class WaitingOut(BaseModel):
    """What a Batch waits for before it is over."""

    model_config = ConfigDict(from_attributes=True)

    status: BatchStatus
    perhaps_published: int = Field(description="HITs whose call may have happened.")
    still_offered: int = Field(description="HITs not taken back yet.")
    working: int = Field(description="Workers at work.")
    working_until: datetime | None = Field(description="When the last of them must have handed in.")
    to_collect: int
    undecided: int
    held: int = Field(description="Of the undecided: for a person to decide.")
    auto_approval_at: datetime | None = Field(description="When the marketplace approves the first of these by itself.")
    unread: int
    calls: list[OpenCallOut]
    unspent_usd: Decimal = Field(description="Reserved and not paid; 0.00 when the Batch is over.")
    sentences: list[str] = Field(description="The same for people.")


class GivenUpOut(BaseModel):
    """What was written off."""

    model_config = ConfigDict(from_attributes=True)

    perhaps_published: int
    live_hits: int
    assumed_paid: int
    bonuses_assumed_paid: int
    calls: int


class DeletionOut(BaseModel):
    """How far the Batch's HITs are deleted from the marketplace."""

    model_config = ConfigDict(from_attributes=True)

    deleted: int
    remaining: int
    waiting: int
    failed: int
    final_rejections: int = Field(description="Rejections that can be overturned only until their HIT is deleted.")
    not_exported: bool = Field(description="Nothing was exported since the Batch ended.")
    obstacle: str | None = Field(description="Why nothing can be deleted now.")


class DeletionIn(BaseModel):
    """What to do although something speaks against it."""

    model_config = ConfigDict(extra="forbid")

    anyway: bool = Field(default=False, description="Though nothing was exported since the Batch ended.")


@router.get("/ending", summary="See what a Batch waits for", responses=documented(404))
def show_ending(batch_id: BatchNumber, db: Db, caller: CanView) -> WaitingOut:
    """Until a stopped Batch is over: Workers at work, work to decide, calls that do not succeed."""
    return WaitingOut.model_validate(ending.waiting(db, BatchId(batch_id)))


@router.post("/give-up", summary="Give up waiting", responses=documented(404, 409))
def give_up(batch_id: BatchNumber, db: Db, caller: CanSpend) -> GivenUpOut:
    """End a stopped Batch whose marketplace is gone: what may have been paid is booked as paid; nothing is called."""
    return GivenUpOut.model_validate(giving_up.give_up(db, BatchId(batch_id), by=caller.email))


@router.get("/deletion", summary="See how far HITs are deleted", responses=documented(404))
def show_deletion(batch_id: BatchNumber, db: Db, caller: CanView) -> DeletionOut:
    """And what stands against deleting them."""
    return DeletionOut.model_validate(deletion.state(db, BatchId(batch_id)))


@router.post("/delete-hits", status_code=202, summary="Delete HITs", responses=documented(404, 409))
def delete_hits(batch_id: BatchNumber, db: Db, caller: CanSpend, body: DeletionIn | None = None) -> DeletionOut:
    """Delete the HITs of a Batch that is over from the marketplace, for good; what is here stays."""
    deletion.delete_hits(db, BatchId(batch_id), by=caller.email, anyway=body.anyway if body else False)
    return DeletionOut.model_validate(deletion.state(db, BatchId(batch_id)))


@router.get(
    "/archive.zip",
    summary="Download the whole Batch",
    response_class=StreamingResponse,
    responses=_ZIP | documented(404, 409),
)
def download_archive(
    batch_id: BatchNumber,
    database: DatabaseOf,
    settings: SettingsOf,
    caller: CanExport,
    *,
    media: Annotated[bool, Query(description="With the media files that were imported.")] = False,
    worker_ids: Annotated[
        bool, Query(description="The Workers' marketplace ids beside their pseudonyms; owners only.")
    ] = False,
) -> FileDownload:
    """One ZIP file of a Batch that is over, with all raw answers; `labeljury archive read` reads it back."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    media_dir = settings.media_path if media else None
    chunks = _chunks(database, BatchId(batch_id), by=caller.email, worker_ids=worker_ids, media_dir=media_dir)
    next(chunks)  # raises what speaks against it while there is still an answer to say so
    return FileDownload(chunks, name=f"batch-{batch_id}{WITH_WORKER_IDS if worker_ids else ''}.zip")


def _chunks(
    database: Database, batch_id: BatchId, *, by: str, worker_ids: bool, media_dir: Path | None
) -> Generator[bytes, None, None]:
    with database.transaction() as db:
        yield from archive.archive(db, batch_id, by=by, worker_ids=worker_ids, media_dir=media_dir)
