"""What the marketplace accounts hold, as they said last, and what still waits to be taken from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.fees import price_sql
from app.domain.vocabulary import BatchId

# Older than this a balance says nothing any more.
FRESH_S = 300


@dataclass(frozen=True, slots=True)
class KnownBalance:
    """USD as GetAccountBalance said at `asked_at`; `on_hold_usd` is None where the endpoint does not say it."""

    available_usd: Decimal
    on_hold_usd: Decimal | None
    asked_at: datetime


def ask_now(db: Session, url: str, *, every_s: float, ceiling: float) -> bool:
    """Whether the balance is to be asked for: last done `every_s` ago. If so it counts as done; of several, one gets True."""
    won = db.execute(
        text("""
            INSERT INTO endpoints AS e (url, calls_per_second, next_call_at, balance_at)
            VALUES (:url, :ceiling, clock_timestamp(), clock_timestamp())
            ON CONFLICT (url) DO UPDATE SET balance_at = clock_timestamp()
                WHERE e.balance_at IS NULL OR e.balance_at <= clock_timestamp() - make_interval(secs => :every_s)
                   -- A clock that was set back must not silence us until that time comes again.
                   OR e.balance_at > clock_timestamp() + interval '1 minute'
            RETURNING url
        """),
        {"url": url, "ceiling": ceiling, "every_s": every_s},
    )
    return won.first() is not None


def write(db: Session, url: str, *, available_usd: Decimal | None, on_hold_usd: Decimal | None) -> None:
    """What the account holds now; None for both where it could not be learned: an old figure would mislead."""
    db.execute(
        text("""
            UPDATE endpoints SET available_usd = :available, on_hold_usd = :on_hold, balance_at = clock_timestamp()
            WHERE url = :url
        """),
        {"url": url, "available": available_usd, "on_hold": on_hold_usd},
    )


def known(db: Session, url: str) -> KnownBalance | None:
    """The balance as it was said not long ago."""
    row = db.execute(
        text("""
            SELECT available_usd, on_hold_usd, balance_at FROM endpoints
            WHERE url = :url AND available_usd IS NOT NULL
              AND balance_at > clock_timestamp() - make_interval(secs => :fresh_s)
        """),
        {"url": url, "fresh_s": FRESH_S},
    ).first()
    return None if row is None else KnownBalance(row.available_usd, row.on_hold_usd, row.balance_at)


_WAITING = text(f"""
    WITH active AS (
        SELECT * FROM batches WHERE profile = :profile AND status IN ('live', 'paused')
    ), parts AS (
        -- HITs that are planned and not yet known to the marketplace
        SELECT h.batch_id, h.max_assignments * {price_sql("g.reward_usd", "g.masters")} AS usd
        FROM hits AS h JOIN active ON active.id = h.batch_id JOIN hit_groups AS g ON g.id = h.group_id
        WHERE h.status IN ('planned', 'publishing')
        UNION ALL
        -- more places; and, of Batches that are ending or over too, bonuses and rejections taken back
        SELECT o.batch_id, p.amount_usd FROM operations AS o JOIN batches AS b ON b.id = o.batch_id
        JOIN payments AS p ON p.operation_id = o.id
        WHERE b.profile = :profile AND o.status IN ('intended', 'acting')
          AND (o.kind IN ('bonus', 'override') OR (o.kind = 'extend' AND b.status IN ('live', 'paused')))
          AND p.kind IN ('reservation', 'bonus', 'bonus_fee')
        UNION ALL
        -- compensations that are offered after the end
        SELECT o.batch_id, p.amount_usd FROM operations AS o JOIN batches AS b ON b.id = o.batch_id
        JOIN payments AS p ON p.hit_id = o.hit_id AND p.kind = 'reservation'
        WHERE b.profile = :profile AND b.status IN ('done', 'stopped')
          AND o.kind = 'publish' AND o.status IN ('intended', 'acting')
        UNION ALL
        -- Items that will be planned without anybody's further word
        SELECT id, ceil((wanted - planned_items)::numeric / items_per_hit) * first_assignments
                   * {price_sql("reward_usd", "masters")}
        FROM (SELECT *, CASE WHEN released_at IS NULL THEN least(item_count, coalesce(pilot_items, item_count))
                             ELSE item_count END AS wanted FROM active) AS b
        WHERE wanted > planned_items
    )
    SELECT batch_id, sum(usd) AS usd FROM parts GROUP BY batch_id
""")


def waiting_usd(db: Session, profile: str) -> Mapping[BatchId, Decimal]:
    """What Batches of a profile will take from its account for what waits to be called now, fees included, in USD.

    Of those that are over: bonuses, rejections taken back, compensations.
    """
    return {BatchId(row.batch_id): Decimal(row.usd) for row in db.execute(_WAITING, {"profile": profile})}
