"""Items → planned HITs: what each HIT shows, what it may cost, and the intent to publish it, all in one transaction."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit
from app.db.copying import copy_rows
from app.db.tables import Batch
from app.domain import packing
from app.domain.packing import Placed, Sized
from app.domain.pricing import assignment_price
from app.domain.vocabulary import BatchId, BatchStatus, ItemId, MediaType, OperationKind
from app.errors import BudgetExceeded, NotFound
from app.questions.budget import PageBudget
from app.secrets import keyed_number


def plan(db: Session, batch_id: BatchId, *, secret: bytes) -> int:
    """Write down every HIT of a live Batch that has none yet, with its cost reserved. Returns how many were planned.

    secret: with the Batch's seed, draws which label is `a`, so that nobody who sees the seed can tell.
    Where the cap does not cover all of them nothing is planned and the Batch is paused, saying what is needed.
    """
    batch = _locked(db, batch_id)
    if batch.status != BatchStatus.LIVE or _has_hits(db, batch_id):
        return 0
    budget = PageBudget.of(
        batch.template_source,
        media_type=MediaType(batch.media_type),
        title=batch.title,
        instructions=batch.instructions,
    )
    sizes = db.execute(
        text("SELECT id, page_bytes FROM items WHERE batch_id = :id ORDER BY id"), {"id": batch_id}
    ).all()
    rng = np.random.default_rng([batch.seed, keyed_number(secret, "a-is-given", batch.id)])
    groups = packing.pack(
        (Sized(ItemId(row[0]), row[1]) for row in sizes),
        per_hit=batch.items_per_hit,
        byte_budget=budget.capacity_bytes,
    )
    placed = [packing.place(group, rng) for group in groups]
    price = assignment_price(batch.reward_usd, max_assignments=batch.assignments_per_item)
    per_hit = price.total_usd * batch.assignments_per_item
    if batch.cap_usd is None or per_hit * len(placed) > batch.cap_usd:
        _pause_over_budget(db, batch, BudgetExceeded(per_hit * len(placed), batch.cap_usd or Decimal(0)))
        return 0
    _write_plan(db, batch, placed, per_hit)
    return len(placed)


def _write_plan(db: Session, batch: Batch, placed: Sequence[Sequence[Placed]], per_hit: Decimal) -> None:
    """HITs, their Items, their reservations and the intent to publish each: four COPYs."""
    ids = list(
        db.scalars(
            text("SELECT nextval(pg_get_serial_sequence('hits', 'id')) FROM generate_series(1, :n)"), {"n": len(placed)}
        )
    )
    tokens = [uuid4() for _ in ids]
    hits = (
        (i, batch.id, token, _annotation(batch.id, token), batch.assignments_per_item)
        for i, token in zip(ids, tokens, strict=True)
    )
    copy_rows(db, "hits (id, batch_id, request_token, annotation, max_assignments)", hits)
    copy_rows(
        db,
        "hit_items (hit_id, position, item_id, a_is_given)",
        ((i, p.position, p.item_id, p.a_is_given) for i, group in zip(ids, placed, strict=True) for p in group),
    )
    copy_rows(
        db,
        "payments (batch_id, hit_id, kind, status, amount_usd)",
        ((batch.id, i, "reservation", "booked", per_hit) for i in ids),
    )
    copy_rows(db, "operations (batch_id, kind, hit_id)", ((batch.id, OperationKind.PUBLISH, i) for i in ids))


def _annotation(batch_id: int, token: UUID) -> str:
    """How a HIT is found again on the marketplace: unique, and readable for whoever lists HITs there."""
    return f"label-jury batch={batch_id} token={token}"


def _pause_over_budget(db: Session, batch: Batch, error: BudgetExceeded) -> None:
    batch.status, batch.attention = BatchStatus.PAUSED, str(error)
    audit.record(
        db, actor="job runner", action="batch.over_budget", batch_id=batch.id, profile=batch.profile, why=str(error)
    )


def _has_hits(db: Session, batch_id: BatchId) -> bool:
    return bool(
        db.execute(text("SELECT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id)"), {"id": batch_id}).scalar_one()
    )


def _locked(db: Session, batch_id: BatchId) -> Batch:
    batch = db.get(Batch, batch_id, with_for_update=True, populate_existing=True)
    if batch is None:
        raise NotFound("Batch", batch_id)
    return batch
