"""Planned HITs → live HITs. May crash anywhere and be run again.

Intent: `plan` wrote each HIT with its request token, its reservation and one operation. Act: operations are claimed under
a lease and called with their HIT's token. Result: the HIT's id. A call that may have happened is repeated with the same
token within 24 hours, when the marketplace answers with the HIT it made then; after that the marketplace has forgotten
the token, and the HIT is looked for by its annotation before it is created.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app.db import audit, leases
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
    OperationKind,
)
from app.errors import InsufficientFunds, InvalidInput, MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.requester import HITType, NewHIT
from app.questions.envelope import html_question
from app.questions.rendering import ShownItem, render

log = get_logger(__name__)

# MTurk forgets request tokens after 24 h; an hour of margin for clocks that differ.
TOKEN_LIFETIME = timedelta(hours=23)
CLAIM_SIZE = 50


@dataclass(frozen=True, slots=True)
class Publishing:
    """What a walk over a Batch's operations needs to know of it."""

    batch: Batch
    hit_type_id: HITTypeId
    media_base_url: str


@dataclass(frozen=True, slots=True)
class _Call:
    """A claimed operation with the HIT to create. `found`: what an attempt of long ago is known to have created."""

    operation: Claimed
    batch: Batch
    hit: NewHIT
    found: MarketplaceHITId | None

    def act(self, marketplace: Marketplace) -> MarketplaceHITId:
        self.operation.check_lease()
        return self.found or requester.create_hit(marketplace, self.hit)


@dataclass(slots=True)
class _Progress:
    """How a walk over a Batch's operations is going."""

    ends_at: float  # on the monotonic clock
    live: int = 0
    failed_in_a_row: int = 0
    refused: bool = False

    def goes_on(self) -> bool:
        """Whether another claim is worth making."""
        return self.failed_in_a_row < CLAIM_SIZE and time.monotonic() < self.ends_at


# --- act -------------------------------------------------------------------------------------------------------------


def publish(
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    batch_id: BatchId,
    *,
    runner: str,
    lease_s: float,
    media_base_url: str,
    slice_s: float = math.inf,
) -> int:
    """Publish planned HITs until none is left, the Batch is no longer live, or the marketplace refuses.

    After `slice_s` seconds nothing more is claimed, so that one long Batch does not keep a runner from its other work.
    Returns how many HITs went live in this call. Any number of runners may publish the same Batch at the same time.
    """
    publishing = _prepare(database, marketplace, pacer, batch_id, media_base_url)
    if publishing is None:
        return 0
    progress = _Progress(ends_at=time.monotonic() + slice_s)
    calls = _calls(database, marketplace, pacer, publishing, progress, runner=runner, lease_s=lease_s)
    results: list[tuple[_Call, MarketplaceHITId]] = []
    for call, outcome in pacer.each(lambda call: call.act(marketplace), calls):
        if isinstance(outcome, ServiceError):
            _write_failure(database, BatchId(publishing.batch.id), call.operation, outcome, progress)
        else:
            results.append((call, outcome))
        if len(results) >= pacer.threads:
            _write_results(database, results, progress)
            results = []
    _write_results(database, results, progress)
    return progress.live


def _calls(
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    publishing: Publishing,
    progress: _Progress,
    *,
    runner: str,
    lease_s: float,
) -> Iterator[_Call]:
    """Claim by claim, the calls to make; a claim is made when the one before it is used up, not when it is answered.

    To wait for each claim's last answer would cost a third of the rate. Ends when nothing is left to claim or as many
    calls in a row failed as a claim has: the endpoint is in trouble, and the operations keep until the next run.
    """
    batch_id = BatchId(publishing.batch.id)
    while progress.goes_on() and (claimed := _claim(database, batch_id, runner=runner, lease_s=lease_s)):
        hits, faulty = _new_hits(database, publishing, claimed)
        for operation, fault in faulty:
            _write_failure(database, batch_id, operation, fault, progress)
        claimed = [operation for operation in claimed if operation.hit_id in hits]
        try:
            found = _search_lost(marketplace, pacer, claimed, hits)
        except ServiceError as error:
            _give_back(database, claimed, error)
            return
        for operation in claimed:
            hit_id = operation.hit_id
            yield _Call(operation, publishing.batch, hits[hit_id], found.get(hit_id))


def _give_back(database: Database, claimed: Sequence[Claimed], error: ServiceError) -> None:
    """Nothing was called for these: they wait for the next run."""
    with database.transaction() as db:
        leases.release(db, claimed)
    log.warning("publish.interrupted", operations=len(claimed), error=str(error))


def _claim(database: Database, batch_id: BatchId, *, runner: str, lease_s: float) -> list[Claimed]:
    """Operations to act on; none unless the Batch is live. The HITs are marked as perhaps published from here on."""
    with database.transaction() as db:
        # Locked, so that a Batch is not stopped between this look and the claim.
        status = db.execute(
            select(Batch.status).where(Batch.id == batch_id).with_for_update(read=True)
        ).scalar_one_or_none()
        if status != BatchStatus.LIVE:
            return []
        claimed = leases.claim(db, OperationKind.PUBLISH, batch_id, most=CLAIM_SIZE, lease_s=lease_s, runner=runner)
        db.execute(
            text("UPDATE hits SET status = 'publishing' WHERE id = ANY(:ids) AND status = 'planned'"),
            {"ids": [operation.hit_id for operation in claimed]},
        )
        return claimed


def _prepare(
    database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, media_base_url: str
) -> Publishing | None:
    """The Batch with its HIT type, made on the marketplace if it has none yet. None where that was refused."""
    with database.transaction() as db:
        batch = db.get_one(Batch, batch_id)
    if batch.hit_type_id is None:
        hit_type = HITType(
            title=batch.title,
            description=batch.description,
            keywords=batch.keywords,
            reward_usd=batch.reward_usd,
            assignment_duration_s=batch.assignment_duration_s,
            auto_approval_delay_s=batch.auto_approval_delay_s,
        )
        try:
            hit_type_id = pacer.call(lambda kind: requester.create_hit_type(marketplace, kind), hit_type)
        except MarketplaceRefused as error:
            _need_attention(database, batch_id, str(error))
            return None
        with database.transaction() as db:
            batch = db.get_one(Batch, batch_id)
            batch.hit_type_id = hit_type_id
    return Publishing(batch, HITTypeId(batch.hit_type_id or ""), media_base_url)


def _write_results(database: Database, results: Sequence[tuple[_Call, MarketplaceHITId]], progress: _Progress) -> None:
    """The HITs are live: one transaction for several of them, since each commit costs as much as a call."""
    if not results:
        return
    now = datetime.now(UTC)
    batch = results[0][0].batch
    with database.transaction() as db:
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
                "hit_ids": [call.operation.hit_id for call, _ in results],
                "marketplace_hit_ids": [hit_id for _, hit_id in results],
            },
        )
        leases.finish(db, [call.operation for call, _ in results], now=now)
        audit.record(
            db,
            actor="job runner",
            action="hits.published",
            batch_id=batch.id,
            profile=batch.profile,
            hits={str(call.operation.hit_id): hit_id for call, hit_id in results},
        )
    progress.live += len(results)
    progress.failed_in_a_row = 0
    for call, hit_id in results:
        log.info("hit.published", batch_id=batch.id, hit_id=hit_id, attempt=call.operation.attempt)


def _write_failure(
    database: Database, batch_id: BatchId, operation: Claimed, error: ServiceError, progress: _Progress
) -> None:
    """Refused, or a question that cannot be asked: a person must look. Anything else is tried again with the same token."""
    now = datetime.now(UTC)
    progress.failed_in_a_row += 1
    for_a_person = isinstance(error, MarketplaceRefused | InvalidInput)
    with database.transaction() as db:
        if for_a_person and not isinstance(error, InsufficientFunds):
            leases.fail(db, operation, error=str(error), now=now)
        else:
            leases.retry_later(db, operation, error=str(error), now=now)
    log.warning("hit.not_published", hit_id=operation.hit_id, attempt=operation.attempt, error=str(error))
    if for_a_person and not progress.refused:
        progress.refused = True
        _need_attention(database, batch_id, str(error))


def _need_attention(database: Database, batch_id: BatchId, why: str) -> None:
    """Pause a live Batch that cannot go on by itself and say why; `resume` continues it."""
    with database.transaction() as db:
        batch = db.get_one(Batch, batch_id, with_for_update=True)
        batch.attention = why
        if batch.status == BatchStatus.LIVE:
            batch.status = BatchStatus.PAUSED
        audit.record(
            db, actor="job runner", action="batch.needs_attention", batch_id=batch_id, profile=batch.profile, why=why
        )
    log.warning("batch.paused", batch_id=batch_id, why=why)


# --- look up ---------------------------------------------------------------------------------------------------------


def _search_lost(
    marketplace: Marketplace, pacer: Pacer, claimed: Sequence[Claimed], hits: dict[HITId, NewHIT]
) -> dict[HITId, MarketplaceHITId]:
    """HITs of attempts so old that their token is forgotten: found by annotation, never published again unseen."""
    horizon = datetime.now(UTC) - TOKEN_LIFETIME
    old = {
        hits[operation.hit_id].annotation: operation.hit_id
        for operation in claimed
        if operation.attempt > 1 and operation.first_attempt_at < horizon
    }
    if not old:
        return {}
    return {
        old[hit.annotation]: hit.hit_id
        for hit in requester.list_hits(marketplace, pacer.wait, on_busy=pacer.throttled)
        if hit.annotation is not None and hit.annotation in old
    }


# --- the question ----------------------------------------------------------------------------------------------------

_SHOWN = text("""
    SELECT h.id, h.request_token, h.annotation, h.max_assignments, hi.position, hi.a_is_given,
           i.media_type, i.media_url, i.text, i.media_token, i.given_label, i.guessed_label
    FROM hits AS h JOIN hit_items AS hi ON hi.hit_id = h.id JOIN items AS i ON i.id = hi.item_id
    WHERE h.id = ANY(:ids)
    ORDER BY h.id, hi.position
""")


def _new_hits(
    database: Database, publishing: Publishing, claimed: Sequence[Claimed]
) -> tuple[dict[HITId, NewHIT], list[tuple[Claimed, InvalidInput]]]:
    """The HITs to create, and the operations whose question cannot be asked."""
    with database.transaction() as db:
        rows = db.execute(_SHOWN, {"ids": [operation.hit_id for operation in claimed]}).all()
    shown: dict[HITId, list[Any]] = {}
    for row in rows:
        shown.setdefault(HITId(row.id), []).append(row)
    hits: dict[HITId, NewHIT] = {}
    faulty = []
    for operation in claimed:
        try:
            hits[operation.hit_id] = _new_hit(publishing, shown[operation.hit_id])
        except InvalidInput as fault:
            faulty.append((operation, fault))
    return hits, faulty


def _new_hit(publishing: Publishing, rows: Sequence[Any]) -> NewHIT:
    """One HIT with its question, rendered from the Batch's own copy of the template. `rows`: what it shows, in order."""
    batch, hit = publishing.batch, rows[0]
    items = [_shown_item(row, publishing.media_base_url) for row in rows]
    page = render(batch.template_source, items, title=batch.title, instructions=batch.instructions)
    return NewHIT(
        hit_type_id=publishing.hit_type_id,
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
