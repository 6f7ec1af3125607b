"""Paying beside the reward: bonuses, top-ups, compensations; and the ledger."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import LARGEST_ID, DatabaseOf, Db, SettingsOf
from app.access.permissions import Permission, require
from app.api.batches import Usd
from app.api.dependencies import BatchNumber, CanExport, CanSpend, CanView, SpendersFirst
from app.api.downloads import CSV, download
from app.api.error_handlers import documented
from app.api.sheets import FaultsOut, content_of
from app.db import bonus_plans
from app.db.bonus_plans import BonusPlan
from app.domain.pricing import Price
from app.domain.vocabulary import BatchId, OperationId, OperationStatus, PaymentKind, PaymentStatus
from app.pipeline import batches, bonuses, compensation, payments, topups
from app.pipeline.export import WITH_WORKER_IDS
from app.secrets import installation_secret

router = APIRouter(prefix="/batches/{batch_id}", tags=["Payments"], route_class=SpendersFirst)

BonusNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Our own number of the bonus.")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Those older than this number.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class BonusPlanOut(BaseModel):
    """What a request for bonuses comes to."""

    bonuses: int = Field(description="Still to be paid: not asked for before.")
    known: int = Field(description="Asked for before; they are not paid again.")
    reward_usd: Usd
    fee_usd: Usd
    total_usd: Usd
    faults: FaultsOut

    @classmethod
    def of(cls, plan: BonusPlan) -> "BonusPlanOut":
        """The plan in short."""
        price = plan.price
        return cls(
            bonuses=len(plan.new),
            known=plan.known,
            reward_usd=price.reward_usd,
            fee_usd=price.fee_usd,
            total_usd=price.total_usd,
            faults=FaultsOut.of(plan.faults),
        )


class BonusIn(BaseModel):
    """One bonus."""

    model_config = ConfigDict(extra="forbid")

    assignment_id: str = Field(description="The marketplace's AssignmentId.")
    amount_usd: Usd
    reason: str = Field(description="What the Worker reads.")
    confirmed_usd: Usd | None = Field(default=None, description="The exact cost. Needed for profile `production`.")


class BonusSheetForm(BaseModel):
    """A CSV of bonuses."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="CSV with AssignmentId, BonusAmount, Reason and perhaps WorkerId.")
    dry_run: bool = Field(default=False, description="Check it and say what it costs; pay nothing.")
    skip_faulty: bool = Field(default=False, description="Go on without faulty rows; else one fault refuses all.")
    confirmed_usd: Usd | None = Field(default=None, description="The exact cost. Needed for profile `production`.")


class BonusOut(BaseModel):
    """A bonus and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    assignment_id: str
    worker: str = Field(description="The Worker's pseudonym.")
    amount_usd: Usd
    fee_usd: Usd
    reason: str
    status: OperationStatus
    error: str | None
    asked_at: datetime
    paid_at: datetime | None


class BonusListOut(BaseModel):
    """Newest first."""

    bonuses: list[BonusOut]


@router.get("/bonuses", summary="List bonuses", responses=documented(404))
def list_bonuses(
    batch_id: BatchNumber, db: Db, caller: CanView, *, failed: bool = False, before: Before = None, limit: Limit = 100
) -> BonusListOut:
    """The Batch's bonuses, newest first."""
    batches.get(db, BatchId(batch_id))
    lines = payments.bonuses(db, BatchId(batch_id), failed=failed, before=before, limit=limit)
    return BonusListOut(bonuses=[BonusOut.model_validate(line) for line in lines])


@router.post("/bonuses", status_code=202, summary="Pay one bonus", responses=documented(404, 409))
def pay_one(batch_id: BatchNumber, body: BonusIn, db: Db, caller: CanSpend, settings: SettingsOf) -> BonusPlanOut:
    """Paid once, however often it is asked for: a bonus is its Assignment, amount and reason."""
    plan = bonus_plans.plan_one(
        db, BatchId(batch_id), assignment_id=body.assignment_id, amount=str(body.amount_usd), reason=body.reason
    )
    bonuses.pay(db, BatchId(batch_id), plan, by=caller.email, settings=settings, confirmed_usd=body.confirmed_usd)
    return BonusPlanOut.of(plan)


@router.post("/bonuses/sheet", status_code=202, summary="Pay the bonuses of a CSV", responses=documented(404, 409, 413))
def pay_sheet(
    batch_id: BatchNumber,
    form: Annotated[BonusSheetForm, Form(media_type="multipart/form-data")],
    db: Db,
    caller: CanSpend,
    settings: SettingsOf,
) -> BonusPlanOut:
    """All or, with any faulty row, none; the faults are listed by line. Sent again, nothing is paid twice."""
    plan = bonus_plans.plan_sheet(db, BatchId(batch_id), content_of(form.file))
    if not form.dry_run:
        bonuses.pay(
            db,
            BatchId(batch_id),
            plan,
            by=caller.email,
            settings=settings,
            confirmed_usd=form.confirmed_usd,
            skip_faulty=form.skip_faulty,
        )
    return BonusPlanOut.of(plan)


@router.post("/bonuses/{bonus_id}/cancel", status_code=204, summary="Cancel a bonus", responses=documented(404, 409))
def cancel_bonus(batch_id: BatchNumber, bonus_id: BonusNumber, db: Db, caller: CanSpend) -> None:
    """Give up a bonus that was refused or not tried; its money is free again."""
    bonuses.cancel(db, BatchId(batch_id), OperationId(bonus_id), by=caller.email)


@router.post("/bonuses/{bonus_id}/retry", status_code=202, summary="Retry a bonus", responses=documented(404, 409))
def retry_bonus(batch_id: BatchNumber, bonus_id: BonusNumber, db: Db, caller: CanSpend) -> None:
    """Try a refused bonus again."""
    bonuses.retry(db, BatchId(batch_id), OperationId(bonus_id), by=caller.email)


# --- top-ups and compensations ---------------------------------------------------------------------------------------


class TopUpIn(BaseModel):
    """The confirmation of the cost."""

    model_config = ConfigDict(extra="forbid")

    confirmed_usd: Usd | None = Field(default=None, description="The exact cost. Needed for profile `production`.")


class TopUpOut(BaseModel):
    """What Workers are short of at the hourly wage, or what was asked for."""

    workers: int
    reward_usd: Usd
    fee_usd: Usd
    left_out_workers: int = Field(default=0, description="For whom the cap leaves no room.")
    left_out_usd: Usd = Field(default=Decimal(0), description="With fees.")

    @classmethod
    def of(cls, workers: int, price: Price) -> "TopUpOut":
        """Before anything is paid."""
        return cls(workers=workers, reward_usd=price.reward_usd, fee_usd=price.fee_usd)


@router.get("/top-ups", summary="What is missing to the hourly wage", responses=documented(404, 409))
def missing(batch_id: BatchNumber, db: Db, caller: CanView) -> TopUpOut:
    """By measured time; nothing is paid."""
    found = topups.missing(db, BatchId(batch_id))
    return TopUpOut.of(len(found.wanted), found.price)


@router.post("/top-ups", status_code=202, summary="Top up to the hourly wage", responses=documented(404, 409))
def top_up(
    batch_id: BatchNumber, db: Db, caller: CanSpend, settings: SettingsOf, body: TopUpIn | None = None
) -> TopUpOut:
    """One bonus a Worker, as far as the cap goes, the smallest differences first."""
    batch, price = batches.get(db, BatchId(batch_id)), topups.missing(db, BatchId(batch_id)).price
    bonuses.check_payable(batch, price, settings=settings)
    bonuses.check_confirmed(batch, price, body.confirmed_usd if body else None)
    now = datetime.now(UTC)
    done = topups.top_up(db, BatchId(batch_id), by=caller.email, now=now, confirmed_usd=price.total_usd)
    out = TopUpOut.of(done.workers, done.paid)
    return out.model_copy(update={"left_out_workers": done.left_out_workers, "left_out_usd": done.left_out.total_usd})


class CompensationIn(BaseModel):
    """Pay for work that could not be handed in."""

    model_config = ConfigDict(extra="forbid")

    worker: str = Field(description="Pseudonym (`W-…`) or the marketplace's WorkerId.")
    amount_usd: Usd
    reason: str = Field(description="What the Worker reads on the page.")
    confirmed_usd: Usd | None = Field(default=None, description="The exact cost. Needed for profile `production`.")


class CompensationOut(BaseModel):
    """An offer and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    worker: str
    amount_usd: Usd
    reason: str
    state: str = Field(description="planned, offered, accepted, paid, withdrawn or not taken.")
    error: str | None
    offered_at: datetime


class CompensationListOut(BaseModel):
    """Newest first."""

    compensations: list[CompensationOut]


@router.get("/compensations", summary="List compensations", responses=documented(404))
def list_compensations(batch_id: BatchNumber, db: Db, caller: CanView) -> CompensationListOut:
    """The Batch's compensations, newest first."""
    batches.get(db, BatchId(batch_id))
    found = compensation.offered(db, BatchId(batch_id))
    return CompensationListOut(compensations=[CompensationOut.model_validate(one) for one in found])


@router.post("/compensations", status_code=202, summary="Compensate a Worker", responses=documented(404, 409))
def compensate(
    batch_id: BatchNumber, body: CompensationIn, db: Db, caller: CanSpend, settings: SettingsOf
) -> CompensationListOut:
    """A HIT that only this Worker sees: one button, approved and paid at once."""
    compensation.offer(
        db,
        BatchId(batch_id),
        worker=body.worker,
        amount=str(body.amount_usd),
        reason=body.reason,
        by=caller.email,
        secret=installation_secret(settings),
        settings=settings,
        confirmed_usd=body.confirmed_usd,
    )
    return list_compensations(batch_id, db, caller)


# --- the ledger ------------------------------------------------------------------------------------------------------


class LedgerEntryOut(BaseModel):
    """One entry. `committed_usd` and `paid_usd` are the sums up to it."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    kind: PaymentKind
    status: PaymentStatus
    amount_usd: Usd
    committed_usd: Usd
    paid_usd: Usd
    hit_id: str | None
    assignment_id: str | None
    worker: str | None
    paid_at: datetime | None


class TotalsOut(BaseModel):
    """The sums of the ledger, in USD."""

    model_config = ConfigDict(from_attributes=True)

    committed_usd: Usd
    reserved_usd: Usd
    owed_usd: Usd
    rewards_usd: Usd
    bonuses_usd: Usd
    fees_usd: Usd
    paid_usd: Usd
    entries: int


class LedgerOut(BaseModel):
    """The sums, and entries, newest first."""

    totals: TotalsOut
    entries: list[LedgerEntryOut]


@router.get("/payments", summary="The ledger", responses=documented(404))
def show_ledger(
    batch_id: BatchNumber, db: Db, caller: CanView, *, before: Before = None, limit: Limit = 100
) -> LedgerOut:
    """What is committed, owed and paid, entry by entry."""
    batches.get(db, BatchId(batch_id))
    entries = payments.entries(db, BatchId(batch_id), before=before, limit=limit)
    return LedgerOut(
        totals=TotalsOut.model_validate(payments.totals(db, BatchId(batch_id))),
        entries=[LedgerEntryOut.model_validate(entry) for entry in entries],
    )


@router.get(
    "/payments.csv", summary="Download the ledger", response_class=StreamingResponse, responses=CSV | documented(404)
)
def download_ledger(
    batch_id: BatchNumber,
    database: DatabaseOf,
    caller: CanExport,
    worker_ids: Annotated[bool, Query(description="The marketplace's ids instead of pseudonyms; owners only.")] = False,
) -> StreamingResponse:
    """Every entry, oldest first."""
    if worker_ids:
        require(caller, Permission.SEE_WORKER_IDS)
    number = BatchId(batch_id)
    return download(
        database,
        name=f"batch-{batch_id}-payments{WITH_WORKER_IDS if worker_ids else ''}.csv",
        rows=lambda db: payments.payments_csv(db, number, worker_ids=worker_ids),
        count=lambda db: payments.totals(db, number).entries,
    )
