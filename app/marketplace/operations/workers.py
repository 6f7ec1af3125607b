"""Operations on Workers: block them, write to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace import messages, paging
from app.marketplace.store import HIT, Assignment, AssignmentStatus, Requester, Worker, WorkerBlock
from app.marketplace.wire_errors import ParameterValidationError, RequestError, not_valid, out_of_range

MOST_BLOCKS = 100_000
MOST_NOTIFIED = 100
LONGEST_REASON = 1024
LONGEST_SUBJECT = 200
LONGEST_TEXT = 4096
_REVIEWED = (AssignmentStatus.APPROVED.value, AssignmentStatus.REJECTED.value)


def create_worker_block(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Let this Worker accept no more HITs of the Requester. Again: the reason is replaced."""
    reason = params["Reason"]
    _check_length("Reason", reason, 0, LONGEST_REASON)
    if db.get(Worker, params["WorkerId"]) is None:
        raise not_valid("WorkerId", params["WorkerId"])
    _check_room(db, requester_id, params["WorkerId"])
    block = insert(WorkerBlock).values(
        requester_id=requester_id, worker_id=params["WorkerId"], reason=reason, created_at=now
    )
    db.execute(block.on_conflict_do_update(index_elements=["requester_id", "worker_id"], set_={"reason": reason}))
    return {}


def delete_worker_block(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Lift the block; nothing happens where there is none."""
    _check_length("Reason", params.get("Reason", ""), 0, LONGEST_REASON)
    if db.get(Worker, params["WorkerId"]) is None:
        raise ParameterValidationError("WorkerId is invalid.")
    db.execute(
        delete(WorkerBlock).where(WorkerBlock.requester_id == requester_id, WorkerBlock.worker_id == params["WorkerId"])
    )
    return {}


def list_worker_blocks(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The Workers whom the Requester has blocked, in the order of their ids."""
    page = paging.requested(params, str)
    statement = select(WorkerBlock).where(WorkerBlock.requester_id == requester_id)
    if page.after is not None:
        statement = statement.where(WorkerBlock.worker_id > page.after[0])
    rows = db.scalars(statement.order_by(WorkerBlock.worker_id).limit(page.size)).all()
    shown = [{"WorkerId": row.worker_id, "Reason": row.reason} for row in rows]
    return paging.answer("WorkerBlocks", shown, [rows[-1].worker_id] if rows else [])


def notify_workers(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Write to Workers whose work the Requester has approved or rejected; the others are named in the reply.

    A Worker named twice gets one message.
    """
    _check_length("Subject", params["Subject"], 1, LONGEST_SUBJECT)
    _check_length("MessageText", params["MessageText"], 1, LONGEST_TEXT)
    worker_ids = list(dict.fromkeys(params["WorkerIds"]))
    if not 1 <= len(params["WorkerIds"]) <= MOST_NOTIFIED:
        raise out_of_range("the number of WorkerIds", len(params["WorkerIds"]), 1, MOST_NOTIFIED)
    reached = _worked_for(db, requester_id, worker_ids)
    messages.send(
        db,
        [worker_id for worker_id in worker_ids if worker_id in reached],
        subject=params["Subject"],
        text=params["MessageText"],
        now=now,
        requester_id=requester_id,
    )
    return {"NotifyWorkersFailureStatuses": [_failure(one) for one in worker_ids if one not in reached]}


def _worked_for(db: Session, requester_id: str, worker_ids: Sequence[str]) -> set[str]:
    """Those of the Workers with an approved or rejected Assignment of this Requester's."""
    reviewed = (
        select(Assignment.id)
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id == Worker.id, HIT.requester_id == requester_id)
        .where(Assignment.status.in_(_REVIEWED))
    )
    return set(db.scalars(select(Worker.id).where(Worker.id.in_(worker_ids), exists(reviewed.correlate(Worker)))))


def _failure(worker_id: str) -> Mapping[str, str]:
    # The same words for a Worker who does not exist: who else works here is not the Requester's to learn.
    return {
        "WorkerId": worker_id,
        "NotifyWorkersFailureCode": "HardFailure",
        "NotifyWorkersFailureMessage": "You can only notify Workers whose work you have approved or rejected.",
    }


def _check_room(db: Session, requester_id: str, worker_id: str) -> None:
    # The Requester's row makes one block wait for the other: together they may not pass the limit.
    db.execute(select(Requester.id).where(Requester.id == requester_id).with_for_update(key_share=True))
    others = select(func.count()).select_from(WorkerBlock)
    blocked = db.scalar(others.where(WorkerBlock.requester_id == requester_id, WorkerBlock.worker_id != worker_id))
    if (blocked or 0) >= MOST_BLOCKS:
        raise RequestError("InvalidParameterValue", f"You can block {MOST_BLOCKS} Workers at most.")


def _check_length(name: str, text: str, lowest: int, highest: int) -> None:
    if not lowest <= len(text) <= highest:
        raise out_of_range(f"the length of {name}", len(text), lowest, highest)
