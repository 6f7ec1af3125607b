"""Batches: create from a file, look at, launch, steer."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.access.dependencies import ConnectOf, DatabaseOf, Db, SettingsOf
from app.api.dependencies import BatchNumber, CanSpend, CanView, SpendersFirst
from app.api.error_handlers import documented
from app.db import uploads
from app.db.tables import Batch
from app.domain.batch_settings import DEFAULT_REPOST_LIMIT
from app.domain.pricing import Cost
from app.domain.review_policy import ReviewPolicy, ReviewRule
from app.domain.vocabulary import BatchId, BatchStatus, MediaType, PauseReason
from app.pipeline import batches, continuing, forecasts, item_import, report, wages
from app.pipeline.batches import NewBatch
from app.pipeline.forecasts import Basis, Forecast
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
    reward_usd: Usd | None = Field(
        default=None, description="What a Worker gets for one HIT, in USD. Absent: proposed from `hourly_usd`."
    )
    hourly_usd: Usd | None = Field(
        default=None, description="What an hour of work should earn; see `GET /reward-proposal`.", examples=["15.00"]
    )
    top_up: bool = Field(default=False, description="At the end, pay who got less than `hourly_usd` the difference.")
    assignments_per_item: int = Field(default=5, description="How many Workers answer each Item.")
    items_per_hit: int = Field(default=1, description="How many Items one HIT shows.")
    first_assignments: int | None = Field(
        default=None,
        description="How many of them are asked at once; more only while the outcome is open. Absent: all at once.",
        examples=[3],
    )
    quorum: int = Field(default=3, description="How many equal Responses decide an Item.")
    repost_limit: int = Field(
        default=DEFAULT_REPOST_LIMIT,
        description="How often a HIT that came back unfilled, or lost an answer, is offered again.",
    )
    pilot_items: int | None = Field(
        default=None,
        description="This many Items first, drawn by the seed; the rest when released. Absent: all at once.",
    )
    release_agreement: float | None = Field(
        default=None,
        description="Release the rest by itself when the pilot's mean agreement reaches this share, 0 to 1.",
    )
    masters: bool = Field(
        default=False, description="Ask for Masters alone; the marketplace's fee is 5 % of the reward higher."
    )
    excluded_batches: list[int] = Field(
        default_factory=list, description="Batches whose Workers are kept out, without an e-mail to them."
    )
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
    review: str = Field(
        default="approve_all",
        description="Whose work is paid: `approve_all`, `hold` (a person decides), `gold:0.8` (share of right answers on gold"
        " Items) or `agreement:0.7` (with most of the others); more: `gold:0.8,after=5,reject_below=0.3`.",
        examples=["gold:0.8"],
    )
    profile: MarketplaceProfile | None = Field(default=None, description="Absent: LABELJURY_MARKETPLACE_PROFILE.")

    def to_new_batch(self, db: Session, settings: Settings) -> NewBatch:
        """What the pipeline takes. Raises NotFound for an unknown template."""
        decided = self.model_dump(exclude={"file", "template", "profile", "review", "excluded_batches", "reward_usd"})
        excluded = tuple(self.excluded_batches)
        profile = self.profile or settings.marketplace_profile
        review = ReviewRule.parse(self.review)
        template = catalogue.load(self.template)
        reward_usd = wages.reward_for(
            db,
            template,
            profile=profile,
            items_per_hit=self.items_per_hit,
            reward_usd=self.reward_usd,
            hourly_usd=self.hourly_usd,
        )
        return NewBatch(
            template=template,
            profile=profile,
            review=review,
            excluded_batches=excluded,
            reward_usd=reward_usd,
            **decided,
        )


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
    hourly_usd: Usd | None = Field(description="What an hour of work should earn.")
    top_up: bool = Field(description="Whether the difference is paid as bonuses when the Batch ends.")
    assignments_per_item: int
    first_assignments: int = Field(description="Asked for at once; more only while the outcome is open.")
    items_per_hit: int
    quorum: int
    repost_limit: int
    pilot_items: int | None
    release_agreement: float | None
    released_at: datetime | None
    masters: bool = Field(description="Whether Masters alone may take part, for a higher fee.")
    excluded_batches: list[int]
    cap_usd: Usd | None
    seed: int
    item_count: int
    review_policy: ReviewPolicy
    review_settings: dict[str, float] = Field(description="The policy's thresholds, where it judges.")
    pause_reason: PauseReason | None = Field(description="Why it is paused, and so who continues it.")
    attention: str | None = Field(description="What a person should know or do.")
    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None


class CostOut(BaseModel):
    """What the Batch costs at most: if every answer that it may ask for is given and approved, in USD."""

    model_config = ConfigDict(from_attributes=True)

    hits: int
    assignments: int
    reward_usd: Usd
    fee_usd: Usd
    total_usd: Usd


class BatchForecastOut(BaseModel):
    """What the Batch will take in the end: `expected`, and between `low` and `high` in nine of ten cases.

    Answers that are lost and asked for again come on top. `basis`: settings (the number is fixed), study (supposed from the
    study's published votes), batch (from its own answers), done.
    """

    basis: Basis
    assignments_low: int
    assignments_expected: int
    assignments_high: int
    low_usd: Usd
    expected_usd: Usd
    high_usd: Usd

    @classmethod
    def of(cls, found: Forecast) -> Self:
        """As the pipeline has it."""
        return cls(
            basis=found.basis,
            assignments_low=found.assignments.low,
            assignments_expected=found.assignments.expected,
            assignments_high=found.assignments.high,
            low_usd=found.low_usd,
            expected_usd=found.expected_usd,
            high_usd=found.high_usd,
        )


class BatchStatusOut(BaseModel):
    """A Batch, how far it is, and what it costs."""

    batch: BatchOut
    progress: Progress
    forecast: CostOut
    expected: BatchForecastOut
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
    confirmed_usd: Usd | None = Field(
        default=None,
        description="The same amount. Needed to raise the cap of a launched Batch of profile `production`.",
    )


@router.post("", status_code=201, summary="Create a Batch from a file", responses=documented(404, 413))
def create_batch(
    form: Annotated[NewBatchForm, Form(media_type="multipart/form-data")],
    db: Db,
    caller: CanSpend,
    settings: SettingsOf,
) -> BatchStatusOut:
    """Read the file into a draft: nothing is spent yet. Either every row comes in or none, with all faults listed."""
    new = form.to_new_batch(db, settings)
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
        batches.check_items(db, BatchId(batch.id))
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


@router.post("/{batch_id}/release", summary="Release the rest after the pilot", responses=documented(404, 409))
def release_batch(batch_id: BatchNumber, db: Db, caller: CanSpend) -> BatchOut:
    """Publish the Items beyond the pilot, whether it is answered already or not."""
    return BatchOut.model_validate(continuing.release(db, BatchId(batch_id), by=caller.email))


@router.post("/{batch_id}/repost", summary="Ask once more", responses=documented(404, 409))
def repost_batch(batch_id: BatchNumber, db: Db, caller: CanSpend) -> BatchOut:
    """Ask once more for Items that ended with fewer answers; a finished Batch is live again."""
    return BatchOut.model_validate(continuing.repost(db, BatchId(batch_id), by=caller.email))


@router.put("/{batch_id}/cap", summary="Change the cap", responses=documented(404, 409))
def set_cap(batch_id: BatchNumber, body: CapIn, db: Db, caller: CanSpend, settings: SettingsOf) -> BatchOut:
    """Raise or lower the most this Batch may cost; never below what is reserved or spent."""
    limit = settings.spending_limit_usd
    batch = batches.set_cap(
        db,
        BatchId(batch_id),
        body.cap_usd,
        by=caller.email,
        spending_limit_usd=limit,
        confirmed_usd=body.confirmed_usd,
    )
    return BatchOut.model_validate(batch)


def _status(db: Session, batch_id: int) -> BatchStatusOut:
    number = BatchId(batch_id)
    batch: Batch = batches.get(db, number)
    cost: Cost = batches.forecast(db, number)
    return BatchStatusOut(
        batch=BatchOut.model_validate(batch),
        progress=report.progress(db, number),
        forecast=CostOut.model_validate(cost),
        expected=BatchForecastOut.of(forecasts.forecast_of(db, number, hits=cost.hits)),
        failed_operations=report.failed_operations(db, number),
    )
