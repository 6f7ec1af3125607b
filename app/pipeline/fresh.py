"""Fresh HITs for Items that need more answers and whose HITs cannot be offered again: deleted, too old, or full.

One round serves all of them: it waits until no other HIT of the Batch can bring answers. Its group's Qualification keeps out
everybody who has answered any of its Items, so that nobody is asked twice.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import exclusions, hit_plans, ledger, shortfalls
from app.db.hit_plans import HitPlan
from app.db.standings import AWAITED, Standing, standings
from app.db.tables import Batch
from app.domain import packing
from app.domain.packing import Sized
from app.domain.vocabulary import BatchId, BatchStatus, HitGroupId, ItemId, MediaType, Shortfall, WorkerId
from app.errors import BudgetExceeded
from app.logs import get_logger
from app.questions.budget import PageBudget
from app.secrets import keyed_number

log = get_logger(__name__)

# Items served by one round; the rest is served by the next.
MOST_ITEMS = 20_000


def plan(db: Session, batch_id: BatchId, *, secret: bytes) -> int:
    """Write down a round of fresh HITs where the Batch is live, needs one and nothing else is to come. Returns how many.

    Beyond the Batch's limit of rounds, or its cap, the Items end with fewer answers, and the Batch says so.
    secret: with the Batch's seed, draws which label is `a`.
    """
    batch = ledger.locked_batch(db, batch_id)
    if batch.status != BatchStatus.LIVE:
        return 0
    waiting = shortfalls.which(db, batch_id, Shortfall.FRESH, most=MOST_ITEMS)
    if not waiting or _more_may_come(db, batch_id):
        return 0
    round_number = _rounds(db, batch_id) + 1
    if round_number > batch.repost_limit:
        shortfalls.mark(db, waiting, Shortfall.LIMIT)
        shortfalls.say(db, batch)
        return 0
    known = standings(db, batch, waiting)
    needy = [standing for standing in known if standing.need]
    shortfalls.clear(db, [standing.item_id for standing in known if not standing.need])
    plans = _affordable(db, batch, _pack(db, batch, needy, round_number=round_number, secret=secret))
    planned = [place.item_id for plan in plans for place in plan.shows]
    shortfalls.mark(db, sorted({standing.item_id for standing in needy} - set(planned)), Shortfall.CAP)
    if plans:
        hit_plans.write(db, batch, _new_group(db, batch, planned), plans, round_number=round_number)
        shortfalls.clear(db, planned)
        log.info("hits.to_publish_afresh", batch_id=batch_id, count=len(plans), round=round_number)
    shortfalls.say(db, batch)
    return len(plans)


def _more_may_come(db: Session, batch_id: BatchId) -> bool:
    """Whether a HIT of Items may still bring answers; it may need fresh HITs in its turn."""
    statement = text(f"""
        SELECT EXISTS (SELECT 1 FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
                       WHERE h.batch_id = :id AND g.purpose = 'items' AND h.status IN ('planned', 'publishing', 'live')
                         AND {AWAITED})
            OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND shortfall = 'due')
    """)
    return bool(db.execute(statement, {"id": batch_id}).scalar_one())


def _rounds(db: Session, batch_id: BatchId) -> int:
    """How many rounds of fresh HITs the Batch has had."""
    statement = text("SELECT count(*) FROM hit_groups WHERE batch_id = :id AND purpose = 'items' AND number > 0")
    return int(db.execute(statement, {"id": batch_id}).scalar_one())


def _pack(db: Session, batch: Batch, needy: Sequence[Standing], *, round_number: int, secret: bytes) -> list[HitPlan]:
    """HITs of Items that need the same number of answers: none is offered more places than its Items need."""
    pages = text("SELECT id, page_bytes FROM items WHERE id = ANY(:ids)")
    sizes = {row.id: row.page_bytes for row in db.execute(pages, {"ids": [standing.item_id for standing in needy]})}
    seeds = [batch.seed, keyed_number(secret, "a-is-given", batch.id), 1 + round_number]
    budget = PageBudget.of(
        batch.template_source,
        media_type=MediaType(batch.media_type),
        title=batch.title,
        instructions=batch.instructions,
    )
    plans: list[HitPlan] = []
    for places in sorted({standing.need for standing in needy}):
        same = (Sized(s.item_id, sizes[s.item_id]) for s in needy if s.need == places)
        groups = packing.pack(same, per_hit=batch.items_per_hit, byte_budget=budget.capacity_bytes)
        # Drawn for each group by itself: planned again after a restored backup, among others, it shows the same.
        plans.extend(HitPlan(packing.place(group, np.random.default_rng([*seeds, *group])), places) for group in groups)
    return plans


def _affordable(db: Session, batch: Batch, plans: list[HitPlan]) -> list[HitPlan]:
    """As many of the plans, in order, as the caps cover."""
    while plans:
        try:
            ledger.check_room(db, batch, hit_plans.cost_usd(batch, plans))
        except BudgetExceeded as error:
            fitting = []
            left_usd = error.left_usd
            for one in plans:
                left_usd -= hit_plans.cost_usd(batch, [one])
                if left_usd < 0:
                    break
                fitting.append(one)
            plans = fitting
        else:
            break
    return plans


def _new_group(db: Session, batch: Batch, item_ids: Sequence[ItemId]) -> HitGroupId:
    """A group that keeps out whoever has worked on any of these Items, and whoever the whole Batch keeps out."""
    made = db.execute(
        text("""
            INSERT INTO hit_groups (batch_id, number, reward_usd, masters)
            SELECT :id, max(number) + 1, :reward, :masters FROM hit_groups WHERE batch_id = :id RETURNING id
        """),
        {"id": batch.id, "reward": batch.reward_usd, "masters": batch.masters},
    )
    group_id = HitGroupId(made.scalar_one())
    answered = db.scalars(
        text("""
            SELECT DISTINCT a.worker_id FROM hit_items AS hi JOIN assignments AS a ON a.hit_id = hi.hit_id
            WHERE hi.item_id = ANY(:items)
        """),
        {"items": list(item_ids)},
    )
    exclusions.keep_out_of_group(db, batch, group_id, [WorkerId(worker) for worker in answered])
    return group_id
