"""HIT groups: each gets its Qualification type and its HIT type, and the Workers that it keeps out, before it is published.

All three calls are harmless to repeat: names are unique, equal HIT types are one, and a Qualification is granted once.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, leases
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.tables import Batch, HitGroup
from app.domain.vocabulary import (
    BatchId,
    HitPurpose,
    MarketplaceWorkerId,
    OperationId,
    OperationKind,
    PauseReason,
    QualificationTypeId,
)
from app.errors import CredentialsRefused, MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import qualifications, requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.requester import HITType

log = get_logger(__name__)

_DESCRIPTION = {
    "absent": "Whoever holds it has taken part before and is not asked again.",
    "present": "Whoever holds it is paid for work that could not be handed in.",
}
_Qualification = tuple[QualificationTypeId, MarketplaceWorkerId]


def prepare(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> None:
    """Make what the Batch's groups lack. A refusal pauses the Batch and says why."""
    with database.transaction() as db:
        groups = list(
            db.scalars(
                select(HitGroup)
                .where(HitGroup.batch_id == batch_id, HitGroup.hit_type_id.is_(None))
                .order_by(HitGroup.number)
            )
        )
        batch = db.get_one(Batch, batch_id)
    try:
        for group in groups:
            _prepare_group(database, marketplace, pacer, batch, group)
    except MarketplaceRefused as error:
        with database.transaction() as db:
            refused = PauseReason.CREDENTIALS if isinstance(error, CredentialsRefused) else PauseReason.REFUSED
            attention.pause(db, batch_id, refused, str(error))
        return
    with database.transaction() as db:
        _give_up_where_there_is_no_type(db, batch_id)
    walk(database, pacer, batch_id, _qualifying(database, marketplace, batch_id), turn)
    with database.transaction() as db:
        _pause_if_refused(db, batch_id)


def _give_up_where_there_is_no_type(db: Session, batch_id: BatchId) -> None:
    """Groups of Batches of older versions have a HIT type that asks for no Qualification: nobody can be kept out of them."""
    db.execute(
        text("""
            UPDATE operations AS o SET status = 'cancelled', finished_at = now(),
                error = 'its HIT type was made without a Qualification'
            FROM hit_groups AS g WHERE g.id = o.group_id AND o.batch_id = :id AND o.kind = 'qualify'
              AND o.status = 'intended' AND g.hit_type_id IS NOT NULL AND g.qualification_type_id IS NULL
        """),
        {"id": batch_id},
    )


def _pause_if_refused(db: Session, batch_id: BatchId) -> None:
    # A compensation whose Worker is unknown is taken back (`compensation.withdraw_unreachable`): it holds nothing else up.
    refused = text("""
        SELECT min(o.error) FROM operations AS o JOIN hit_groups AS g ON g.id = o.group_id
        WHERE o.batch_id = :id AND o.kind = 'qualify' AND o.status = 'failed' AND g.requires = 'absent'
    """)
    if error := db.execute(refused, {"id": batch_id}).scalar_one():
        attention.pause(db, batch_id, PauseReason.REFUSED, error)


def _prepare_group(database: Database, marketplace: Marketplace, pacer: Pacer, batch: Batch, group: HitGroup) -> None:
    name = qualification_name(batch, group.number)
    qualification_type_id = pacer.call(
        lambda wanted: qualifications.qualification_type(
            marketplace, name=wanted, description=_DESCRIPTION[group.requires]
        ),
        name,
    )
    hit_type = _hit_type(batch, group, qualification_type_id)
    hit_type_id = pacer.call(lambda kind: requester.create_hit_type(marketplace, kind), hit_type)
    with database.transaction() as db:
        stored = db.get_one(HitGroup, group.id)
        stored.qualification_type_id, stored.hit_type_id = qualification_type_id, hit_type_id
    log.info("group.prepared", batch_id=batch.id, number=group.number, hit_type_id=hit_type_id)


def qualification_name(batch: Batch, number: int) -> str:
    """Unique among the Requester's Qualification types; the Batch's token tells installations apart."""
    return f"Label Jury {batch.id}.{number} ({str(batch.token)[:8]})"


def _hit_type(batch: Batch, group: HitGroup, qualification_type_id: QualificationTypeId) -> HITType:
    compensating = group.purpose == HitPurpose.COMPENSATION
    return HITType(
        title=f"Compensation: {batch.title}"[:128] if compensating else batch.title,
        description=batch.description,
        keywords=batch.keywords,
        reward_usd=group.reward_usd,
        assignment_duration_s=batch.assignment_duration_s,
        auto_approval_delay_s=batch.auto_approval_delay_s,
        qualification_type_id=qualification_type_id,
        must_hold=group.requires == "present",
        masters=group.masters,
    )


def _qualifying(database: Database, marketplace: Marketplace, batch_id: BatchId) -> Stage[_Qualification, None]:
    return Stage(
        kind=OperationKind.QUALIFY,
        may_claim=lambda db: _has_type(db, batch_id),
        load=partial(_load, database),
        act=lambda target: qualifications.qualify(marketplace, *target),
        write=_write,
        failed=_failed,
    )


def _has_type(db: Session, batch_id: BatchId) -> bool:
    """Whether every group has its types."""
    statement = "SELECT NOT EXISTS (SELECT 1 FROM hit_groups WHERE batch_id = :id AND hit_type_id IS NULL)"
    return bool(db.execute(text(statement), {"id": batch_id}).scalar_one())


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, _Qualification | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text("""
                SELECT o.id, g.qualification_type_id, w.marketplace_worker_id
                FROM operations AS o JOIN hit_groups AS g ON g.id = o.group_id JOIN workers AS w ON w.id = o.worker_id
                WHERE o.id = ANY(:ids)
            """),
            {"ids": [operation.id for operation in claimed]},
        )
        return {
            OperationId(row.id): (
                QualificationTypeId(row.qualification_type_id),
                MarketplaceWorkerId(row.marketplace_worker_id),
            )
            for row in rows
        }


def _write(db: Session, results: Sequence[Done[_Qualification, None]], now: datetime) -> None:
    log.info("workers.qualified", count=len(results))


def _failed(db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """A Worker whom the marketplace does not know any more cannot come either. Any other refusal holds the publishing up.

    A HIT for that Worker alone is held up too: nobody else could take it.
    """
    keeps_out = db.get_one(HitGroup, operation.group_id).requires == "absent"
    if keeps_out and isinstance(error, MarketplaceRefused) and "WorkerId" in error.message:
        leases.cancel(db, operation, error=str(error), now=now)
    elif isinstance(error, CredentialsRefused):
        leases.retry_later(db, operation, error=str(error), now=now)
        batch_id = BatchId(db.get_one(HitGroup, operation.group_id).batch_id)
        attention.pause(db, batch_id, PauseReason.CREDENTIALS, str(error))
    elif isinstance(error, MarketplaceRefused):
        leases.fail(db, operation, error=str(error), now=now)
    else:
        leases.retry_later(db, operation, error=str(error), now=now)
