"""What may safely be put right after a comparison: our rows and our ledger follow what the marketplace has done already.

Nothing is published, paid or deleted. What a HIT has brought is not stored here: its row is opened, and the next poll
collects it. The one call is UpdateExpirationForHIT, for a HIT that nobody should answer any more. Each repair is a
transaction of its own, by compare-and-set; made twice it changes nothing the second time.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, audit, leases, ledger, operations
from app.db.engine import Database
from app.db.fees import price_sql
from app.db.leases import Claimed
from app.db.operations import Bonus, Intent
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.bonus_rows import bonus_key, bonus_token
from app.domain.differences import Adopt, BookBonus, Expire, Fetch, Finding, Remedy, SetPlaces, SettleBonus
from app.domain.pricing import bonus_price
from app.domain.progress import HITCounters
from app.domain.vocabulary import (
    BatchId,
    HITId,
    MarketplaceHITId,
    OperationId,
    OperationKind,
    PaymentStatus,
)
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

# A HIT must be known before its places can be right, and its Assignments before their bonuses.
_ORDER = (Adopt, SetPlaces, Expire, Fetch, SettleBonus, BookBonus)
# The same bonus for the same Assignment, paid this often by others: more are left for a person.
_MOST_EQUAL_BONUSES = 20


def repair(database: Database, findings: Sequence[Finding]) -> list[Finding]:
    """Put right what has a remedy. Returns those for which something was changed."""
    done: list[Finding] = []
    for finding in sorted(findings, key=_order):
        if finding.remedy is None or finding.batch_id is None:
            continue
        with database.transaction() as db:
            batch = ledger.locked_batch(db, finding.batch_id)
            if not _apply(db, batch, finding.remedy):
                continue
            attention.watch_the_cap(db, batch)
            audit.record(
                db,
                actor="reconcile",
                action=f"difference.{finding.kind}.repaired",
                batch_id=batch.id,
                profile=batch.profile,
                subject=finding.subject,
                details=finding.details,
            )
        done.append(finding)
        log.info("difference.repaired", kind=finding.kind, subject=finding.subject, batch_id=finding.batch_id)
    return done


def _order(finding: Finding) -> int:
    return _ORDER.index(type(finding.remedy)) if finding.remedy else len(_ORDER)


def _apply(db: Session, batch: Batch, remedy: Remedy) -> bool:
    match remedy:
        case Adopt(hit_id=hit_id, seen=seen):
            return _adopt(db, hit_id, seen)
        case SetPlaces(hit_id=hit_id, places=places):
            return _set_places(db, batch, hit_id, places)
        case Fetch(hit_id=hit_id):
            return _fetch(db, batch, hit_id)
        case Expire(hit_id=hit_id, seen=seen):
            return _expire(db, batch, hit_id, seen)
        case SettleBonus(operation_id=operation_id):
            return _settle_bonus(db, operation_id)
        case BookBonus():
            return _book_bonus(db, batch, remedy)


# --- HITs -------------------------------------------------------------------------------------------------------------


def _adopt(db: Session, hit_id: HITId, seen: HITCounters) -> bool:
    """Unless a runner is at it now, which will find the HIT by its token."""
    ours = text("""
        UPDATE operations SET status = 'done', finished_at = now(), lease_until = NULL, error = NULL
        WHERE kind = 'publish' AND hit_id = :id
          AND (status IN ('intended', 'failed') OR (status = 'acting' AND lease_until < now()))
        RETURNING id
    """)
    if db.execute(ours, {"id": hit_id}).first() is None:
        return False
    adopted = text("""
        UPDATE hits SET status = 'live', marketplace_hit_id = :found, marketplace_status = :status, published_at = now(),
            expires_at = :expires_at
        WHERE id = :id AND status IN ('planned', 'publishing') AND marketplace_hit_id IS NULL RETURNING id
    """)
    values = {"id": hit_id, "found": seen.hit_id, "status": seen.status, "expires_at": seen.expires_at}
    return db.execute(adopted, values).first() is not None


def _set_places(db: Session, batch: Batch, hit_id: HITId, places: int) -> bool:
    changed = db.execute(
        text("""
            UPDATE hits SET max_assignments = :places, polled_signature = NULL, exhausted = false,
                status = CASE WHEN status = 'done' THEN 'live' ELSE status END
            WHERE id = :id AND max_assignments <> :places AND status IN ('live', 'done') RETURNING id
        """),
        {"id": hit_id, "places": places},
    )
    if changed.first() is None:
        return False
    _hold(db, batch, hit_id, key=f"found {places}")
    _reopen(db, batch)
    return True


def _fetch(db: Session, batch: Batch, hit_id: HITId) -> bool:
    """Have all its Assignments fetched. A closed one holds what its places may cost again, until it is closed.

    As after a notification: counters may be what they were, where a rejection was taken back.
    """
    opened = text("""
        UPDATE hits SET polled_signature = NULL, hinted_at = now(), exhausted = false, status = 'live'
        WHERE id = :id AND status IN ('live', 'done') RETURNING id
    """)
    if db.execute(opened, {"id": hit_id}).first() is None:
        return False
    _hold(db, batch, hit_id, key="found work")
    _reopen(db, batch)
    return True


def _expire(db: Session, batch: Batch, hit_id: HITId, seen: HITCounters) -> bool:
    """Known and open here again, so that what it has brought is collected; and the intent to expire it."""
    opened = text("""
        UPDATE hits SET status = 'live', marketplace_hit_id = :found, marketplace_status = :status, max_assignments = :places,
            published_at = coalesce(published_at, now()), expires_at = :expires_at, polled_signature = NULL, exhausted = false
        WHERE id = :id AND status IN ('done', 'cancelled') RETURNING id
    """)
    values = {
        "id": hit_id,
        "found": seen.hit_id,
        "status": seen.status,
        "places": seen.max_assignments,
        "expires_at": seen.expires_at,
    }
    if db.execute(opened, values).first() is None:
        return False
    _hold(db, batch, hit_id, key="found open")
    _reopen(db, batch)
    operations.intend(db, OperationKind.EXPIRE, BatchId(batch.id), [Intent(hit_id=hit_id)])
    return True


_LACKS = text(f"""
    SELECT {price_sql("g.reward_usd", "g.masters")}
        * (h.max_assignments - (SELECT count(*) FROM assignments AS a WHERE a.hit_id = h.id AND a.status = 'rejected'))
        - (SELECT coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')), 0)
           FROM payments AS p WHERE p.hit_id = h.id)
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id WHERE h.id = :id
""")


def _hold(db: Session, batch: Batch, hit_id: HITId, *, key: str) -> None:
    """Reserve what the HIT's places may cost beyond what it holds. It is spent there already, whatever the cap says.

    The entry belongs to an extension that was done without our knowing; `key` and a number tell it from others.
    """
    lacking = db.execute(_LACKS, {"id": hit_id}).scalar_one()
    if lacking <= 0:
        return
    made = db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, key, arguments, status, finished_at)
            SELECT :batch_id, 'extend', h.id, :key || '/' || (SELECT count(*) FROM operations AS o WHERE o.hit_id = h.id),
                   jsonb_build_object('places', h.max_assignments, 'expires_at', NULL), 'done', now()
            FROM hits AS h WHERE h.id = :id RETURNING id
        """),
        {"batch_id": batch.id, "id": hit_id, "key": key},
    )
    ledger.reserve(db, OperationId(made.scalar_one()), lacking)


def _reopen(db: Session, batch: Batch) -> None:
    """A Batch that had ended is not over: its HIT is polled, reviewed and settled as those of any other."""
    status = {"done": "live", "stopped": "stopping"}.get(batch.status)
    if status is not None:
        batch.status, batch.finished_at = status, None
        db.flush()
        audit.record(db, actor="reconcile", action="batch.reopened", batch_id=batch.id, profile=batch.profile)
    enqueue(db, Job.COLLECT, profile=batch.profile)


# --- bonuses ----------------------------------------------------------------------------------------------------------


def _settle_bonus(db: Session, operation_id: OperationId) -> bool:
    done = text("""
        UPDATE operations SET status = 'done', finished_at = now(), error = NULL
        WHERE id = :id AND kind = 'bonus' AND status IN ('failed', 'cancelled') RETURNING id
    """)
    if db.execute(done, {"id": operation_id}).first() is None:
        return False
    db.execute(
        text("""
            UPDATE payments SET status = 'paid', paid_at = now()
            WHERE operation_id = :id AND kind IN ('bonus', 'bonus_fee') AND status <> 'paid'
        """),
        {"id": operation_id},
    )
    return True


def _book_bonus(db: Session, batch: Batch, remedy: BookBonus) -> bool:
    """With the key that a bonus of ours would have: whoever asks for the same one finds it paid."""
    row = db.execute(
        text("SELECT hit_id, marketplace_assignment_id FROM assignments WHERE id = :id"), {"id": remedy.assignment_id}
    ).one()
    if _bonuses_here(db, remedy) >= remedy.paid_there:
        return False
    key = bonus_key(remedy.amount_usd, remedy.reason)
    token = bonus_token(batch.token, row.marketplace_assignment_id, key)
    intent = Intent(
        hit_id=HITId(row.hit_id),
        assignment_id=remedy.assignment_id,
        arguments=Bonus(remedy.amount_usd, remedy.reason, token).arguments(),
    )
    for number in range(1, _MOST_EQUAL_BONUSES + 1):
        operation_id = _done_bonus(db, batch, intent, key=key if number == 1 else f"{key} #{number}")
        if operation_id is not None:
            ledger.owe_bonus(db, operation_id, bonus_price(remedy.amount_usd))
            ledger.close_bonuses(db, [operation_id], PaymentStatus.PAID)
            return True
    return False


def _bonuses_here(db: Session, remedy: BookBonus) -> int:
    statement = text("""
        SELECT count(*) FROM payments
        WHERE assignment_id = :id AND kind = 'bonus' AND amount_usd = :amount AND status <> 'cancelled'
    """)
    return int(db.execute(statement, {"id": remedy.assignment_id, "amount": remedy.amount_usd}).scalar_one())


def _done_bonus(db: Session, batch: Batch, intent: Intent, *, key: str) -> OperationId | None:
    """A bonus that has happened, as an operation; None where there is one with this key."""
    found = db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, assignment_id, key, arguments, status, finished_at)
            VALUES (:batch_id, 'bonus', :hit_id, :assignment_id, :key, CAST(:arguments AS jsonb), 'done', now())
            ON CONFLICT DO NOTHING RETURNING id
        """),
        {
            "batch_id": batch.id,
            "hit_id": intent.hit_id,
            "assignment_id": intent.assignment_id,
            "key": key,
            "arguments": json.dumps(dict(intent.arguments or {})),
        },
    ).scalar_one_or_none()
    return None if found is None else OperationId(found)


# --- expiring ---------------------------------------------------------------------------------------------------------


def expire(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Expire those of the Batch's HITs for which that is intended. Returns how many were."""
    stage: Stage[MarketplaceHITId, None] = Stage(
        kind=OperationKind.EXPIRE,
        may_claim=lambda db: True,
        load=partial(_load, database),
        act=partial(expire_one, marketplace),
        write=partial(_write_expired, batch_id),
        failed=lambda db, operation, error, now: leases.retry_later(db, operation, error=str(error), now=now),
    )
    return walk(database, pacer, batch_id, stage, turn)


def expire_one(marketplace: Marketplace, hit_id: MarketplaceHITId) -> None:
    """Have nobody else accept it. A HIT that is gone is as good as expired."""
    try:
        requester.expire_hit(marketplace, hit_id)
    except MarketplaceRefused as refused:
        if not refused.code.endswith("HITDoesNotExist"):
            raise


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, MarketplaceHITId | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text(
                "SELECT o.id, h.marketplace_hit_id FROM operations AS o JOIN hits AS h ON h.id = o.hit_id WHERE o.id = ANY(:i)"
            ),
            {"i": [operation.id for operation in claimed]},
        )
        return {OperationId(row.id): MarketplaceHITId(row.marketplace_hit_id) for row in rows}


def _write_expired(
    batch_id: BatchId, db: Session, results: Sequence[Done[MarketplaceHITId, None]], now: datetime
) -> None:
    hits = {str(done.operation.hit_id): done.target for done in results}
    audit.record(db, actor="reconcile", action="hits.expired", batch_id=batch_id, hits=hits)
    log.info("hits.expired", batch_id=batch_id, count=len(hits))
