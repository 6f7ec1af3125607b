"""What becomes of a HIT that can bring no more: offered again with more places or time, or closed.

Its Items' needs decide (`domain/redundancy.py`). Asking does not wait for approvals, closing does. What a closed HIT did
not spend is released. Items whose HIT cannot be offered again are left to `fresh.py`; those that a limit keeps from
being asked for end with fewer answers, and the Batch says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import clock, exclusions, ledger, operations, shortfalls
from app.db.locks import lock_items
from app.db.operations import Extension, Intent
from app.db.standings import AWAITED, OPEN_EXTENSION, Standing, standings
from app.db.tables import Batch
from app.domain.pricing import MANY_ASSIGNMENTS, assignment_price
from app.domain.vocabulary import BatchId, BatchStatus, HITId, ItemId, OperationKind, Shortfall
from app.errors import BudgetExceeded
from app.logs import get_logger

log = get_logger(__name__)

# HITs, and Items that are due, looked at in one transaction.
CHUNK = 500
# With less than this share of its lifetime left a HIT is given a new one along with more places.
_SHORT_OF_TIME = 4


@dataclass(frozen=True, slots=True)
class Round:
    """What one look did. `last_hit`: where the next one begins; `is_last`: everything was looked at."""

    extended: int = 0
    closed: int = 0
    last_hit: HITId | None = None
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class _Offer:
    """A HIT to be offered again: to how many in all, until when if that must change, and what more that may cost.

    number: how many extensions it had before; a plan made again after a restored backup counts the same.
    """

    hit_id: HITId
    items: Sequence[ItemId]
    extension: Extension
    number: int
    repost: int
    additional_usd: Decimal


def look(db: Session, batch_id: BatchId, *, after: HITId | None = None) -> Round:
    """Decide about up to CHUNK HITs that can bring no more, and as many Items that are due. Call again until `is_last`.

    Nothing is asked for unless the Batch is live. While it is paused, HITs of Items that need more wait; once it is
    stopping, or over, HITs are only closed.
    """
    batch = ledger.locked_batch(db, batch_id)
    live = batch.status == BatchStatus.LIVE
    hits = _exhausted(db, batch_id, after or HITId(0))
    due = shortfalls.which(db, batch_id, Shortfall.DUE, most=CHUNK) if live else []
    needy: list[Standing] = []
    if batch.status in {BatchStatus.LIVE, BatchStatus.PAUSED}:
        items = {*_items_of(db, hits), *due}
        known = standings(db, batch, sorted(items))
        needy = [standing for standing in known if standing.need]
        shortfalls.clear(db, [standing.item_id for standing in known if not standing.need])
    if live:
        exclusions.refresh(db, batch)
        extended = _ask(db, batch, needy)
        busy = extended
    else:
        extended, busy = set(), {standing.latest for standing in needy}
    closed = _close(db, [hit for hit in hits if hit not in busy])
    more_hits = len(hits) == CHUNK
    return Round(len(extended), closed, hits[-1] if more_hits else after, not more_hits and len(due) < CHUNK)


def _exhausted(db: Session, batch_id: BatchId, after: HITId) -> list[HITId]:
    """Live HITs from which nothing more will come, whose answers are all read."""
    rows = db.scalars(
        text(f"""
            SELECT h.id FROM hits AS h
            WHERE h.batch_id = :id AND h.status = 'live' AND h.exhausted AND h.id > :after AND NOT {AWAITED}
            ORDER BY h.id LIMIT :most
        """),
        {"id": batch_id, "after": after, "most": CHUNK},
    )
    return [HITId(hit) for hit in rows]


def _items_of(db: Session, hit_ids: Sequence[HITId]) -> list[ItemId]:
    items = db.scalars(text("SELECT item_id FROM hit_items WHERE hit_id = ANY(:hits)"), {"hits": list(hit_ids)})
    return [ItemId(item) for item in items]


# --- ask -------------------------------------------------------------------------------------------------------------


def _ask(db: Session, batch: Batch, needy: Sequence[Standing]) -> set[HITId | None]:
    """Write down the extensions that the needs call for and the limits allow. Returns the HITs that are extended."""
    if not needy:
        return set()
    by_hit: dict[HITId | None, list[Standing]] = {}
    for standing in needy:
        by_hit.setdefault(standing.latest, []).append(standing)
    facts = _facts(db, [hit for hit in by_hit if hit is not None])
    offers: list[_Offer] = []
    for hit_id, items in by_hit.items():
        found = facts.get(hit_id) if hit_id is not None else None
        ids = [standing.item_id for standing in items]
        offer = _offer(batch, found, items, now=clock.now(db)) if found else None
        if offer is None:
            shortfalls.mark(db, ids, Shortfall.FRESH)
        elif found and offer.repost > found.reposts and found.reposts >= batch.repost_limit:
            shortfalls.mark(db, ids, Shortfall.LIMIT)
        else:
            offers.append(offer)
    affordable, too_dear = _affordable(db, batch, offers)
    _write(db, BatchId(batch.id), affordable)
    for offer in too_dear:
        shortfalls.mark(db, offer.items, Shortfall.CAP)
    if len(affordable) < len(by_hit):
        shortfalls.say(db, batch)
    return {offer.hit_id for offer in affordable}


# A HIT as far as offering it again goes. `unspent_usd`: what it still has reserved; `settled`: places that cost nothing
# more, since they are priced already or their work is rejected. A rejection that is only intended may come too late, and
# the work be paid: its money is not free yet.
_FACTS = text("""
    SELECT h.id, h.max_assignments, h.reposts, h.expires_at, g.reward_usd, g.masters, work.held, work.settled,
           (SELECT count(*) FROM operations AS o WHERE o.hit_id = h.id AND o.kind = 'extend') AS extensions,
           h.status IN ('live', 'done') AND h.marketplace_hit_id IS NOT NULL AND h.deleted_at IS NULL
               AND h.marketplace_status IS DISTINCT FROM 'Disposed'
               AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.hit_id = h.id
                               AND (o.kind = 'delete' AND o.status <> 'cancelled'
                                    OR o.kind = 'extend' AND o.status = 'cancelled')) AS can_be_extended,
           coalesce((SELECT sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release'))
                          - coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reward', 'fee')
                                                               AND p.status <> 'cancelled'), 0)
                     FROM payments AS p WHERE p.hit_id = h.id), 0) AS unspent_usd
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS held,
               count(*) FILTER (WHERE a.status = 'rejected'
                   OR EXISTS (SELECT 1 FROM payments AS p WHERE p.assignment_id = a.id AND p.kind = 'reward'
                              AND p.status <> 'cancelled')) AS settled
        FROM assignments AS a WHERE a.hit_id = h.id
    ) AS work
    WHERE h.id = ANY(:ids)
""")


def _facts(db: Session, hit_ids: Sequence[HITId]) -> Mapping[HITId, Any]:
    return {HITId(row.id): row for row in db.execute(_FACTS, {"ids": hit_ids})}


def _offer(batch: Batch, hit: Any, items: Sequence[Standing], *, now: datetime) -> _Offer | None:
    """How to offer the HIT again, or None where it cannot be: fresh ones must take its place."""
    places = max(hit.max_assignments, hit.held + max(standing.need for standing in items))
    if not hit.can_be_extended or (places >= MANY_ASSIGNMENTS > hit.max_assignments):
        return None
    unfilled = hit.held < hit.max_assignments
    price = assignment_price(hit.reward_usd, max_assignments=places, masters=hit.masters).total_usd
    return _Offer(
        hit_id=HITId(hit.id),
        items=[standing.item_id for standing in items],
        extension=Extension(places, _new_expiry(batch, hit.expires_at, unfilled=unfilled, now=now)),
        number=hit.extensions,
        repost=hit.reposts + (unfilled or any(standing.lost for standing in items)),
        additional_usd=max(price * (places - hit.settled) - hit.unspent_usd, Decimal(0)),
    )


def _new_expiry(batch: Batch, expires_at: datetime | None, *, unfilled: bool, now: datetime) -> datetime | None:
    """Until when the HIT shall be open, None where it is open long enough.

    Counted from the later of our now and its own end, since the marketplace's clock may be ahead of ours.
    """
    lifetime = timedelta(seconds=batch.lifetime_s)
    if not unfilled and expires_at is not None and expires_at - now > lifetime / _SHORT_OF_TIME:
        return None
    return (max(now, expires_at or now) + lifetime).replace(microsecond=0)


def _affordable(db: Session, batch: Batch, offers: Sequence[_Offer]) -> tuple[list[_Offer], list[_Offer]]:
    """The offers that fit under the caps, the oldest HITs first, and those that do not."""
    fitting = sorted(offers, key=lambda offer: offer.hit_id)
    while fitting:
        total = sum((offer.additional_usd for offer in fitting), Decimal(0))
        if not total:
            break
        try:
            ledger.check_room(db, batch, total)
        except BudgetExceeded as error:
            fitting = _within(fitting, error.left_usd)
        else:
            break
    kept = {offer.hit_id for offer in fitting}
    return fitting, [offer for offer in offers if offer.hit_id not in kept]


def _within(offers: Sequence[_Offer], left_usd: Decimal) -> list[_Offer]:
    """As many as `left_usd` covers, in order; those that cost nothing always fit."""
    kept = []
    for offer in offers:
        if offer.additional_usd <= max(left_usd, Decimal(0)):
            kept.append(offer)
            left_usd -= offer.additional_usd
    return kept


def _write(db: Session, batch_id: BatchId, offers: Sequence[_Offer]) -> None:
    """The intent of each extension, its reservation, and how often the HIT was offered again."""
    by_hit = {offer.hit_id: offer for offer in offers}
    intents = [
        Intent(
            hit_id=offer.hit_id,
            key=f"{offer.extension.places}/{offer.number}",
            arguments=offer.extension.arguments(),
        )
        for offer in offers
    ]
    for intended in operations.intend(db, OperationKind.EXTEND, batch_id, intents):
        offer = by_hit[HITId(intended.hit_id or 0)]
        if offer.additional_usd:
            ledger.reserve(db, intended.id, offer.additional_usd)
        db.execute(
            text("UPDATE hits SET reposts = :reposts WHERE id = :id"), {"id": offer.hit_id, "reposts": offer.repost}
        )
        shortfalls.clear(db, offer.items)
    if offers:
        log.info("hits.to_extend", batch_id=batch_id, count=len(offers))


# --- close -----------------------------------------------------------------------------------------------------------


def _close(db: Session, hit_ids: Sequence[HITId]) -> int:
    """Close those of these HITs whose work is decided and booked, and release what they did not spend. Returns how many.

    Work that the marketplace approved by itself waits for the review job to book it: its money is spent. Their Items'
    Consensus is computed again: it may be final now.
    """
    if not hit_ids:
        return 0
    closed = db.scalars(
        text(f"""
            UPDATE hits AS h SET status = 'done'
            WHERE h.id = ANY(:ids) AND h.status = 'live' AND h.exhausted AND NOT {OPEN_EXTENSION}
              AND NOT EXISTS (SELECT 1 FROM assignments AS a WHERE a.hit_id = h.id
                              AND (a.status = 'submitted' OR a.answer_state = 'raw' OR (a.status = 'approved' AND NOT EXISTS (
                                  SELECT 1 FROM payments AS p WHERE p.assignment_id = a.id AND p.kind = 'reward'
                                  AND p.status <> 'cancelled'))))
            RETURNING h.id
        """),
        {"ids": list(hit_ids)},
    ).all()
    ledger.release_hits(db, closed)
    items = _items_of(db, [HITId(hit) for hit in closed])
    lock_items(db, items)
    db.execute(text("UPDATE items SET consensus_stale = true WHERE id = ANY(:ids)"), {"ids": items})
    return len(closed)
