"""Planned HITs written down: what each shows, what it may cost, and the intent to publish it, in one transaction.

Request tokens follow from the Batch's own token, the round and what is shown on which side: a plan that is made again, in
a database restored from a backup of before, has the same tokens, and the marketplace answers with the HITs that it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.copying import copy_rows
from app.db.tables import Batch
from app.domain.packing import Placed
from app.domain.pricing import assignment_price
from app.domain.vocabulary import HitGroupId, OperationKind


@dataclass(frozen=True, slots=True)
class HitPlan:
    """A HIT to be: what it shows, in order, and how many Assignments it offers."""

    shows: Sequence[Placed]
    places: int


def cost_usd(batch: Batch, plans: Sequence[HitPlan]) -> Decimal:
    """What these HITs cost if every place is filled and approved, fees included."""
    prices = {
        places: assignment_price(batch.reward_usd, max_assignments=places, masters=batch.masters).total_usd
        for places in {plan.places for plan in plans}
    }
    return sum((prices[plan.places] * plan.places for plan in plans), Decimal(0))


def write(db: Session, batch: Batch, group_id: HitGroupId, plans: Sequence[HitPlan], *, round_number: int) -> None:
    """HITs, their Items, their reservations and the intent to publish each: four COPYs. `ledger.check_room` comes first."""
    next_ids = text("SELECT nextval(pg_get_serial_sequence('hits', 'id')) FROM generate_series(1, :n)")
    ids = list(db.scalars(next_ids, {"n": len(plans)}))
    rows = [(i, plan, _token(batch, round_number, plan.shows)) for i, plan in zip(ids, plans, strict=True)]
    copy_rows(
        db,
        "hits (id, batch_id, group_id, request_token, annotation, max_assignments)",
        ((i, batch.id, group_id, token, _annotation(batch.id, token), plan.places) for i, plan, token in rows),
    )
    copy_rows(
        db,
        "hit_items (hit_id, position, item_id, a_is_given)",
        ((i, place.position, place.item_id, place.a_is_given) for i, plan, _ in rows for place in plan.shows),
    )
    copy_rows(
        db,
        "payments (batch_id, hit_id, kind, status, amount_usd)",
        ((batch.id, i, "reservation", "booked", cost_usd(batch, [plan])) for i, plan, _ in rows),
    )
    copy_rows(db, "operations (batch_id, kind, hit_id)", ((batch.id, OperationKind.PUBLISH, i) for i in ids))


def _token(batch: Batch, round_number: int, shows: Sequence[Placed]) -> UUID:
    # Sides included: a HIT that shows the labels the other way round must never be taken for this one.
    shown = ",".join(f"{place.item_id}{'a' if place.a_is_given else 'b'}" for place in shows)
    return uuid5(batch.token, f"{round_number}/{shown}")


def _annotation(batch_id: int, token: UUID) -> str:
    """How a HIT is found again on the marketplace: unique, and readable for whoever lists HITs there."""
    return f"label-jury batch={batch_id} token={token}"
