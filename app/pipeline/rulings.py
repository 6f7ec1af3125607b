"""What a person decides about submitted work: named Assignments, all held work, or that of one Worker.

`deciding.py` does it by the Batch's review policy; `review.py` tells the marketplace.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import decisions, worker_names
from app.db.decisions import Decided
from app.domain.decisions import Ruling
from app.domain.vocabulary import AssignmentId, BatchId
from app.errors import Conflict, NotFound
from app.logs import get_logger

log = get_logger(__name__)

# Held work that one call decides.
MOST_AT_ONCE = 10_000


def rule_on(
    db: Session,
    batch_id: BatchId,
    ruling: Ruling,
    names: Sequence[str],
    *,
    by: str,
    now: datetime,
    feedback: str = "",
) -> int:
    """Decide these Assignments, each named by the marketplace's id or our number. Returns how many.

    Raises NotFound, InvalidInput, Conflict, BudgetExceeded; then nothing is decided.
    """
    return _record(db, batch_id, ruling, _named(db, batch_id, names), by=by, now=now, feedback=feedback)


def rule_on_held(
    db: Session,
    batch_id: BatchId,
    ruling: Ruling,
    *,
    by: str,
    now: datetime,
    worker: str | None = None,
    feedback: str = "",
) -> int:
    """Decide all held work of the Batch, or of one Worker: up to MOST_AT_ONCE Assignments. Returns how many.

    For an override: all rejected work of the Worker. Raises as `rule_on`, and Conflict where there is nothing to decide.
    """
    which = "a.status = 'rejected'" if ruling is Ruling.OVERRIDE else "a.status = 'submitted' AND a.held_at IS NOT NULL"
    worker_id = worker_names.find(db, batch_id, worker).id if worker is not None else None
    rows = db.scalars(
        text(f"""
            SELECT a.id FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id
            WHERE h.batch_id = :id AND {which} AND (CAST(:worker AS bigint) IS NULL OR a.worker_id = :worker)
            ORDER BY a.id LIMIT :most
        """),
        {"id": batch_id, "worker": worker_id, "most": MOST_AT_ONCE},
    ).all()
    if not rows:
        what = "rejected" if ruling is Ruling.OVERRIDE else "held"
        raise Conflict(f"no {what} work of {worker or 'any Worker'} is waiting in Batch {batch_id}")
    chosen = [AssignmentId(assignment_id) for assignment_id in rows]
    return _record(db, batch_id, ruling, chosen, by=by, now=now, feedback=feedback)


def _record(
    db: Session,
    batch_id: BatchId,
    ruling: Ruling,
    chosen: Sequence[AssignmentId],
    *,
    by: str,
    now: datetime,
    feedback: str,
) -> int:
    decided = [Decided(assignment_id, ruling, feedback) for assignment_id in chosen]
    decisions.record_decisions(db, batch_id, decided, by=by, now=now)
    log.info("assignments.ruled_on", batch_id=batch_id, ruling=ruling, count=len(decided))
    return len(decided)


def _named(db: Session, batch_id: BatchId, names: Sequence[str]) -> list[AssignmentId]:
    """Our numbers of these Assignments, each once. Raises NotFound for the first that is not the Batch's."""
    wanted = list(dict.fromkeys(name.replace("\x00", "").strip() for name in names))
    rows = db.execute(
        text("""
            SELECT a.id, a.marketplace_assignment_id AS name FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND (a.marketplace_assignment_id = ANY(:names) OR a.id = ANY(:numbers))
        """),
        {"id": batch_id, "names": wanted, "numbers": [int(name) for name in wanted if _is_number(name)]},
    ).all()
    numbers = {str(row.id): row.id for row in rows} | {row.name: row.id for row in rows}
    for name in wanted:
        if name not in numbers:
            raise NotFound("Assignment", name)
    return list(dict.fromkeys(AssignmentId(numbers[name]) for name in wanted))


def _is_number(name: str) -> bool:
    """Whether it can be one of our own numbers, which have 19 digits at most."""
    return name.isascii() and name.isdigit() and len(name) < 19  # noqa: PLR2004 - as the docstring says
