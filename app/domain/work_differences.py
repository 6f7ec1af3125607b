"""One HIT's work and bonuses beside what the marketplace lists of them: values in, differences out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.differences import (
    SETTLES_WITHIN,
    BookBonus,
    Fetch,
    Finding,
    OurHIT,
    Remedy,
    SettleBonus,
    is_young,
    named,
)
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    DifferenceKind,
    MarketplaceAssignmentId,
    OperationId,
    OperationStatus,
    PaymentStatus,
)


@dataclass(frozen=True, slots=True)
class OurAssignment:
    """An Assignment as our tables have it. `busy`: a decision on it is being told to the marketplace."""

    marketplace_id: MarketplaceAssignmentId
    status: AssignmentStatus
    collected_at: datetime
    decided_at: datetime | None
    busy: bool


@dataclass(frozen=True, slots=True)
class SeenAssignment:
    """An Assignment as the marketplace lists it. `status`: Submitted, Approved or Rejected."""

    marketplace_id: MarketplaceAssignmentId
    status: str
    submitted_at: datetime | None


@dataclass(frozen=True, slots=True)
class OurBonus:
    """A bonus as our tables have it."""

    marketplace_assignment_id: MarketplaceAssignmentId
    operation_id: OperationId
    amount_usd: Decimal
    reason: str
    operation_status: OperationStatus
    payment_status: PaymentStatus
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenBonus:
    """A bonus as the marketplace lists it."""

    marketplace_assignment_id: MarketplaceAssignmentId
    amount_usd: Decimal
    reason: str
    granted_at: datetime | None


# --- Assignments ------------------------------------------------------------------------------------------------------


def compare_assignments(
    row: OurHIT,
    seen: Sequence[SeenAssignment],
    ours: Sequence[OurAssignment],
    *,
    now: datetime,
    patience: timedelta = SETTLES_WITHIN,
) -> list[Finding]:
    """What differs in one HIT's work. `seen`: all that was handed in; `ours`: read after it.

    patience: what happened on the marketplace so shortly ago is no difference yet.
    """
    here = {assignment.marketplace_id: assignment for assignment in ours}
    there = {assignment.marketplace_id for assignment in seen}
    new = [
        a.marketplace_id for a in seen if a.marketplace_id not in here and not is_young(a.submitted_at, now, patience)
    ]
    pairs = [(a, here[a.marketplace_id]) for a in seen if a.marketplace_id in here]
    undecided_here = [
        a.marketplace_id
        for a, known in pairs
        if known.status is AssignmentStatus.SUBMITTED and a.status != "Submitted" and not known.busy
    ]
    found = []
    if new:
        said = f"The marketplace has {named(new, 'answer')} of HIT {row.marketplace_hit_id} that we do not hold."
        found.append(_fetch(DifferenceKind.ASSIGNMENT_NOT_COLLECTED, row, f"{said} A repair collects what is missing."))
    if undecided_here:
        said = (
            f"The marketplace has decided {named(undecided_here, 'answer')} of HIT {row.marketplace_hit_id}, open here."
        )
        advice = " A repair writes the decisions down, and books what was paid."
        found.append(_fetch(DifferenceKind.DECISION_NOT_RECORDED, row, said + advice))
    found += [_decided_otherwise(row, a, known) for a, known in pairs if _contradict(a, known, now)]
    found += [
        _lost(row, known)
        for known in ours
        # Collected while the list was being read.
        if known.marketplace_id not in there and not is_young(known.collected_at, now)
    ]
    return found


def _fetch(kind: DifferenceKind, row: OurHIT, details: str) -> Finding:
    return Finding(kind, str(row.marketplace_hit_id), row.batch_id, details, Fetch(row.id))


def _contradict(seen: SeenAssignment, known: OurAssignment, now: datetime) -> bool:
    return (
        known.status is not AssignmentStatus.SUBMITTED
        and seen.status.lower() != known.status
        and not known.busy
        # Decided while the list was being read.
        and not is_young(known.decided_at, now)
    )


def _decided_otherwise(row: OurHIT, seen: SeenAssignment, known: OurAssignment) -> Finding:
    remedy = None
    if seen.status == "Submitted":
        advice = "Decide it there as it is here, or it is approved and paid by itself."
    elif seen.status == "Approved":
        advice = (
            "Another program took the rejection back: it was paid. A repair books and counts it, whatever the cap says."
        )
        remedy = Fetch(row.id)
    else:
        advice = (
            "Another program rejected it: it was not paid. Override the rejection there, or accept this difference."
        )
    return Finding(
        DifferenceKind.DECISION_DIFFERS,
        seen.marketplace_id,
        row.batch_id,
        f"Assignment {seen.marketplace_id} is {known.status} here and {seen.status} on the marketplace. {advice}",
        remedy,
    )


def _lost(row: OurHIT, known: OurAssignment) -> Finding:
    return Finding(
        DifferenceKind.ASSIGNMENT_MISSING,
        known.marketplace_id,
        row.batch_id,
        f"Assignment {known.marketplace_id} of HIT {row.marketplace_hit_id} is here ({known.status}) and the marketplace"
        " does not list it. Its answer is kept; check that the credentials are of the account it was collected with.",
    )


# --- bonuses ----------------------------------------------------------------------------------------------------------


def compare_bonuses(
    row: OurHIT,
    seen: Sequence[SeenBonus],
    ours: Sequence[OurBonus],
    known: Mapping[MarketplaceAssignmentId, AssignmentId],
    *,
    now: datetime,
    patience: timedelta = SETTLES_WITHIN,
) -> list[Finding]:
    """What differs in one HIT's bonuses. `known`: its Assignments that are collected; others' bonuses come later.

    Bonuses are told apart by Assignment and amount; the reason decides only between equal ones.
    """
    left = sorted(ours, key=lambda bonus: bonus.payment_status is not PaymentStatus.PAID)
    found: list[Finding] = []
    for paid in seen:
        match = _same(paid, left)
        if match is not None:
            left.remove(match)
            if match.payment_status is not PaymentStatus.PAID and match.operation_status in _GIVEN_UP:
                found.append(_bonus_not_recorded(row, paid, SettleBonus(match.operation_id)))
        elif paid.marketplace_assignment_id in known and not is_young(paid.granted_at, now, patience):
            assignment_id = known[paid.marketplace_assignment_id]
            equal = sum(_amount_of(other) == _amount_of(paid) for other in seen)
            found.append(_bonus_not_recorded(row, paid, BookBonus(assignment_id, paid.amount_usd, paid.reason, equal)))
    found += [
        _bonus_missing(row, bonus)
        for bonus in left
        if bonus.payment_status is PaymentStatus.PAID and not is_young(bonus.paid_at, now)
    ]
    return found


# No runner will find out by itself that it was paid.
_GIVEN_UP = frozenset({OperationStatus.FAILED, OperationStatus.CANCELLED})


def _amount_of(bonus: SeenBonus | OurBonus) -> tuple[MarketplaceAssignmentId, Decimal]:
    return bonus.marketplace_assignment_id, bonus.amount_usd


def _same(paid: SeenBonus, ours: Sequence[OurBonus]) -> OurBonus | None:
    equal = [bonus for bonus in ours if _amount_of(bonus) == _amount_of(paid)]
    by_reason = [bonus for bonus in equal if bonus.reason.strip() == paid.reason.strip()]
    return next(iter(by_reason or equal), None)


def _bonus_not_recorded(row: OurHIT, paid: SeenBonus, remedy: Remedy) -> Finding:
    return Finding(
        DifferenceKind.BONUS_NOT_RECORDED,
        f"{paid.marketplace_assignment_id} {paid.amount_usd:.2f}",
        row.batch_id,
        f"The marketplace paid a bonus of ${paid.amount_usd:.2f} for Assignment {paid.marketplace_assignment_id} that our"
        " ledger does not have as paid. A repair books it with its fee; the same bonus is not sent again.",
        remedy,
    )


def _bonus_missing(row: OurHIT, bonus: OurBonus) -> Finding:
    return Finding(
        DifferenceKind.BONUS_MISSING,
        f"{bonus.marketplace_assignment_id} {bonus.amount_usd:.2f}",
        row.batch_id,
        f"Our ledger has a bonus of ${bonus.amount_usd:.2f} for Assignment {bonus.marketplace_assignment_id} as paid and the"
        " marketplace does not list it. Ask the Worker or the marketplace before you send it again.",
    )
