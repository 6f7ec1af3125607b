"""Batches: create from a file, look at, launch, steer."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.access.dependencies import ConnectOf, DatabaseOf, Db, SettingsOf
from app.api.dependencies import BatchNumber, CanSpend, CanView, SpendersFirst
from app.api.error_handlers import documented
from app.db import uploads
from app.db.tables import Batch
from app.domain.pricing import Cost
from app.domain.vocabulary import BatchId, BatchStatus, MediaType
from app.pipeline import batches, item_import, report
from app.pipeline.batches import NewBatch
from app.pipeline.report import BatchSummary, FailedOperation, Progress
from app.questions import catalogue
from app.settings import MarketplaceProfile, Settings

router = APIRouter(prefix="/batches", tags=["Batches"], route_class=SpendersFirst)

Usd = Annotated[Decimal, Field(max_digits=14, examples=["0.05"])]
_MOST_SECONDS = 2**31 - 1
Seconds = Annotated[int, Field(ge=0, le=_MOST_SECONDS)]


class NewBatchForm(BaseModel):
    """A new Batch: an item file and what you decide about it."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(
        description="The item file (.csv, .tsv, .jsonl, .parquet), or a .zip of one item file and the media it names."
    )
    name: str = Field(description="How you tell Batches apart.", examples=["CIFAR-10, second look"])
    template: str = Field(description="The HIT template; see `GET /templates`.", examples=["image"])
    reward_usd: Usd = Field(description="What a Worker gets for one HIT, in USD.")
    assignments_per_item: int = Field(default=5, description="How many Workers answer each Item.")
    items_per_hit: int = Field(default=1, description="How many Items one HIT shows.")
    quorum: int = Field(default=3, description="How many equal Responses decide an Item.")
    cap_usd: Usd | None = Field(default=None, description="The most this Batch may cost. Absent: exactly its forecast.")
    title: str | None = Field(default=None, description="What Workers see in the list of work. Absent: the template's.")
    description: str | None = Field(default=None, description="What Workers read there. Absent: the template's.")
    instructions: str | None = Field(default=None, description="What stands above the Items. Absent: the template's.")
    assignment_duration_s: Seconds = Field(default=1800, description="Seconds a Worker has for one HIT.")
    lifetime_s: Seconds = Field(default=batches.DEFAULT_LIFETIME_S, description="Seconds a HIT is offered.")
    auto_approval_delay_s: Seconds = Field(
        default=batches.DEFAULT_AUTO_APPROVAL_S, description="Seconds after which the marketplace approves by itself."
    )
    seed: int | None = Field(default=None, ge=0, lt=2**62, description="For repeatable draws. Absent: random.")
    profile: MarketplaceProfile | None = Field(default=None, description="Absent: LABELJURY_MARKETPLACE_PROFILE.")

    def to_new_batch(self, settings: Settings) -> NewBatch:
        """What the pipeline takes. Raises NotFound for an unknown template."""
        decided = self.model_dump(exclude={"file", "template", "profile"})
        profile = self.profile or settings.marketplace_profile
        return NewBatch(template=catalogue.load(self.template), profile=profile, **decided)


class BatchOut(BaseModel):
    """A Batch as it was decided."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    status: BatchStatus
    profile: MarketplaceProfile
    media_type: MediaType
    template_name: str
    title: str
    reward_usd: Usd
    assignments_per_item: int
    items_per_hit: int
    quorum: int
    cap_usd: Usd | None
    seed: int
    item_count: int
    attention: str | None = Field(description="What a person should know or do.")
    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None


class CostOut(BaseModel):
    """What the Batch costs if every Assignment is done and approved, in USD."""

    model_config = ConfigDict(from_attributes=True)

    hits: int
    assignments: int
    reward_usd: Usd
    fee_usd: Usd
    total_usd: Usd


class BatchStatusOut(BaseModel):
    """A Batch, how far it is, and what it costs."""

    batch: BatchOut
    progress: Progress
    forecast: CostOut
    failed_operations: list[FailedOperation]


class BatchListOut(BaseModel):
    """All Batches, newest first."""

    batches: list[BatchSummary]


class LaunchIn(BaseModel):
    """The confirmation of the cost."""

    model_config = ConfigDict(extra="forbid")

    confirmed_usd: Usd | None = Field(default=None, description="The exact cost. Needed for profile `production`.")


class CapIn(BaseModel):
    """A new cap."""

    model_config = ConfigDict(extra="forbid")

    cap_usd: Usd = Field(description="The most this Batch may cost, in USD.", examples=["25.00"])


@router.post("", status_code=201, summary="Create a Batch from a file", responses=documented(404, 413))
def create_batch(
    form: Annotated[NewBatchForm, Form(media_type="multipart/form-data")],
    db: Db,
    caller: CanSpend,
    settings: SettingsOf,
) -> BatchStatusOut:
    """Read the file into a draft: nothing is spent yet. Either every row comes in or none, with all faults listed."""
    new = form.to_new_batch(settings)
    with uploads.opened(form.file.file, form.file.filename or "") as upload:
        batch = batches.create(
            db, new, by=caller.email, account_id=caller.account_id, spending_limit_usd=settings.spending_limit_usd
        )
        item_import.import_items(
            db,
            BatchId(batch.id),
            upload.items,
            media_root=upload.media_root,
            media_dir=settings.media_path,
            budget=batches.page_budget(batch),
            https_only=new.profile.is_public,
        )
    return _status(db, batch.id)


@router.get("", summary="List Batches", responses=documented())
def list_batches(db: Db, caller: CanView) -> BatchListOut:
    """Every Batch with its progress in short."""
    return BatchListOut(batches=report.overview(db))


@router.get("/{batch_id}", summary="Look at a Batch", responses=documented(404))
def get_batch(batch_id: BatchNumber, db: Db, caller: CanView) -> BatchStatusOut:
    """The Batch's settings, progress, money and marketplace calls that failed."""
    return _status(db, batch_id)


@router.post("/{batch_id}/launch", status_code=202, summary="Launch", responses=documented(402, 404, 409, 502, 503))
def launch_batch(
    batch_id: BatchNumber,
    *,
    database: DatabaseOf,
    connect: ConnectOf,
    caller: CanSpend,
    settings: SettingsOf,
    body: LaunchIn | None = None,
) -> BatchOut:
    """Publish the draft's HITs: from here on money is reserved. Profile `production` needs the cost confirmed."""
    confirmed_usd = body.confirmed_usd if body else None
    batch = batches.launch(
        database, connect, BatchId(batch_id), by=caller.email, settings=settings, confirmed_usd=confirmed_usd
    )
    return BatchOut.model_validate(batch)


@router.post("/{batch_id}/pause", summary="Pause", responses=documented(404, 409))
def pause_batch(batch_id: BatchNumber, db: Db, caller: CanSpend) -> BatchOut:
    """Publish nothing more; what is live is still collected, reviewed and paid."""
    return BatchOut.model_validate(batches.pause(db, BatchId(batch_id), by=caller.email))


@router.post("/{batch_id}/resume", summary="Resume", responses=documented(404, 409))
def resume_batch(batch_id: BatchNumber, db: Db, caller: CanSpend) -> BatchOut:
    """Go on publishing; marketplace calls that failed are tried again."""
    return BatchOut.model_validate(batches.resume(db, BatchId(batch_id), by=caller.email))


@router.post("/{batch_id}/stop", summary="Stop", responses=documented(404, 409))
def stop_batch(batch_id: BatchNumber, db: Db, caller: CanSpend) -> BatchOut:
    """Expire what is live, for good; work under way is still collected and paid."""
    return BatchOut.model_validate(batches.stop(db, BatchId(batch_id), by=caller.email))


@router.put("/{batch_id}/cap", summary="Change the cap", responses=documented(404))
def set_cap(batch_id: BatchNumber, body: CapIn, db: Db, caller: CanSpend, settings: SettingsOf) -> BatchOut:
    """Raise or lower the most this Batch may cost; never below what is reserved or spent."""
    limit = settings.spending_limit_usd
    batch = batches.set_cap(db, BatchId(batch_id), body.cap_usd, by=caller.email, spending_limit_usd=limit)
    return BatchOut.model_validate(batch)


def _status(db: Session, batch_id: int) -> BatchStatusOut:
    number = BatchId(batch_id)
    batch: Batch = batches.get(db, number)
    cost: Cost = batches.forecast(db, number)
    return BatchStatusOut(
        batch=BatchOut.model_validate(batch),
        progress=report.progress(db, number),
        forecast=CostOut.model_validate(cost),
        failed_operations=report.failed_operations(db, number),
    )
