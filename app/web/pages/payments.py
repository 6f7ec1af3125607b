"""What a Batch pays: the ledger, bonuses, top-ups, compensations, and decisions from a spreadsheet."""

import base64
import binascii
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette import status

from app.access.dependencies import LARGEST_ID, Db, SettingsOf
from app.db import bonus_plans
from app.db.bonus_plans import BonusPlan
from app.domain.vocabulary import BatchId, BatchStatus, OperationId
from app.errors import InvalidInput, Problem
from app.pipeline import batches, bonuses, compensation, payments, results_csv, topups
from app.secrets import installation_secret
from app.settings import Settings
from app.web.dependencies import ABOUT_BATCH, OUR_FORM, BatchNumber, CanSpend, CanView, SpendersFirst
from app.web.form_values import money
from app.web.rendering import page

router = APIRouter(prefix="/batches/{batch_id}/payments", dependencies=[ABOUT_BATCH], route_class=SpendersFirst)

BonusNumber = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Ticked = Annotated[bool, Form()]
Typed = Annotated[str, Form()]
PAGE_SIZE = 50
SHOWN_PROBLEMS = 200
_MB = 1_000_000


@router.get("")
def show_payments(
    request: Request,
    batch_id: BatchNumber,
    db: Db,
    here: CanView,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
) -> Response:
    """The sums, the bonuses and a page of the ledger."""
    return _page(request, db, BatchId(batch_id), before=before)


def _page(
    request: Request,
    db: Session,
    batch_id: BatchId,
    *,
    before: int | None = None,
    plan: BonusPlan | None = None,
    sheet: bytes = b"",
) -> Response:
    batch = batches.get(db, batch_id)
    entries = payments.entries(db, batch_id, before=before, limit=PAGE_SIZE + 1)
    shown: dict[str, Any] = {
        "batch": batch,
        "totals": payments.totals(db, batch_id),
        "entries": entries[:PAGE_SIZE],
        "more": len(entries) > PAGE_SIZE,
        "before": before,
        "bonuses": payments.bonuses(db, batch_id, limit=PAGE_SIZE),
        "compensations": compensation.offered(db, batch_id),
        "missing": topups.missing(db, batch_id) if _is_over_with_wage(batch.status, batch.hourly_usd) else None,
        "plan": plan,
        "problems": sorted(plan.faults.problems, key=lambda fault: fault.line or 0)[:SHOWN_PROBLEMS] if plan else [],
        "packed": _packed(sheet),
    }
    return page(request, "payments", **shown)


def _is_over_with_wage(batch_status: str, hourly_usd: Decimal | None) -> bool:
    return hourly_usd is not None and batch_status in {BatchStatus.DONE, BatchStatus.STOPPED}


# --- bonuses ---------------------------------------------------------------------------------------------------------


@router.post("/sheet", dependencies=[OUR_FORM])
def look_at_sheet(
    request: Request, batch_id: BatchNumber, db: Db, here: CanSpend, file: UploadFile | None = None
) -> Response:
    """What a CSV of bonuses would cost and what is wrong with it; nothing is paid yet."""
    if file is None or not file.filename:
        raise InvalidInput([Problem("choose the CSV of bonuses", field="file")])
    content = file.file.read()
    plan = bonus_plans.plan_sheet(db, BatchId(batch_id), content)
    return _page(request, db, BatchId(batch_id), plan=plan, sheet=content)


@router.post("/bonuses/sheet", dependencies=[OUR_FORM])
def pay_sheet(
    batch_id: BatchNumber,
    db: Db,
    here: CanSpend,
    settings: SettingsOf,
    *,
    packed: Typed = "",
    confirmed_usd: Typed = "",
    skip_faulty: Ticked = False,
) -> Response:
    """Pay what was just looked at, at the cost that was shown or, for real money, typed."""
    plan = bonus_plans.plan_sheet(db, BatchId(batch_id), _unpacked(packed, settings))
    bonuses.pay(
        db,
        BatchId(batch_id),
        plan,
        by=here.caller.email,
        settings=settings,
        confirmed_usd=money("confirmed_usd", confirmed_usd),
        skip_faulty=skip_faulty,
    )
    return _back(batch_id)


@router.post("/bonuses", dependencies=[OUR_FORM])
def pay_one(
    batch_id: BatchNumber,
    db: Db,
    here: CanSpend,
    settings: SettingsOf,
    *,
    assignment_id: Typed = "",
    amount_usd: Typed = "",
    reason: Typed = "",
    confirmed_usd: Typed = "",
) -> Response:
    """Pay one bonus."""
    plan = bonus_plans.plan_one(db, BatchId(batch_id), assignment_id=assignment_id, amount=amount_usd, reason=reason)
    bonuses.pay(
        db,
        BatchId(batch_id),
        plan,
        by=here.caller.email,
        settings=settings,
        confirmed_usd=_confirmed(confirmed_usd),
    )
    return _back(batch_id)


@router.post("/bonuses/{bonus_id}/cancel", dependencies=[OUR_FORM])
def cancel(batch_id: BatchNumber, bonus_id: BonusNumber, db: Db, here: CanSpend) -> Response:
    """Give up a bonus that was refused or not tried."""
    bonuses.cancel(db, BatchId(batch_id), OperationId(bonus_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/bonuses/{bonus_id}/retry", dependencies=[OUR_FORM])
def retry(batch_id: BatchNumber, bonus_id: BonusNumber, db: Db, here: CanSpend) -> Response:
    """Try a refused bonus again."""
    bonuses.retry(db, BatchId(batch_id), OperationId(bonus_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/top-up", dependencies=[OUR_FORM])
def top_up(batch_id: BatchNumber, db: Db, here: CanSpend, settings: SettingsOf, confirmed_usd: Typed = "") -> Response:
    """Pay what is missing to the hourly wage, as far as the cap goes."""
    batch, price = batches.get(db, BatchId(batch_id)), topups.missing(db, BatchId(batch_id)).price
    bonuses.check_payable(batch, price, settings=settings)
    bonuses.check_confirmed(batch, price, _confirmed(confirmed_usd))
    now, by = datetime.now(UTC), here.caller.email
    topups.top_up(db, BatchId(batch_id), by=by, now=now, confirmed_usd=price.total_usd)
    return _back(batch_id)


@router.post("/compensations", dependencies=[OUR_FORM])
def compensate(
    batch_id: BatchNumber,
    db: Db,
    here: CanSpend,
    settings: SettingsOf,
    *,
    worker: Typed = "",
    amount_usd: Typed = "",
    reason: Typed = "",
    confirmed_usd: Typed = "",
) -> Response:
    """A HIT for one Worker who could not hand their work in."""
    compensation.offer(
        db,
        BatchId(batch_id),
        worker=worker,
        amount=amount_usd,
        reason=reason,
        by=here.caller.email,
        secret=installation_secret(settings),
        settings=settings,
        confirmed_usd=_confirmed(confirmed_usd),
    )
    return _back(batch_id)


# --- decisions -------------------------------------------------------------------------------------------------------


@router.post("/decisions/sheet", dependencies=[OUR_FORM])
def decide(
    batch_id: BatchNumber, db: Db, here: CanSpend, file: UploadFile | None = None, skip_faulty: Ticked = False
) -> Response:
    """Approve and reject as a reviewed results CSV says."""
    if file is None or not file.filename:
        raise InvalidInput([Problem("choose the reviewed results CSV", field="file")])
    now = datetime.now(UTC)
    sheet = results_csv.read_decisions(db, BatchId(batch_id), file.file.read(), now=now)
    results_csv.decide(db, BatchId(batch_id), sheet, by=here.caller.email, now=now, skip_faulty=skip_faulty)
    return _back(batch_id)


def _confirmed(typed: str) -> Decimal | None:
    return money("confirmed_usd", typed) if typed.strip() else None


def _packed(sheet: bytes) -> str:
    """The sheet as the page carries it from the look to the payment."""
    return base64.b64encode(zlib.compress(sheet)).decode() if sheet else ""


def _unpacked(packed: str, settings: Settings) -> bytes:
    """Raises InvalidInput for what no page of ours carried."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), settings.max_upload_mb * _MB)
    except (binascii.Error, zlib.error) as fault:
        raise InvalidInput([Problem("was damaged on its way; choose the file again", field="file")]) from fault


def _back(batch_id: int) -> Response:
    return RedirectResponse(f"/batches/{batch_id}/payments", status_code=status.HTTP_303_SEE_OTHER)
