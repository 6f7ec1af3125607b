"""What a HIT has reserved and may still need: given back with a rejection, reserved anew for work approved after all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.db import ledger
from app.domain.pricing import assignment_price
from app.domain.vocabulary import BatchId, HITId, OperationId


@dataclass(slots=True)
class _Room:
    """A HIT's reservation: what is not spent of it, and the places that may still cost `price_usd` each."""

    live: bool
    price_usd: Decimal
    unspent_usd: Decimal
    open_places: int

    @property
    def spare_usd(self) -> Decimal:
        """What no place needs; negative where the reservation does not cover them."""
        return self.unspent_usd - self.price_usd * self.open_places


# Settled: rejected, or priced already. Places of an extension under way count: their money may be what is left over here. A
# HIT that is closed has no open places but those whose approval was not booked yet.
_ROOMS = text("""
    SELECT h.id, h.status, g.reward_usd, g.masters, work.settled, work.unbooked,
           greatest(h.max_assignments, coalesce((
               SELECT max(CAST(o.arguments ->> 'places' AS int)) FROM operations AS o
               WHERE o.hit_id = h.id AND o.kind = 'extend' AND o.status IN ('intended', 'acting', 'failed')), 0)) AS places,
           coalesce((SELECT coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')), 0)
                - coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reward', 'fee') AND p.status <> 'cancelled'), 0)
            FROM payments AS p WHERE p.hit_id = h.id), 0) AS unspent_usd
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE a.status = 'rejected' OR priced.yes) AS settled,
               count(*) FILTER (WHERE a.status = 'approved' AND NOT priced.yes) AS unbooked
        FROM assignments AS a CROSS JOIN LATERAL (
            SELECT EXISTS (SELECT 1 FROM payments AS p WHERE p.assignment_id = a.id AND p.kind = 'reward'
                           AND p.status <> 'cancelled') AS yes) AS priced
        WHERE a.hit_id = h.id
    ) AS work
    WHERE h.id = ANY(:ids) ORDER BY h.id FOR UPDATE OF h
""")


def _rooms(db: Session, hit_ids: Collection[int]) -> dict[int, _Room]:
    return {
        row.id: _Room(
            live=row.status == "live",
            price_usd=assignment_price(row.reward_usd, max_assignments=1, masters=row.masters).total_usd,
            unspent_usd=row.unspent_usd,
            open_places=max(row.places - row.settled, 0) if row.status == "live" else row.unbooked,
        )
        for row in db.execute(_ROOMS, {"ids": list(hit_ids)})
    }


def release_rejected(db: Session, decided: Sequence[tuple[OperationId, HITId]]) -> None:
    """Give back what rejected work does not cost, once the marketplace has rejected it; the operation is the decision's.

    The caller holds the Batch's lock. A HIT that is closed has given everything back already; one that was extended meanwhile
    may need the money for its new places.
    """
    rooms = _rooms(db, [hit_id for _, hit_id in decided])
    for operation_id, hit_id in decided:
        room = rooms[hit_id]
        amount = min(room.price_usd, room.spare_usd)
        if room.live and amount > 0:
            ledger.release_share(db, operation_id, amount)
            room.unspent_usd -= amount


def book_overrides_made_elsewhere(db: Session, batch_id: BatchId) -> int:
    """Reserve what work costs that another program approved after its money had been given back. Returns for how many.

    The money is spent, so no cap is asked. An operation that is done already stands for the call that was made elsewhere. To
    be called before such work is booked as paid.
    """
    unbooked = db.execute(
        text("""
            SELECT a.id, a.hit_id FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id
            WHERE h.batch_id = :id AND a.status = 'approved'
              AND NOT EXISTS (SELECT 1 FROM payments AS p
                              WHERE p.assignment_id = a.id AND p.kind = 'reward' AND p.status <> 'cancelled')
            ORDER BY a.id
        """),
        {"id": batch_id},
    ).all()
    if not unbooked:
        return 0
    ledger.locked_batch(db, batch_id)
    rooms = _rooms(db, {row.hit_id for row in unbooked})
    return sum(_reserve_missing(db, batch_id, row, rooms[row.hit_id]) for row in unbooked)


def _reserve_missing(db: Session, batch_id: BatchId, work: Row[Any], room: _Room) -> bool:
    """Reserve what the HIT lacks for this Assignment, if it lacks something."""
    amount = min(room.price_usd, -room.spare_usd)
    if amount <= 0:
        return False
    operation_id = db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, assignment_id, status, finished_at, arguments)
            VALUES (:batch_id, 'override', :hit_id, :id, 'done', now(), '{"elsewhere": true}')
            ON CONFLICT DO NOTHING RETURNING id
        """),
        {"batch_id": batch_id, "hit_id": work.hit_id, "id": work.id},
    ).scalar()
    if operation_id is None:
        return False
    ledger.reserve(db, OperationId(operation_id), amount)
    room.unspent_usd += amount
    return True
