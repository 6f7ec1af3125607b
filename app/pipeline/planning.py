"""Items → planned HITs: what each HIT shows, what it may cost, and the intent to publish it, all in one transaction.

Request tokens follow from the Batch's own token and the Items shown: a plan that is made again, in a database restored
from a backup of before, has the same tokens, and the marketplace answers with the HITs that it has already.
"""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid5

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import attention, ledger, operations
from app.db.copying import copy_rows
from app.db.operations import Intent
from app.db.tables import Batch
from app.domain import packing
from app.domain.packing import Placed, Sized
from app.domain.pricing import assignment_price
from app.domain.vocabulary import (
    BatchId,
    BatchStatus,
    HitGroupId,
    ItemId,
    MediaType,
    OperationKind,
    PauseReason,
    WorkerId,
)
from app.errors import BudgetExceeded
from app.questions.budget import PageBudget
from app.secrets import keyed_number


def plan(db: Session, batch_id: BatchId, *, secret: bytes) -> int:
    """Write down the HITs of a live Batch's Items that have none yet, with their cost reserved. Returns how many HITs.

    Before its release a Batch with a pilot plans the pilot's Items alone. Where the cap does not cover all of them nothing
    is planned and the Batch is paused, saying what is needed.
    secret: with the Batch's seed, draws which label is `a`, so that nobody who sees the seed can tell.
    """
    batch = ledger.locked_batch(db, batch_id)
    if batch.status != BatchStatus.LIVE or batch.planned_items >= _wanted(batch):
        return 0
    stage = 0 if batch.planned_items == 0 else 1
    rng = np.random.default_rng([batch.seed, keyed_number(secret, "a-is-given", batch.id), *([stage] if stage else [])])
    groups = packing.pack(
        _unplanned(db, batch), per_hit=batch.items_per_hit, byte_budget=_page_budget(batch).capacity_bytes
    )
    placed = [packing.place(group, rng) for group in groups]
    price = assignment_price(batch.reward_usd, max_assignments=batch.first_assignments)
    per_hit = price.total_usd * batch.first_assignments
    try:
        ledger.check_room(db, batch, per_hit * len(placed))
    except BudgetExceeded as error:
        attention.pause(db, batch_id, PauseReason.CAP, str(error))
        return 0
    _write_plan(db, batch, _main_group(db, batch), placed, per_hit)
    batch.planned_items += sum(len(group) for group in placed)
    return len(placed)


def _wanted(batch: Batch) -> int:
    """How many Items shall be planned as things stand."""
    if batch.pilot_items is None or batch.released_at is not None:
        return batch.item_count
    return min(batch.pilot_items, batch.item_count)


def _unplanned(db: Session, batch: Batch) -> list[Sized]:
    """The Items to be planned now, in the file's order; a pilot's are drawn by the seed, so that they stand for all."""
    rows = db.execute(
        text("""
            SELECT id, page_bytes FROM items AS i
            WHERE batch_id = :id AND NOT EXISTS (SELECT 1 FROM hit_items AS hi WHERE hi.item_id = i.id) ORDER BY id
        """),
        {"id": batch.id},
    ).all()
    items = [Sized(ItemId(row[0]), row[1]) for row in rows]
    wanted = _wanted(batch) - batch.planned_items
    if wanted >= len(items):
        return items
    drawn = np.random.default_rng([batch.seed, 1]).choice(len(items), size=wanted, replace=False)
    return [items[index] for index in sorted(drawn)]


def _page_budget(batch: Batch) -> PageBudget:
    return PageBudget.of(
        batch.template_source,
        media_type=MediaType(batch.media_type),
        title=batch.title,
        instructions=batch.instructions,
    )


def _main_group(db: Session, batch: Batch) -> HitGroupId:
    """The Batch's own group, made at first, with the intent to keep out the Workers of the Batches that it excludes."""
    found = db.execute(
        text("SELECT id FROM hit_groups WHERE batch_id = :id AND number = 0"), {"id": batch.id}
    ).scalar_one_or_none()
    if found is not None:
        return HitGroupId(found)
    made = db.execute(
        text("INSERT INTO hit_groups (batch_id, number, reward_usd) VALUES (:id, 0, :reward) RETURNING id"),
        {"id": batch.id, "reward": batch.reward_usd},
    )
    group_id = HitGroupId(made.scalar_one())
    workers = db.scalars(
        text("""
            SELECT DISTINCT a.worker_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            JOIN workers AS w ON w.id = a.worker_id
            WHERE h.batch_id = ANY(:batches) AND w.profile = :profile ORDER BY a.worker_id
        """),
        {"batches": list(batch.excluded_batches), "profile": batch.profile},
    )
    intents = [Intent(group_id=group_id, worker_id=WorkerId(worker_id)) for worker_id in workers]
    operations.intend(db, OperationKind.QUALIFY, BatchId(batch.id), intents)
    return group_id


def _write_plan(
    db: Session, batch: Batch, group_id: HitGroupId, placed: Sequence[Sequence[Placed]], per_hit: Decimal
) -> None:
    """HITs, their Items, their reservations and the intent to publish each: four COPYs."""
    ids = list(
        db.scalars(
            text("SELECT nextval(pg_get_serial_sequence('hits', 'id')) FROM generate_series(1, :n)"), {"n": len(placed)}
        )
    )
    tokens = [_token(batch, group) for group in placed]
    hits = (
        (i, batch.id, group_id, token, _annotation(batch.id, token), batch.first_assignments)
        for i, token in zip(ids, tokens, strict=True)
    )
    copy_rows(db, "hits (id, batch_id, group_id, request_token, annotation, max_assignments)", hits)
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


def _token(batch: Batch, group: Sequence[Placed]) -> UUID:
    return uuid5(batch.token, f"0/{','.join(str(placed.item_id) for placed in group)}")


def _annotation(batch_id: int, token: UUID) -> str:
    """How a HIT is found again on the marketplace: unique, and readable for whoever lists HITs there."""
    return f"label-jury batch={batch_id} token={token}"
