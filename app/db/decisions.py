"""Decisions on submitted work, written down with everything that they change here: the intents of calls to be made.

A policy's decisions come as `approve`, `reject` and `hold`; a person's as `record_decisions`, which checks each of them
first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, ledger, operations
from app.db.counting import count_assignments
from app.db.operations import Feedback, Intent
from app.db.queue import Job, enqueue
from app.domain.decisions import Ruling, Standing, feedback_faults, obstacle
from app.domain.pricing import assignment_price
from app.domain.review_policy import THANKS
from app.domain.vocabulary import AssignmentId, AssignmentStatus, BatchId, HITId, OperationKind
from app.errors import Conflict, InvalidInput, NotFound

SHOWN_OBSTACLES = 20
_KIND = {
    Ruling.APPROVE: OperationKind.APPROVE,
    Ruling.SOFT_REJECT: OperationKind.APPROVE,
    Ruling.REJECT: OperationKind.REJECT,
}


@dataclass(frozen=True, slots=True)
class Decided:
    """A person's decision on one Assignment. feedback: what its Worker reads; empty thanks them, where that may be."""

    assignment_id: AssignmentId
    ruling: Ruling
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An Assignment that a decision is about: its HIT, its name on the marketplace, its price, and where it stands."""

    hit_id: HITId
    name: str
    price_usd: Decimal
    standing: Standing


def approve(db: Session, batch_id: BatchId, work: Sequence[tuple[HITId, AssignmentId]], feedback: str) -> None:
    """Owe the reward and the fee, and write the intent. The caller has seen that none of it is decided."""
    _release_held(db, [assignment_id for _, assignment_id in work])
    ledger.owe(db, [assignment_id for _, assignment_id in work])
    _intend(db, OperationKind.APPROVE, batch_id, [(*one, feedback) for one in work])


def reject(db: Session, batch_id: BatchId, work: Sequence[tuple[HITId, AssignmentId, str]]) -> None:
    """Write the intents, each with what its Worker reads. Not counted once the marketplace has it: only then it is certain."""
    _release_held(db, [assignment_id for _, assignment_id, _ in work])
    _intend(db, OperationKind.REJECT, batch_id, work)


def hold(db: Session, held: Mapping[AssignmentId, str], now: datetime) -> None:
    """Leave these to a person; the values say why."""
    db.execute(
        text("""
            UPDATE assignments AS a SET held_at = :now, held_because = h.because
            FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS h (id, because)
            WHERE a.id = h.id AND a.held_at IS NULL
        """),
        {"now": now, "ids": list(held), "reasons": list(held.values())},
    )


def standings(db: Session, batch_id: BatchId, assignment_ids: Collection[AssignmentId]) -> dict[AssignmentId, Found]:
    """Where these Assignments of the Batch stand, their rows locked until the transaction ends; others are left out."""
    rows = db.execute(
        text("""
            SELECT a.id, a.hit_id, a.marketplace_assignment_id, a.status, a.counted, a.submitted_at, g.reward_usd, g.masters,
                   h.deleted_at IS NOT NULL AS hit_deleted,
                   (SELECT o.kind FROM operations AS o WHERE o.assignment_id = a.id
                      AND o.kind IN ('approve', 'reject', 'override') AND o.status IN ('intended', 'acting', 'failed')
                    LIMIT 1) AS under_way,
                   EXISTS (SELECT 1 FROM operations AS o WHERE o.assignment_id = a.id AND o.kind = 'override'
                      AND o.status = 'cancelled') AS given_up
            FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
            WHERE a.id = ANY(:ids) AND h.batch_id = :batch_id ORDER BY a.id FOR UPDATE OF a
        """),
        {"ids": list(assignment_ids), "batch_id": batch_id},
    )
    return {
        AssignmentId(row.id): Found(
            HITId(row.hit_id),
            row.marketplace_assignment_id,
            assignment_price(row.reward_usd, max_assignments=1, masters=row.masters).total_usd,
            Standing(
                AssignmentStatus(row.status),
                row.counted,
                OperationKind(row.under_way) if row.under_way else None,
                row.submitted_at,
                row.hit_deleted,
                row.given_up,
            ),
        )
        for row in rows
    }


def record_decisions(db: Session, batch_id: BatchId, decided: Sequence[Decided], *, by: str, now: datetime) -> None:
    """Write down what a person decided, all or nothing, with what it costs and changes; the review job tells the marketplace.

    Raises NotFound, InvalidInput for a text that cannot be sent, Conflict where a decision cannot be made any more, and
    BudgetExceeded where no money is left for an override.
    """
    for feedback, ruling in {(one.feedback, one.ruling) for one in decided}:
        if problems := list(feedback_faults(feedback, required=ruling is Ruling.REJECT)):
            raise InvalidInput(problems)
    batch = ledger.locked_batch(db, batch_id)
    found = standings(db, batch_id, [one.assignment_id for one in decided])
    _check(decided, found, now)
    for ruling in Ruling:
        chosen = [one for one in decided if one.ruling is ruling]
        if ruling is Ruling.OVERRIDE:
            ledger.check_room(db, batch, sum((found[one.assignment_id].price_usd for one in chosen), Decimal(0)))
        _write(db, batch_id, ruling, chosen, found)
        if chosen:
            audit.record(
                db,
                actor=by,
                action=f"assignments.{ruling}",
                batch_id=batch_id,
                profile=batch.profile,
                assignments={found[one.assignment_id].name: one.feedback for one in chosen},
            )
    enqueue(db, Job.REVIEW, batch_id=batch_id)


def _check(decided: Sequence[Decided], found: Mapping[AssignmentId, Found], now: datetime) -> None:
    """Raise NotFound or Conflict, which names every Assignment that stands against the decision."""
    against: list[str] = []
    for one in decided:
        if one.assignment_id not in found:
            raise NotFound("Assignment", one.assignment_id)
        known = found[one.assignment_id]
        if why := obstacle(known.standing, one.ruling, now=now):
            against.append(f"Assignment {known.name} {why}")
    if against:
        more = len(against) - SHOWN_OBSTACLES
        lines = [*against[:SHOWN_OBSTACLES], *([f"… and {more} more"] if more > 0 else [])]
        raise Conflict("\n".join(lines) + ("" if len(decided) == 1 else "\nNothing was decided."))


def _write(
    db: Session, batch_id: BatchId, ruling: Ruling, chosen: Sequence[Decided], found: Mapping[AssignmentId, Found]
) -> None:
    """The ruling with its intents; work that is paid already needs none to be left out."""
    calls = [
        (found[one.assignment_id].hit_id, one.assignment_id, one.feedback.strip() or THANKS)
        for one in chosen
        if ruling is not Ruling.SOFT_REJECT or _is_open(found[one.assignment_id].standing)
    ]
    match ruling:
        case Ruling.APPROVE | Ruling.SOFT_REJECT:
            ledger.owe(db, [assignment_id for _, assignment_id, _ in calls])
            _release_held(db, [assignment_id for _, assignment_id, _ in calls])
            _intend(db, OperationKind.APPROVE, batch_id, calls)
        case Ruling.REJECT:
            reject(db, batch_id, calls)
        case Ruling.OVERRIDE:
            _override(db, batch_id, calls, found)
    if ruling is Ruling.SOFT_REJECT and chosen:
        count_assignments(db, [one.assignment_id for one in chosen], counted=False)


def _is_open(standing: Standing) -> bool:
    return standing.status is AssignmentStatus.SUBMITTED and standing.under_way is None


def _override(
    db: Session,
    batch_id: BatchId,
    calls: Sequence[tuple[HITId, AssignmentId, str]],
    found: Mapping[AssignmentId, Found],
) -> None:
    """What the rejection gave back is reserved and owed again."""
    for intended in _intend(db, OperationKind.OVERRIDE, batch_id, calls):
        if intended.assignment_id is not None:
            ledger.reserve(db, intended.id, found[intended.assignment_id].price_usd)
    ledger.owe(db, [assignment_id for _, assignment_id, _ in calls])


def _intend(
    db: Session, kind: OperationKind, batch_id: BatchId, calls: Sequence[tuple[HITId, AssignmentId, str]]
) -> Sequence[operations.Intended]:
    return operations.intend(
        db,
        kind,
        batch_id,
        [
            Intent(hit_id=hit_id, assignment_id=assignment_id, arguments=Feedback(feedback).arguments())
            for hit_id, assignment_id, feedback in calls
        ],
    )


def _release_held(db: Session, assignment_ids: Sequence[AssignmentId]) -> None:
    db.execute(
        text("UPDATE assignments SET held_at = NULL WHERE id = ANY(:ids) AND held_at IS NOT NULL"),
        {"ids": list(assignment_ids)},
    )
