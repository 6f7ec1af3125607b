"""Compensation HITs: for one Worker who could not hand their work in, with one place and one button.

The HIT goes the way of every HIT: planned with its reservation, published, collected, settled. Only the Worker holds the
Qualification that it asks for, what they submit is approved at once, and it brings no Responses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db import audit, decisions, ledger, operations, worker_names
from app.db.bonus_intents import check_room
from app.db.operations import Intent
from app.db.queue import Job, enqueue
from app.db.tables import Batch, Hit, HitGroup, Payment, Worker
from app.domain.bonus_rows import BonusRow, bonus_key, read_row
from app.domain.pricing import Price, assignment_price
from app.domain.vocabulary import (
    AssignmentId,
    BatchId,
    BatchStatus,
    HitGroupId,
    HITId,
    HitPurpose,
    OperationKind,
    PaymentKind,
    PaymentStatus,
    WorkerId,
)
from app.errors import BudgetExceeded, Conflict, Forbidden, InvalidInput, NotFound
from app.logs import get_logger
from app.secrets import pseudonym
from app.settings import MarketplaceProfile, Settings

log = get_logger(__name__)

THANKS = "Thank you, and sorry for the trouble. This pays for the work that you could not hand in."
# As on MTurk and on our own marketplace.
_MARKETPLACE_ID = re.compile(r"A[A-Z0-9]{5,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Compensation:
    """An offer and how far it is: planned, offered, accepted, paid, or over without having been accepted."""

    hit_id: HITId
    worker: str
    amount_usd: Decimal
    reason: str
    state: str
    error: str | None
    offered_at: datetime


# --- offer -----------------------------------------------------------------------------------------------------------


def offer(
    db: Session,
    batch_id: BatchId,
    *,
    worker: str,
    amount: str,
    reason: str,
    by: str,
    secret: bytes,
    settings: Settings,
    confirmed_usd: Decimal | None = None,
) -> HITId:
    """Plan a HIT that pays `amount` USD to one Worker, named by pseudonym or by the marketplace's id.

    A Worker whom we do not know yet is taken by that id: who could not submit never came here. The same amount and reason
    are offered to a Worker once. Raises NotFound, InvalidInput, Conflict, Forbidden, BudgetExceeded.
    """
    row = read_row(None, {"AssignmentId": "-", "BonusAmount": amount, "Reason": reason})
    if not isinstance(row, BonusRow):
        raise InvalidInput(row)
    batch = ledger.locked_batch(db, batch_id)
    price = assignment_price(row.amount_usd, max_assignments=1, masters=False)
    _check(batch, price, settings, confirmed_usd)
    check_room(db, batch, price)
    person = _worker(db, batch, worker, secret)
    hit_id = _plan(db, batch, person, row, price)
    audit.record(
        db,
        actor=by,
        action="compensation.offered",
        batch_id=batch_id,
        profile=batch.profile,
        worker=person.pseudonym,
        amount_usd=row.amount_usd,
    )
    log.info("compensation.offered", batch_id=batch_id, hit=hit_id, amount_usd=str(row.amount_usd))
    enqueue(db, Job.PUBLISH, batch_id=batch_id)
    return hit_id


def _check(batch: Batch, price: Price, settings: Settings, confirmed_usd: Decimal | None) -> None:
    if batch.status in {BatchStatus.DRAFT, BatchStatus.STOPPING}:
        when = "launch it first" if batch.status == BatchStatus.DRAFT else "wait until it has stopped"
        raise Conflict(f"Batch {batch.id} is {batch.status}: {when}")
    production = batch.profile == MarketplaceProfile.PRODUCTION
    if production and (missing := settings.missing_for_production()):
        raise Forbidden("use production", f"production spends real money: set {' and '.join(missing)} to allow it")
    limit = settings.spending_limit_usd
    if limit is not None and price.total_usd > limit:
        raise BudgetExceeded(price.total_usd, limit, "this installation's limit")
    if confirmed_usd is None and production:
        raise Conflict(f"confirm the cost first: this spends ${price.total_usd} of real money, the fee included")
    if confirmed_usd not in (None, price.total_usd):
        raise Conflict(f"the compensation costs ${price.total_usd} with its fee and ${confirmed_usd} were confirmed")


def _worker(db: Session, batch: Batch, name: str, secret: bytes) -> Worker:
    """The Worker, made where the name is a marketplace id that is new to us."""
    try:
        return worker_names.find(db, BatchId(batch.id), name)
    except NotFound:
        if not _MARKETPLACE_ID.fullmatch(name.strip()):
            raise
    values = {
        "profile": batch.profile,
        "marketplace_worker_id": name.strip(),
        "pseudonym": pseudonym(secret, name.strip()),
    }
    db.execute(insert(Worker).values(**values).on_conflict_do_nothing())
    return db.scalars(select(Worker).filter_by(profile=batch.profile, marketplace_worker_id=name.strip())).one()


def _plan(db: Session, batch: Batch, worker: Worker, row: BonusRow, price: Price) -> HITId:
    """The HIT, its group, its reservation and the two intents."""
    key = bonus_key(row.amount_usd, row.reason)
    token = uuid5(batch.token, f"compensation/{worker.marketplace_worker_id}/{key}")
    if db.scalar(select(Hit.id).where(Hit.request_token == token)) is not None:
        raise Conflict("this Worker was offered that amount for that reason before; give another reason to pay again")
    group = HitGroup(
        batch_id=batch.id,
        number=_group_number(token),
        purpose=HitPurpose.COMPENSATION,
        requires="present",
        reward_usd=row.amount_usd,
    )
    db.add(group)
    db.flush()
    annotation = f"label-jury batch={batch.id} token={token}"
    hit = Hit(batch_id=batch.id, group_id=group.id, request_token=token, annotation=annotation, max_assignments=1)
    db.add(hit)
    db.flush()
    reservation = {"kind": PaymentKind.RESERVATION, "status": PaymentStatus.BOOKED, "amount_usd": price.total_usd}
    db.add(Payment(batch_id=batch.id, hit_id=hit.id, **reservation))
    qualify = Intent(group_id=HitGroupId(group.id), worker_id=WorkerId(worker.id))
    operations.intend(db, OperationKind.QUALIFY, BatchId(batch.id), [qualify])
    publish = Intent(hit_id=HITId(hit.id), arguments={"reason": row.reason})
    operations.intend(db, OperationKind.PUBLISH, BatchId(batch.id), [publish])
    return HITId(hit.id)


def _group_number(token: UUID) -> int:
    """Below 0, where no round is, and from the token: a database restored from a backup names the same Qualification."""
    return -1 - token.int % (2**31 - 1)


# --- see it through --------------------------------------------------------------------------------------------------


def withdraw_unreachable(db: Session, batch_id: BatchId) -> int:
    """Take back offers to Workers whom the marketplace does not know; says so on the Batch. Returns how many."""
    rows = db.execute(
        text("""
            UPDATE operations AS q SET status = 'cancelled'
            FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
            WHERE q.group_id = g.id AND q.kind = 'qualify' AND q.status = 'failed' AND q.batch_id = :id
              AND g.purpose = 'compensation' AND h.status = 'planned'
            RETURNING h.id, q.error, q.worker_id
        """),
        {"id": batch_id},
    ).all()
    if not rows:
        return 0
    hit_ids = [row.id for row in rows]
    publish = "UPDATE operations SET status = 'cancelled' WHERE hit_id = ANY(:ids) AND kind = 'publish'"
    db.execute(text(publish), {"ids": hit_ids})
    db.execute(text("UPDATE hits SET status = 'cancelled' WHERE id = ANY(:ids)"), {"ids": hit_ids})
    ledger.release_hits(db, hit_ids)
    worker = db.get_one(Worker, rows[0].worker_id)
    ledger.locked_batch(
        db, batch_id
    ).attention = f"The compensation for {worker.pseudonym} was taken back, its money is free again: {rows[0].error}"
    log.warning("compensation.withdrawn", batch_id=batch_id, count=len(rows))
    return len(rows)


def approve_submitted(db: Session, batch_id: BatchId) -> int:
    """Approve what the Workers submitted, whatever the Batch's review policy. Returns how many."""
    rows = db.execute(
        text("""
            SELECT a.id, a.hit_id FROM assignments AS a
            JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
            WHERE h.batch_id = :id AND g.purpose = 'compensation' AND a.status = 'submitted'
              AND NOT EXISTS (SELECT 1 FROM operations AS o
                              WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))
            ORDER BY a.id FOR UPDATE OF a SKIP LOCKED
        """),
        {"id": batch_id},
    ).all()
    if rows:
        decisions.approve(db, batch_id, [(HITId(row.hit_id), AssignmentId(row.id)) for row in rows], THANKS)
    return len(rows)


_OFFERED = text("""
    SELECT h.id, w.pseudonym AS worker, g.reward_usd, coalesce(p.arguments ->> 'reason', '') AS reason,
           CASE WHEN a.status = 'approved' THEN 'paid' WHEN a.id IS NOT NULL THEN 'accepted'
                WHEN h.status = 'live' THEN 'offered' WHEN h.status IN ('planned', 'publishing') THEN 'planned'
                WHEN h.status = 'cancelled' THEN 'withdrawn' ELSE 'not taken' END AS state,
           coalesce(q.error, p.error) AS error, g.created_at
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
    JOIN operations AS q ON q.group_id = g.id AND q.kind = 'qualify' JOIN workers AS w ON w.id = q.worker_id
    LEFT JOIN operations AS p ON p.hit_id = h.id AND p.kind = 'publish'
    LEFT JOIN assignments AS a ON a.hit_id = h.id
    WHERE h.batch_id = :id AND g.purpose = 'compensation' ORDER BY h.id DESC
""")


def offered(db: Session, batch_id: BatchId) -> Sequence[Compensation]:
    """The Batch's compensations, newest first."""
    return [Compensation(*row) for row in db.execute(_OFFERED, {"id": batch_id})]
