"""Batches: create, launch, pause, resume, stop, close."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.db import audit, ledger
from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.db.tables import Batch, Item
from app.domain import batch_settings, packing, pricing, transitions
from app.domain.packing import Sized
from app.domain.pricing import Cost
from app.domain.vocabulary import AccountId, BatchId, BatchStatus, ItemId, MediaType, PauseReason
from app.errors import (
    BudgetExceeded,
    Conflict,
    Forbidden,
    IllegalTransition,
    InsufficientFunds,
    InvalidInput,
    NotFound,
    Problem,
)
from app.mturk import requester
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
    seed: int | None = None


def create(
    db: Session,
    new: NewBatch,
    *,
    by: str,
    account_id: AccountId | None = None,
    spending_limit_usd: Decimal | None = None,
) -> Batch:
    """A draft without Items; the import in the same transaction brings them. Raises InvalidInput with every fault."""
    if problems := list(_faults(new, spending_limit_usd)):
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
        items_per_hit=new.items_per_hit,
        quorum=new.quorum,
        cap_usd=new.cap_usd,
        assignment_duration_s=new.assignment_duration_s,
        lifetime_s=new.lifetime_s,
        auto_approval_delay_s=new.auto_approval_delay_s,
        seed=new.seed if new.seed is not None else secrets.randbits(62),
        created_by=account_id,
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
    yield from batch_settings.money_faults(reward_usd=new.reward_usd, cap_usd=new.cap_usd, limit_usd=spending_limit_usd)


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
    """What the Batch costs if every Assignment is done and approved, from the very packing that publishing will use."""
    batch = get(db, batch_id)
    sizes = db.execute(select(Item.id, Item.page_bytes).where(Item.batch_id == batch.id).order_by(Item.id))
    capacity = page_budget(batch).capacity_bytes
    groups = packing.pack(
        (Sized(ItemId(row[0]), row[1]) for row in sizes), per_hit=batch.items_per_hit, byte_budget=capacity
    )
    return pricing.batch_cost(
        hits=sum(1 for _ in groups), reward_usd=batch.reward_usd, assignments_per_hit=batch.assignments_per_item
    )


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
    _check_confirmed(batch, cost, confirmed_usd)
    marketplace = connect(MarketplaceProfile(batch.profile))
    _check_balance(batch, cost, marketplace)
    with database.transaction() as db:
        batch = _step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.launched", cost_usd=str(cost.total_usd))
        batch.launched_at = datetime.now(UTC)
        batch.endpoint_url = marketplace.endpoint_url
        batch.cap_usd = batch.cap_usd if batch.cap_usd is not None else cost.total_usd
        enqueue(db, Job.PUBLISH, batch_id=batch_id)
    return batch


def check_launch(db: Session, batch: Batch, *, settings: Settings) -> Cost:
    """What launching the Batch costs, once nothing but the confirmation and the marketplace can stand against it.

    Raises IllegalTransition, Forbidden, Conflict, BudgetExceeded.
    """
    if batch.status != BatchStatus.DRAFT:
        said = f"Batch {batch.id} is launched already: it is {batch.status}"
        raise IllegalTransition(f"Batch {batch.id}", batch.status, BatchStatus.LIVE, said)
    cost = forecast(db, BatchId(batch.id))
    _check_media(db, batch, settings)
    _check_money(batch, cost, settings)
    return cost


def _check_media(db: Session, batch: Batch, settings: Settings) -> None:
    """Media that we serve must reach Workers of a public marketplace, whose browsers refuse http inside https pages."""
    if not MarketplaceProfile(batch.profile).is_public or settings.web_url.startswith("https://"):
        return
    ours = select(Item.id).where(Item.batch_id == batch.id, Item.media_token.is_not(None)).limit(1)
    if db.scalar(ours) is not None:
        raise Conflict(
            f"Batch {batch.id} has media files that this installation serves at {settings.web_url}, where Workers of"
            f" {batch.profile} cannot load them; set LABELJURY_WEB_PUBLIC_URL to an https address that reaches it"
        )


def _check_money(batch: Batch, cost: Cost, settings: Settings) -> None:
    if cost.hits == 0:
        raise Conflict(f"Batch {batch.id} has no Items; create it again from a file with rows")
    if batch.profile == MarketplaceProfile.PRODUCTION and (missing := settings.missing_for_production()):
        raise Forbidden("use production", f"production spends real money: set {' and '.join(missing)} to allow it")
    for of, limit in (("the cap", batch.cap_usd), ("this installation's limit", settings.spending_limit_usd)):
        if limit is not None and cost.total_usd > limit:
            raise BudgetExceeded(cost.total_usd, limit, of)


def _check_confirmed(batch: Batch, cost: Cost, confirmed_usd: Decimal | None) -> None:
    """Real money needs the exact cost; elsewhere a confirmation may be left out, but a wrong one means a misreading."""
    if confirmed_usd == cost.total_usd:
        return
    if batch.profile == MarketplaceProfile.PRODUCTION:
        raise Conflict(f"confirm the cost first: this spends ${cost.total_usd} of real money")
    if confirmed_usd is not None:
        raise Conflict(f"the cost is ${cost.total_usd} and ${confirmed_usd} were confirmed; confirm ${cost.total_usd}")


def _check_balance(batch: Batch, cost: Cost, marketplace: Marketplace) -> None:
    balance = requester.available_balance(marketplace)
    if balance < cost.total_usd:
        is_ours = marketplace.profile is MarketplaceProfile.LOCAL
        how = f" (`labeljury marketplace deposit {cost.total_usd - balance}`)" if is_ours else ""
        raise InsufficientFunds(
            "GetAccountBalance",
            "InsufficientFunds",
            f"Batch {batch.id} needs ${cost.total_usd} and the {marketplace.profile} account holds ${balance};"
            f" add funds{how}, or publish fewer Items",
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
    batch = _step(db, batch_id, BatchStatus.PAUSED, by=by, action="batch.paused")
    batch.pause_reason = PauseReason.PERSON
    return batch


def resume(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Go on publishing. Refused operations are tried again."""
    batch = _step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.resumed", only_from=BatchStatus.PAUSED)
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


def stop(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Publish nothing more and expire what is live; work under way is still collected and paid. There is no way back."""
    batch = _step(db, batch_id, BatchStatus.STOPPING, by=by, action="batch.stopped")
    enqueue(db, Job.PUBLISH, batch_id=batch_id)
    return batch


def set_cap(
    db: Session, batch_id: BatchId, cap_usd: Decimal, *, by: str, spending_limit_usd: Decimal | None = None
) -> Batch:
    """Change the cap. Raises InvalidInput below what is reserved or spent already, or above the installation's limit."""
    batch = ledger.locked_batch(db, batch_id)
    if problems := list(batch_settings.money_faults(cap_usd=cap_usd, limit_usd=spending_limit_usd)):
        raise InvalidInput(problems)
    committed = ledger.committed_usd(db, batch_id)
    if cap_usd < committed:
        raise InvalidInput([Problem(f"${committed} are reserved or spent already; use at least that", field="cap_usd")])
    audit.record(db, actor=by, action="batch.cap_set", batch_id=batch_id, profile=batch.profile, cap_usd=str(cap_usd))
    batch.cap_usd = cap_usd
    return batch


# A Batch is over when nothing of it is still to be published, answered, decided, paid, called or counted.
_UNFINISHED = text("""
    SELECT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id AND status IN ('planned', 'publishing', 'live'))
        OR EXISTS (SELECT 1 FROM operations WHERE batch_id = :id AND status IN ('intended', 'acting', 'failed'))
        OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND consensus_stale)
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


def _step(
    db: Session,
    batch_id: BatchId,
    to: BatchStatus,
    *,
    by: str,
    action: str,
    only_from: BatchStatus | None = None,
    **details: str,
) -> Batch:
    """Compare-and-set of the status, with its audit entry. Raises NotFound, IllegalTransition."""
    allowed = [only_from] if only_from else transitions.may(transitions.BATCH, to)
    won = db.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.status.in_(allowed))
        .values(status=to, pause_reason=None)
        .returning(Batch.id)
    )
    moved = won.first() is not None
    batch = get(db, batch_id)
    if not moved:
        raise IllegalTransition(f"Batch {batch_id}", batch.status, to)
    db.refresh(batch)
    audit.record(db, actor=by, action=action, batch_id=batch_id, profile=batch.profile, **details)
    return batch
