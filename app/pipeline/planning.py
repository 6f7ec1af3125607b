"""Items → planned HITs: what each HIT shows, what it may cost, and the intent to publish it, all in one transaction."""

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import attention, exclusions, hit_plans, ledger
from app.db.hit_plans import HitPlan
from app.db.tables import Batch
from app.domain import packing
from app.domain.packing import Sized
from app.domain.vocabulary import BatchId, BatchStatus, HitGroupId, ItemId, MediaType, PauseReason
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
    plans = [HitPlan(packing.place(group, rng), batch.first_assignments) for group in groups]
    try:
        ledger.check_room(db, batch, hit_plans.cost_usd(batch, plans))
    except BudgetExceeded as error:
        attention.pause(db, batch_id, PauseReason.CAP, str(error))
        return 0
    hit_plans.write(db, batch, _main_group(db, batch), plans, round_number=0)
    batch.planned_items += sum(len(plan.shows) for plan in plans)
    return len(plans)


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
        text("""
            INSERT INTO hit_groups (batch_id, number, reward_usd, masters) VALUES (:id, 0, :reward, :masters) RETURNING id
        """),
        {"id": batch.id, "reward": batch.reward_usd, "masters": batch.masters},
    )
    group_id = HitGroupId(made.scalar_one())
    exclusions.keep_out_of_group(db, batch, group_id)
    return group_id
