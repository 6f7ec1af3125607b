"""Batches: create, launch, pause, resume, stop, close."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.calls.launch_checks import check_balance, check_cap_confirmed, check_confirmed, check_media, check_money
from app.db import audit, clock, ledger
from app.db.batch_steps import step
from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.db.tables import Batch, Item
from app.domain import batch_settings, packing, pricing
from app.domain.packing import Sized
from app.domain.plurals import counted
from app.domain.pricing import Cost
from app.domain.review_policy import APPROVE_ALL, ReviewPolicy, ReviewRule
from app.domain.vocabulary import AccountId, BatchId, BatchStatus, ItemId, ItemRole, MediaType, PauseReason
from app.domain.wages import wage_faults
from app.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    NotFound,
    Problem,
)
from app.mturk.client import Connect, Marketplace
from app.questions.budget import PageBudget
from app.questions.catalogue import HitTemplate
from app.settings import MarketplaceProfile, Settings

DAY_S = 86_400
# Lifetime of a HIT and time until unreviewed work is paid, unless the Requester says otherwise.
DEFAULT_LIFETIME_S = 7 * DAY_S
DEFAULT_AUTO_APPROVAL_S = 7 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """What a Requester decides about a Batch. Texts that are None are the template's; a cap of None is the exact cost."""

    name: str
    template: HitTemplate
    profile: MarketplaceProfile
    reward_usd: Decimal
    assignments_per_item: int = 5
    first_assignments: int | None = None
    items_per_hit: int = 1
    quorum: int = 3
    cap_usd: Decimal | None = None
    title: str | None = None
    description: str | None = None
    instructions: str | None = None
    assignment_duration_s: int = 1800
    lifetime_s: int = DEFAULT_LIFETIME_S
    auto_approval_delay_s: int = DEFAULT_AUTO_APPROVAL_S
    hourly_usd: Decimal | None = None
    top_up: bool = False
    repost_limit: int = batch_settings.DEFAULT_REPOST_LIMIT
    pilot_items: int | None = None
    release_agreement: float | None = None
    masters: bool = False
    excluded_batches: tuple[int, ...] = ()
    seed: int | None = None
    review: ReviewRule = APPROVE_ALL


def create(
    db: Session,
    new: NewBatch,
    *,
    by: str,
    account_id: AccountId | None = None,
    spending_limit_usd: Decimal | None = None,
) -> Batch:
    """A draft without Items; the import in the same transaction brings them. Raises InvalidInput with every fault."""
    if problems := [*_faults(new, spending_limit_usd), *_excluded_faults(db, new)]:
        raise InvalidInput(problems)
    template = new.template
    batch = Batch(
        name=new.name.strip(),
        status=BatchStatus.DRAFT,
        profile=new.profile,
        media_type=template.media_type,
        template_name=template.name,
        template_source=template.source,
        template_sha256=template.sha256,
        title=new.title or template.title,
        description=new.description or template.description,
        keywords=template.keywords,
        instructions=new.instructions or template.instructions,
        frame_height=template.frame_height,
        reward_usd=new.reward_usd,
        assignments_per_item=new.assignments_per_item,
        first_assignments=new.first_assignments or new.assignments_per_item,
        hourly_usd=new.hourly_usd,
        top_up=new.top_up,
        repost_limit=new.repost_limit,
        pilot_items=new.pilot_items,
        release_agreement=new.release_agreement,
        masters=new.masters,
        excluded_batches=sorted(set(new.excluded_batches)),
        items_per_hit=new.items_per_hit,
        quorum=new.quorum,
        cap_usd=new.cap_usd,
        assignment_duration_s=new.assignment_duration_s,
        lifetime_s=new.lifetime_s,
        auto_approval_delay_s=new.auto_approval_delay_s,
        seed=new.seed if new.seed is not None else secrets.randbits(62),
        created_by=account_id,
        review_policy=new.review.policy,
        review_settings=new.review.settings(),
    )
    db.add(batch)
    db.flush()
    audit.record(db, actor=by, action="batch.created", batch_id=batch.id, profile=batch.profile, name=batch.name)
    return batch


def _faults(new: NewBatch, spending_limit_usd: Decimal | None) -> Iterator[Problem]:
    yield from batch_settings.faults(
        name=new.name,
        title=new.title or new.template.title,
        description=new.description or new.template.description,
        instructions=new.instructions or new.template.instructions,
        assignments_per_item=new.assignments_per_item,
        items_per_hit=new.items_per_hit,
        quorum=new.quorum,
        assignment_duration_s=new.assignment_duration_s,
        lifetime_s=new.lifetime_s,
        auto_approval_delay_s=new.auto_approval_delay_s,
    )
    yield from wage_faults(hourly_usd=new.hourly_usd, top_up=new.top_up)
    yield from batch_settings.round_faults(
        assignments_per_item=new.assignments_per_item,
        first_assignments=new.first_assignments,
        repost_limit=new.repost_limit,
        pilot_items=new.pilot_items,
        release_agreement=new.release_agreement,
    )
    yield from batch_settings.money_faults(reward_usd=new.reward_usd, cap_usd=new.cap_usd, limit_usd=spending_limit_usd)


def _excluded_faults(db: Session, new: NewBatch) -> Iterator[Problem]:
    """Batches whose Workers are to be kept out must be there, and on the same marketplace."""
    if not new.excluded_batches:
        return
    wanted = select(Batch.id, Batch.profile).where(Batch.id.in_(new.excluded_batches))
    profiles: dict[int, str] = {row.id: row.profile for row in db.execute(wanted)}
    for number in new.excluded_batches:
        if number not in profiles:
            yield Problem(f"Batch {number} does not exist", field="excluded_batches")
        elif profiles[number] != new.profile:
            said = f"Batch {number} is on {profiles[number]}: its Workers are not those of {new.profile}"
            yield Problem(said, field="excluded_batches")


def check_items(db: Session, batch_id: BatchId) -> None:
    """What can be said only once the Items are there. Raises InvalidInput for a pilot that leaves no rest."""
    batch = get(db, batch_id)
    db.refresh(batch)
    if batch.pilot_items is not None and batch.pilot_items >= batch.item_count:
        said = (
            f"the file has {counted(batch.item_count, 'Item')}; a pilot has fewer, so that there is a rest to release"
        )
        raise InvalidInput([Problem(said, field="pilot_items")])


def page_budget(batch: Batch | NewBatch) -> PageBudget:
    """How much room the Batch's page has for Items."""
    if isinstance(batch, NewBatch):
        template = batch.template
        instructions = batch.instructions or template.instructions
        return PageBudget.of(
            template.source,
            media_type=template.media_type,
            title=batch.title or template.title,
            instructions=instructions,
        )
    return PageBudget.of(
        batch.template_source,
        media_type=MediaType(batch.media_type),
        title=batch.title,
        instructions=batch.instructions,
    )


def get(db: Session, batch_id: BatchId) -> Batch:
    """The Batch. Raises NotFound."""
    batch = db.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Batch", batch_id)
    return batch


def every(db: Session) -> list[Batch]:
    """All Batches, newest first."""
    return list(db.scalars(select(Batch).order_by(Batch.id.desc())))


def forecast(db: Session, batch_id: BatchId) -> Cost:
    """What the Batch costs if all that it may ask for is answered and approved, from the packing that publishing will use."""
    batch = get(db, batch_id)
    return pricing.batch_cost(
        hits=_hits(db, batch),
        reward_usd=batch.reward_usd,
        assignments_per_hit=batch.assignments_per_item,
        masters=batch.masters,
    )


def _hits(db: Session, batch: Batch) -> int:
    """As many as the packing makes; it is gone through only where the page's bytes may close a HIT early."""
    of_batch = Item.batch_id == batch.id
    count, largest = db.execute(select(func.count(), func.coalesce(func.max(Item.page_bytes), 0)).where(of_batch)).one()
    capacity = page_budget(batch).capacity_bytes
    if batch.items_per_hit * largest <= capacity:
        return -(-count // batch.items_per_hit)
    sizes = db.execute(select(Item.id, Item.page_bytes).where(of_batch).order_by(Item.id))
    items = (Sized(ItemId(row[0]), row[1]) for row in sizes)
    return sum(1 for _ in packing.pack(items, per_hit=batch.items_per_hit, byte_budget=capacity))


def launch(
    database: Database,
    connect: Connect,
    batch_id: BatchId,
    *,
    by: str,
    settings: Settings,
    confirmed_usd: Decimal | None = None,
) -> Batch:
    """Make a draft live: from here on its HITs are published.

    Checks the cap, the installation's limits and the marketplace's balance first. Profile production must be allowed by
    the settings and needs the exact cost in `confirmed_usd`; the marketplace is not even connected to before that.
    Raises IllegalTransition, Forbidden, Conflict, BudgetExceeded, InsufficientFunds, MarketplaceError.
    """
    with database.transaction() as db:
        batch = get(db, batch_id)
        cost = check_launch(db, batch, settings=settings)
    check_confirmed(batch, cost, confirmed_usd)
    marketplace = connect(MarketplaceProfile(batch.profile))
    check_balance(batch, _first_round(batch, cost), marketplace)
    with database.transaction() as db:
        batch = step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.launched", cost_usd=str(cost.total_usd))
        batch.launched_at = clock.now(db)
        batch.endpoint_url = marketplace.endpoint_url
        batch.cap_usd = batch.cap_usd if batch.cap_usd is not None else cost.total_usd
        enqueue(db, Job.PUBLISH, batch_id=batch_id)
    return batch


def check_launch(db: Session, batch: Batch, *, settings: Settings) -> Cost:
    """What launching the Batch costs at most, once nothing but the confirmation and the marketplace can stand against it.

    Raises IllegalTransition, Forbidden, Conflict, BudgetExceeded.
    """
    if batch.status != BatchStatus.DRAFT:
        said = f"Batch {batch.id} is launched already: it is {batch.status}"
        raise IllegalTransition(f"Batch {batch.id}", batch.status, BatchStatus.LIVE, said)
    cost = forecast(db, BatchId(batch.id))
    check_media(db, batch, settings)
    _check_review(db, batch)
    check_money(batch, cost, _first_round(batch, cost), settings)
    ledger.check_account(db, batch, _first_round(batch, cost).total_usd)
    return cost


def _first_round(batch: Batch, cost: Cost) -> Cost:
    """The part of the cost that is asked for at once."""
    return pricing.batch_cost(
        hits=cost.hits,
        reward_usd=batch.reward_usd,
        assignments_per_hit=batch.first_assignments,
        masters=batch.masters,
    )


def _check_review(db: Session, batch: Batch) -> None:
    """A Batch reviewed by gold Items needs some: without them all of its work would be held."""
    rule = ReviewRule.of(batch.review_policy, batch.review_settings)
    gold = select(Item.id).where(Item.batch_id == batch.id, Item.role == ItemRole.GOLD).limit(rule.after)
    if rule.policy is ReviewPolicy.GOLD and (found := len(db.scalars(gold).all())) < rule.after:
        raise Conflict(
            f"Batch {batch.id} is reviewed by gold Items ({rule}) and has {found} of them, fewer than any Worker is judged"
            " by; create it again from a file with more rows of role gold, or with another --review"
        )


def check_endpoint(batch: Batch, marketplace: Marketplace) -> None:
    """Raise Conflict unless the Batch was launched on this very endpoint: elsewhere nothing of it would be found.

    Our own marketplace may move to another address; it is the same one, in the same database.
    """
    if batch.profile != MarketplaceProfile.LOCAL and batch.endpoint_url != marketplace.endpoint_url:
        raise Conflict(
            f"Batch {batch.id} was launched on {batch.endpoint_url} and the settings now name"
            f" {marketplace.endpoint_url}; set AWS_ENDPOINT_URL_MTURK back"
        )


def need_attention(db: Session, profile: str, why: str) -> None:
    """Say on every active Batch of a profile why nothing happens."""
    statement = (
        "UPDATE batches SET attention = :why WHERE profile = :profile AND status IN ('live', 'paused', 'stopping')"
    )
    db.execute(text(statement), {"why": why, "profile": profile})


def pause(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Publish nothing more; what is live is still collected, reviewed and paid."""
    batch = step(db, batch_id, BatchStatus.PAUSED, by=by, action="batch.paused")
    batch.pause_reason = PauseReason.PERSON
    return batch


def resume(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Go on publishing. Refused operations are tried again. Raises Conflict where a pilot's rest waits to be released."""
    if get(db, batch_id).pause_reason == PauseReason.PILOT:
        raise Conflict(
            f"Batch {batch_id} waits for a decision on its pilot: release the rest (labeljury batch release {batch_id}), or"
            " stop it"
        )
    batch = step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.resumed", only_from=[BatchStatus.PAUSED])
    batch.attention = None
    db.execute(
        text(
            "UPDATE operations SET status = 'intended', not_before = now() WHERE batch_id = :id AND status = 'failed'"
        ),
        {"id": batch_id},
    )
    enqueue(db, Job.PUBLISH, batch_id=batch_id)
    enqueue(db, Job.REVIEW, batch_id=batch_id)
    return batch


def reopen(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Make a finished Batch live again: Items that lack answers now are asked for once more. One that is active stays so."""
    batch = get(db, batch_id)
    if batch.status == BatchStatus.DONE:
        batch = step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.reopened")
        batch.finished_at = None
    enqueue(db, Job.CONSENSUS, batch_id=batch_id)
    enqueue(db, Job.REVIEW, batch_id=batch_id)
    return batch


def stop(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Publish nothing more and expire what is live; work under way is still collected and paid. There is no way back."""
    active = [BatchStatus.LIVE, BatchStatus.PAUSED]
    batch = step(db, batch_id, BatchStatus.STOPPING, by=by, action="batch.stopped", only_from=active)
    enqueue(db, Job.PUBLISH, batch_id=batch_id)
    return batch


def set_cap(
    db: Session,
    batch_id: BatchId,
    cap_usd: Decimal,
    *,
    by: str,
    spending_limit_usd: Decimal | None = None,
    confirmed_usd: Decimal | None = None,
) -> Batch:
    """Change the cap. Raises InvalidInput below what is reserved or spent already, or above the installation's limit.

    Raising that of a launched Batch of real money needs the same amount in `confirmed_usd`, else Conflict.
    """
    batch = ledger.locked_batch(db, batch_id)
    if problems := list(batch_settings.money_faults(cap_usd=cap_usd, limit_usd=spending_limit_usd)):
        raise InvalidInput(problems)
    committed = ledger.committed_usd(db, batch_id)
    if cap_usd < committed:
        raise InvalidInput([Problem(f"${committed} are reserved or spent already; use at least that", field="cap_usd")])
    check_cap_confirmed(batch, cap_usd, confirmed_usd)
    audit.record(db, actor=by, action="batch.cap_set", batch_id=batch_id, profile=batch.profile, cap_usd=str(cap_usd))
    batch.cap_usd = cap_usd
    return batch


# A Batch is over when nothing of it is still to be published, answered, decided, paid, called or counted.
_UNFINISHED = text("""
    SELECT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id AND status IN ('planned', 'publishing', 'live'))
        OR EXISTS (SELECT 1 FROM operations WHERE batch_id = :id AND kind <> 'delete'
                   AND status IN ('intended', 'acting', 'failed'))
        OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND consensus_stale)
        -- More is to be asked for, or to be released; a stopping Batch does neither.
        OR EXISTS (SELECT 1 FROM batches AS b WHERE b.id = :id AND b.status IN ('live', 'paused') AND (
            b.planned_items < b.item_count
            OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND shortfall IN ('due', 'fresh'))))
        OR NOT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id)
""")


def close_if_finished(db: Session, batch_id: BatchId, *, now: datetime) -> bool:
    """Mark a Batch done (or stopped) once nothing of it is open. Returns whether it was closed now."""
    batch = ledger.locked_batch(db, batch_id)
    ending = {
        BatchStatus.LIVE: BatchStatus.DONE,
        BatchStatus.PAUSED: BatchStatus.DONE,
        BatchStatus.STOPPING: BatchStatus.STOPPED,
    }.get(BatchStatus(batch.status))
    never_planned = (
        ending is BatchStatus.STOPPED
        and not db.execute(
            text("SELECT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id)"), {"id": batch_id}
        ).scalar_one()
    )
    if ending is None or (db.execute(_UNFINISHED, {"id": batch_id}).scalar_one() and not never_planned):
        return False
    batch.status, batch.finished_at, batch.pause_reason = ending, now, None
    audit.record(db, actor="job runner", action=f"batch.{ending}", batch_id=batch_id, profile=batch.profile)
    return True
