"""Planned HITs → live HITs. May crash anywhere and be run again.

Intent: `plan` wrote each HIT with its request token, its reservation and one operation. Act: operations are claimed under
a lease and called with their HIT's token. Result: the HIT's id. A call that may have happened is repeated with the same
token within 24 hours, when the marketplace answers with the HIT it made then; after that the marketplace has forgotten
the token, and the HIT is looked for by its annotation before it is created.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, audit, clock, heartbeats, leases
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.tables import Batch
from app.domain.vocabulary import (
    BatchId,
    BatchStatus,
    HITId,
    HITTypeId,
    MarketplaceHITId,
    MediaType,
    OperationId,
    OperationKind,
    PauseReason,
)
from app.errors import CredentialsRefused, InsufficientFunds, InvalidInput, MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.requester import NewHIT
from app.questions.compensation import FRAME_HEIGHT, compensation_page
from app.questions.envelope import html_question
from app.questions.rendering import ShownItem, render

log = get_logger(__name__)

# MTurk forgets request tokens after 24 h; an hour of margin for clocks that differ.
TOKEN_LIFETIME = timedelta(hours=23)


@dataclass(slots=True)
class _Publishing:
    """What a walk over a Batch's operations needs to know of it. `listed`: the marketplace's list, read once if at all."""

    database: Database
    marketplace: Marketplace
    pacer: Pacer
    batch: Batch
    media_base_url: str
    listed: dict[str, MarketplaceHITId] | None = None


@dataclass(frozen=True, slots=True)
class _ToPublish:
    """A HIT to create. `found`: what an attempt of long ago is known to have created."""

    hit: NewHIT
    found: MarketplaceHITId | None


# --- act -------------------------------------------------------------------------------------------------------------


def publish(
    database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn, *, media_base_url: str
) -> int:
    """Publish planned HITs until none is left, the Batch is no longer live, or the marketplace refuses.

    Returns how many HITs went live in this call. Any number of runners may publish the same Batch at the same time.
    """
    with database.transaction() as db:
        batch = db.get_one(Batch, batch_id)
    this = _Publishing(database, marketplace, pacer, batch, media_base_url)
    stage: Stage[_ToPublish, MarketplaceHITId] = Stage(
        kind=OperationKind.PUBLISH,
        may_claim=lambda db: _is_live(db, batch_id),
        claimed=_mark_publishing,
        load=partial(_load, this),
        act=lambda target: target.found or requester.create_hit(marketplace, target.hit),
        write=partial(_write_results, batch),
        failed=partial(_write_failure, batch_id),
    )
    return walk(database, pacer, batch_id, stage, turn)


def _is_live(db: Session, batch_id: BatchId) -> bool:
    """Locked, so that a Batch is not stopped between this look and the claim.

    All that is left to publish of a Batch that is over are compensations, which were promised after it.
    """
    status = db.execute(
        select(Batch.status).where(Batch.id == batch_id).with_for_update(read=True)
    ).scalar_one_or_none()
    return status in {BatchStatus.LIVE, BatchStatus.DONE, BatchStatus.STOPPED}


def _mark_publishing(db: Session, claimed: Sequence[Claimed]) -> None:
    """The HITs are perhaps published from here on."""
    db.execute(
        text("UPDATE hits SET status = 'publishing' WHERE id = ANY(:ids) AND status = 'planned'"),
        {"ids": [operation.hit_id for operation in claimed]},
    )


def _write_results(
    batch: Batch, db: Session, results: Sequence[Done[_ToPublish, MarketplaceHITId]], now: datetime
) -> None:
    db.execute(
        text("""
            UPDATE hits AS h SET status = 'live', marketplace_hit_id = r.marketplace_hit_id,
                marketplace_status = 'Assignable', published_at = :now, expires_at = :expires_at
            FROM unnest(:hit_ids ::bigint[], :marketplace_hit_ids ::text[]) AS r (id, marketplace_hit_id)
            WHERE h.id = r.id AND h.status = 'publishing'
        """),
        {
            "now": now,
            "expires_at": now + timedelta(seconds=batch.lifetime_s),
            "hit_ids": [done.operation.hit_id for done in results],
            "marketplace_hit_ids": [done.outcome for done in results],
        },
    )
    audit.record(
        db,
        actor="job runner",
        action="hits.published",
        batch_id=batch.id,
        profile=batch.profile,
        hits={str(done.operation.hit_id): done.outcome for done in results},
    )
    for done in results:
        log.info("hit.published", batch_id=batch.id, hit_id=done.outcome, attempt=done.operation.attempt)


def _write_failure(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """Refused, or a question that cannot be asked: a person must look. Anything else is tried again with the same token."""
    if isinstance(error, InsufficientFunds | CredentialsRefused):
        leases.retry_later(db, operation, error=str(error), now=now)
        reason = PauseReason.FUNDS if isinstance(error, InsufficientFunds) else PauseReason.CREDENTIALS
        attention.pause(db, batch_id, reason, str(error))
    elif isinstance(error, MarketplaceRefused | InvalidInput):
        leases.fail(db, operation, error=str(error), now=now)
        attention.pause(db, batch_id, PauseReason.REFUSED, str(error))
    else:
        leases.retry_later(db, operation, error=str(error), now=now)


# --- look up ---------------------------------------------------------------------------------------------------------


def _load(this: _Publishing, claimed: Sequence[Claimed]) -> Mapping[OperationId, _ToPublish | ServiceError]:
    """The HITs to create, those of them that are there already, and why a question cannot be asked."""
    hits = _new_hits(this, claimed)
    found = _search_lost(this, claimed, hits)
    return {
        operation.id: hit if isinstance(hit, ServiceError) else _ToPublish(hit, found.get(operation.hit_id))
        for operation in claimed
        for hit in (hits[operation.hit_id],)
    }


def _search_lost(
    this: _Publishing, claimed: Sequence[Claimed], hits: Mapping[HITId, NewHIT | InvalidInput]
) -> dict[HITId, MarketplaceHITId]:
    """HITs of attempts so old that their token is forgotten: found by annotation, never published again unseen.

    An attempt may be older than this database knows of: after a restored backup all are looked for (`db/heartbeats.py`).
    """
    with this.database.transaction() as db:
        # By the clock that wrote down the attempts: one of ours that is hours behind would trust forgotten tokens.
        horizon = clock.now(db) - TOKEN_LIFETIME
        distrusted = heartbeats.perhaps_published(db, this.marketplace.endpoint_url, BatchId(this.batch.id))
    if any(operation.attempt > 1 and operation.first_attempt_at < horizon for operation in claimed):
        this.listed = None  # what was listed before may lack their latest attempts
    old = {
        hit.annotation: operation.hit_id
        for operation in claimed
        for hit in (hits[operation.hit_id],)
        if isinstance(hit, NewHIT) and (distrusted or (operation.attempt > 1 and operation.first_attempt_at < horizon))
    }
    if not old:
        return {}
    if this.listed is None:
        everything = requester.list_hits(this.marketplace, this.pacer.wait)
        this.listed = {hit.annotation: hit.hit_id for hit in everything if hit.annotation is not None}
    return {hit_id: this.listed[annotation] for annotation, hit_id in old.items() if annotation in this.listed}


# --- the question ----------------------------------------------------------------------------------------------------

_SHOWN = text("""
    SELECT h.id, h.request_token, h.annotation, h.max_assignments, g.hit_type_id, hi.position, hi.a_is_given,
           i.media_type, i.media_url, i.text, i.media_token, i.given_label, i.guessed_label
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
    JOIN hit_items AS hi ON hi.hit_id = h.id JOIN items AS i ON i.id = hi.item_id
    WHERE h.id = ANY(:ids)
    ORDER BY h.id, hi.position
""")


def _new_hits(this: _Publishing, claimed: Sequence[Claimed]) -> dict[HITId, NewHIT | InvalidInput]:
    """The HITs to create, or why a question cannot be asked."""
    with this.database.transaction() as db:
        rows = db.execute(_SHOWN, {"ids": [operation.hit_id for operation in claimed]}).all()
    shown: dict[HITId, list[Any]] = {}
    for row in rows:
        shown.setdefault(HITId(row.id), []).append(row)
    hits: dict[HITId, NewHIT | InvalidInput] = {}
    for hit_id, places in shown.items():
        try:
            hits[hit_id] = _new_hit(this, places)
        except InvalidInput as fault:
            hits[hit_id] = fault
    return hits | _compensations(this, claimed)


_PROMISED = text("""
    SELECT h.id, h.request_token, h.annotation, h.max_assignments, g.hit_type_id, g.reward_usd,
           coalesce(o.arguments ->> 'reason', '') AS reason
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id JOIN operations AS o ON o.hit_id = h.id
    WHERE o.id = ANY(:ids) AND g.purpose = 'compensation'
""")


def _compensations(this: _Publishing, claimed: Sequence[Claimed]) -> dict[HITId, NewHIT | InvalidInput]:
    """Those that pay a Worker for work that could not be handed in: they show no Items."""
    with this.database.transaction() as db:
        rows = db.execute(_PROMISED, {"ids": [operation.id for operation in claimed]}).all()
    title = this.batch.title
    return {
        HITId(row.id): NewHIT(
            hit_type_id=HITTypeId(row.hit_type_id),
            question=html_question(
                compensation_page(title=title, reason=row.reason, amount_usd=row.reward_usd), frame_height=FRAME_HEIGHT
            ),
            max_assignments=row.max_assignments,
            lifetime_s=this.batch.lifetime_s,
            annotation=row.annotation,
            request_token=row.request_token,
        )
        for row in rows
    }


def _new_hit(this: _Publishing, rows: Sequence[Any]) -> NewHIT:
    """One HIT with its question, rendered from the Batch's own copy of the template. `rows`: what it shows, in order."""
    batch, hit = this.batch, rows[0]
    items = [_shown_item(row, this.media_base_url) for row in rows]
    page = render(batch.template_source, items, title=batch.title, instructions=batch.instructions)
    return NewHIT(
        hit_type_id=HITTypeId(hit.hit_type_id),
        question=html_question(page, frame_height=batch.frame_height),
        max_assignments=hit.max_assignments,
        lifetime_s=batch.lifetime_s,
        annotation=hit.annotation,
        request_token=hit.request_token,
    )


def _shown_item(row: Any, media_base_url: str) -> ShownItem:
    label_a, label_b = (row.given_label, row.guessed_label) if row.a_is_given else (row.guessed_label, row.given_label)
    url = f"{media_base_url}/{row.media_token}" if row.media_token else row.media_url
    return ShownItem(
        position=row.position,
        media_type=MediaType(row.media_type),
        label_a=label_a,
        label_b=label_b,
        media_url=url,
        text=row.text,
    )
