"""Workers: who worked for me and how, and what I can do: block, qualify, reward, write."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from pydantic import AwareDatetime
from sqlalchemy import select
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.requester_site import calls, worker_lists
from app.marketplace.requester_site.bonus_form import BonusForm
from app.marketplace.requester_site.pages import ROWS_A_PAGE, Desk, Id, Notice, Sender, SignedIn, Text
from app.marketplace.sites.pages import see_other
from app.marketplace.sites.refusals import not_found
from app.marketplace.store import QualificationType, WorkerBlock
from app.marketplace.wire_errors import ParameterValidationError

router = APIRouter()
MaybeId = Annotated[str, Query(pattern="^[A-Za-z0-9]{0,64}$")]
FormId = Annotated[str, Form(pattern="^[A-Za-z0-9]{1,64}$")]
_MOST_TYPES = 500


@router.get("/workers")
def workers(
    desk: SignedIn,
    after: MaybeId = "",
    blocked: Annotated[str, Query(pattern="^(on)?$")] = "",
) -> Response:
    """A page of Workers with their work in numbers."""
    bookkeeping.settle(desk.market.database, desk.market.clock())
    with desk.market.database.transaction() as db:
        rows = worker_lists.records(
            db, desk.requester_id, after=after, limit=ROWS_A_PAGE + 1, blocked_only=bool(blocked)
        )
    shown, more = rows[:ROWS_A_PAGE], len(rows) > ROWS_A_PAGE
    return desk.page("workers", workers=shown, more=more, after=after, blocked=blocked)


@router.get("/worker")
def find_worker(desk: SignedIn, id: MaybeId = "") -> Response:
    """The Worker with this id."""
    return see_other(f"/requester/workers/{id.upper()}" if id else "/requester/workers")


@router.get("/workers/{worker_id}")
def worker(
    desk: SignedIn,
    worker_id: Id,
    before: AwareDatetime | None = None,
    before_id: MaybeId = "",
    notice: Notice = "",
) -> Response:
    """One Worker: what they did for me."""
    bookkeeping.settle(desk.market.database, desk.market.clock())
    key = None if before is None else (before, before_id)
    return _show(desk, worker_id, before=key, notice=notice)


@router.post("/workers/{worker_id}/block")
def block(desk: Sender, worker_id: Id, reason: Text = "") -> Response:
    """Let the Worker accept no more HITs of mine; they never see the reason."""
    return _do(desk, worker_id, "blocked", "CreateWorkerBlock", Reason=reason.strip())


@router.post("/workers/{worker_id}/unblock")
def unblock(desk: Sender, worker_id: Id) -> Response:
    """Lift the block."""
    return _do(desk, worker_id, "unblocked", "DeleteWorkerBlock")


@router.post("/workers/{worker_id}/grant")
def grant(
    desk: Sender,
    worker_id: Id,
    type_id: FormId,
    value: Annotated[int, Form(ge=-(2**31), lt=2**31)] = 1,
    tell: Annotated[bool, Form()] = False,
) -> Response:
    """Give the Worker a Qualification of mine, or another score in it."""
    values = {"QualificationTypeId": type_id, "IntegerValue": value, "SendNotification": tell}
    return _do(desk, worker_id, "granted", "AssociateQualificationWithWorker", **values)


@router.post("/workers/{worker_id}/revoke")
def revoke(desk: Sender, worker_id: Id, type_id: FormId, reason: Text = "") -> Response:
    """Take a Qualification of mine away; the Worker reads the reason, if there is one."""
    values = {"QualificationTypeId": type_id, "Reason": reason.strip()}
    return _do(desk, worker_id, "revoked", "DisassociateQualificationFromWorker", **values)


@router.post("/workers/{worker_id}/bonus")
def bonus(desk: Sender, worker_id: Id, assignment_id: FormId, form: Annotated[BonusForm, Depends()]) -> Response:
    """Pay the Worker a bonus for one of their Assignments."""
    return _do(desk, worker_id, "bonus", "SendBonus", AssignmentId=assignment_id, **form.values())


@router.post("/workers/{worker_id}/message")
def message(desk: Sender, worker_id: Id, subject: Text = "", text: Text = "") -> Response:
    """Write into the Worker's inbox."""

    def send() -> None:
        values = {"WorkerIds": [worker_id], "Subject": subject.strip(), "MessageText": text.strip()}
        failures = desk.call("NotifyWorkers", **values)["NotifyWorkersFailureStatuses"]
        if failures:
            raise ParameterValidationError(failures[0]["NotifyWorkersFailureMessage"])

    return _answer(desk, worker_id, "sent", send)


def _do(desk: Desk, worker_id: str, notice: str, operation: str, /, **values: Any) -> Response:
    return _answer(
        desk,
        worker_id,
        notice,
        lambda: desk.call(operation, WorkerId=worker_id, **values),
    )


def _answer(desk: Desk, worker_id: str, notice: str, do: Callable[[], object]) -> Response:
    with desk.market.database.transaction() as db:
        if worker_lists.record(db, desk.requester_id, worker_id) is None:
            raise not_found("Worker")
    return calls.answer(
        do,
        then=f"/requester/workers/{worker_id}?notice={notice}",
        show=lambda problem: _show(desk, worker_id, problem=problem, status=409),
    )


def _show(
    desk: Desk,
    worker_id: str,
    *,
    before: tuple[datetime, str] | None = None,
    status: int = 200,
    **values: str,
) -> Response:
    mine = desk.requester_id
    with desk.market.database.transaction() as db:
        record = worker_lists.record(db, mine, worker_id)
        if record is None:
            raise not_found("Worker")
        work = worker_lists.work(db, mine, worker_id, before=before, limit=ROWS_A_PAGE + 1)
        own = select(QualificationType).where(
            QualificationType.requester_id == mine, QualificationType.deleted_at.is_(None)
        )
        found = {
            "record": record,
            "block": db.get(WorkerBlock, (mine, worker_id)),
            "scores": worker_lists.scores(db, mine, worker_id),
            "bonuses": worker_lists.bonuses(db, mine, worker_id),
            "types": db.scalars(own.order_by(QualificationType.name).limit(_MOST_TYPES)).all(),
        }
    shown, more = work[:ROWS_A_PAGE], len(work) > ROWS_A_PAGE
    token = secrets.token_hex(16)
    return desk.page("worker", status=status, work=shown, more=more, before=before, token=token, **found, **values)
