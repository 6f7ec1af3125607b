"""Drop a Worker afterwards: none of their answers in a Batch count any more, and it is said which Items that changes.

What they did is paid as it was decided; they are kept out of the Batch's HITs from here on. A drop can be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, counting, exclusions, ledger, worker_names
from app.db.queue import Job, enqueue
from app.db.standings import asking_of
from app.db.tables import Batch, DroppedWorker, Worker
from app.domain import redundancy
from app.domain.consensus import majority
from app.domain.consensus.votes import VoteCounts
from app.domain.vocabulary import BatchId, BatchStatus, Category, ItemId, WorkerId
from app.errors import Conflict, InvalidInput, Problem
from app.logs import get_logger

log = get_logger(__name__)

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an Item's counted answers say: their number, and the category, non-agreement where there is none."""

    category: Category
    answers: int


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """An Item whose category changes, or that lacks answers then. `lacking`: how many should be asked for."""

    item_id: ItemId
    external_id: str
    before: Verdict
    after: Verdict
    lacking: int

    @property
    def moved(self) -> bool:
        """Whether the category is another one."""
        return self.before.category is not self.after.category


@dataclass(frozen=True, slots=True)
class Effect:
    """What dropping a Worker, or taking that back, does: `items` they answered, and those of them that change."""

    worker: str
    items: int
    changed: Sequence[ChangedItem]

    @property
    def moved(self) -> list[ChangedItem]:
        """Items whose category changes."""
        return [item for item in self.changed if item.moved]

    @property
    def lacking(self) -> list[ChangedItem]:
        """Items that lack answers then."""
        return [item for item in self.changed if item.lacking]


def preview(db: Session, batch_id: BatchId, worker: str) -> Effect:
    """What dropping this Worker would do. Raises NotFound."""
    return _effect(db, batch_id, worker_names.find(db, batch_id, worker), counted="r.counted AND NOT {theirs}")


def drop(db: Session, batch_id: BatchId, worker: str, *, reason: str, by: str) -> Effect:
    """Leave out all answers of the Worker with this pseudonym or marketplace id, from now on too.

    Raises NotFound, InvalidInput without a reason, Conflict where they are dropped already. The consensus job writes what the
    Effect foretells.
    """
    reason = _checked(reason)
    batch = _locked(db, batch_id)
    found = worker_names.find(db, batch_id, worker)
    _lock_work(db, batch_id, WorkerId(found.id))
    effect = _effect(db, batch_id, found, counted="r.counted AND NOT {theirs}")
    new = db.execute(
        text("""
            INSERT INTO dropped_workers AS d (batch_id, worker_id, reason, dropped_by)
            VALUES (:batch_id, :worker_id, :reason, :by)
            ON CONFLICT (batch_id, worker_id) DO UPDATE
                SET reason = excluded.reason, dropped_by = excluded.dropped_by, dropped_at = now(), restored_at = NULL
                WHERE d.restored_at IS NOT NULL
            RETURNING worker_id
        """),
        {"batch_id": batch_id, "worker_id": found.id, "reason": reason, "by": by},
    ).first()
    if new is None:
        raise Conflict(f"Worker {found.pseudonym} is dropped from Batch {batch_id} already")
    counting.recount_worker(db, batch_id, WorkerId(found.id))
    exclusions.keep_out(db, batch_id, [WorkerId(found.id)])
    enqueue(db, Job.PUBLISH, batch_id=batch_id)
    _note(db, batch, effect, by=by, action="worker.dropped", reason=reason)
    return effect


def restore(db: Session, batch_id: BatchId, worker: str, *, by: str) -> Effect:
    """Take a drop back: the Worker's answers count again, but for those of rejected and soft-rejected work.

    They stay kept out of further HITs of the Batch. Raises NotFound, Conflict where they are not dropped.
    """
    batch = _locked(db, batch_id)
    found = worker_names.find(db, batch_id, worker)
    _lock_work(db, batch_id, WorkerId(found.id))
    effect = _effect(db, batch_id, found, counted="r.counted OR ({theirs} AND a.counted AND a.status <> 'rejected')")
    dropped = db.get(DroppedWorker, (batch_id, found.id), with_for_update=True, populate_existing=True)
    if dropped is None or dropped.restored_at is not None:
        raise Conflict(f"Worker {found.pseudonym} is not dropped from Batch {batch_id}")
    db.execute(
        text("UPDATE dropped_workers SET restored_at = now() WHERE batch_id = :batch_id AND worker_id = :worker_id"),
        {"batch_id": batch_id, "worker_id": found.id},
    )
    counting.recount_worker(db, batch_id, WorkerId(found.id))
    _note(db, batch, effect, by=by, action="worker.restored")
    return effect


def _checked(reason: str) -> str:
    wanted = reason.replace("\x00", "").strip()
    if not 1 <= len(wanted) <= LONGEST_REASON:
        message = f"say why, in at most {LONGEST_REASON} characters; it is kept with the Batch"
        raise InvalidInput([Problem(message, field="reason")])
    return wanted


def _locked(db: Session, batch_id: BatchId) -> Batch:
    batch = ledger.locked_batch(db, batch_id)
    if batch.status == BatchStatus.DRAFT:
        raise Conflict(f"Batch {batch_id} is a draft: nobody has answered it")
    return batch


def _lock_work(db: Session, batch_id: BatchId, worker_id: WorkerId) -> None:
    """Lock the Worker's Assignments, so that none of them is read in this moment."""
    db.execute(
        text("""
            SELECT 1 FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :batch_id AND a.worker_id = :worker_id ORDER BY a.id FOR UPDATE OF a
        """),
        {"batch_id": batch_id, "worker_id": worker_id},
    )


def _note(db: Session, batch: Batch, effect: Effect, *, by: str, action: str, **details: str) -> None:
    audit.record(
        db,
        actor=by,
        action=action,
        batch_id=batch.id,
        profile=batch.profile,
        worker=effect.worker,
        items=effect.items,
        changed=len(effect.moved),
        **details,
    )
    log.info(action, batch_id=batch.id, items=effect.items, changed=len(effect.moved))


# --- before and after ------------------------------------------------------------------------------------------------

_OPTIONS = ("given", "guessed", "both", "neither")


def _effect(db: Session, batch_id: BatchId, worker: Worker, *, counted: str) -> Effect:
    """The Worker's Items as their answers count now, and as they will. `counted`: the condition then."""
    batch = db.get_one(Batch, batch_id)
    then = counted.format(theirs="(r.worker_id = :worker_id)")
    rows = db.execute(
        text(f"""
            SELECT i.id, i.external_id, {_counted("before", "r.counted")}, {_counted("after", then)}
            FROM items AS i JOIN responses AS r ON r.item_id = i.id JOIN assignments AS a ON a.id = r.assignment_id
            WHERE i.batch_id = :batch_id
              AND EXISTS (SELECT 1 FROM responses AS own WHERE own.item_id = i.id AND own.worker_id = :worker_id)
            GROUP BY i.id ORDER BY i.id
        """),
        {"batch_id": batch_id, "worker_id": worker.id},
    ).all()
    before, _ = _verdicts(rows, "before", batch)
    after, needs = _verdicts(rows, "after", batch)
    changed = [
        ChangedItem(ItemId(row.id), row.external_id, was, will, need)
        for row, was, will, need in zip(rows, before, after, needs, strict=True)
        if was.category is not will.category or (need and was.answers > will.answers)
    ]
    return Effect(worker.pseudonym, len(rows), changed)


def _counted(name: str, condition: str) -> str:
    by_option = [
        f"count(*) FILTER (WHERE r.option = '{option}' AND ({condition})) AS {name}_{option}" for option in _OPTIONS
    ]
    return ", ".join([*by_option, f"count(*) FILTER (WHERE r.cannot_tell AND ({condition})) AS {name}_cannot_tell"])


def _verdicts(rows: Sequence[Any], name: str, batch: Batch) -> tuple[list[Verdict], list[int]]:
    """By Item: what the answers say by the Batch's quorum, and how many more should be asked for."""
    if not rows:
        return [], []
    counts = np.array([[getattr(row, f"{name}_{option}") for option in _OPTIONS] for row in rows], dtype=np.int64)
    cannot_tell = np.array([getattr(row, f"{name}_cannot_tell") for row in rows], dtype=np.int64)
    found = majority.quorum(VoteCounts(counts), quorum=batch.quorum)
    needs = redundancy.needed(VoteCounts(counts), cannot_tell, asking_of(batch))
    verdicts = [
        Verdict(found.category(index), int(counts[index].sum() + cannot_tell[index])) for index in range(len(rows))
    ]
    return verdicts, [int(need) for need in needs]
