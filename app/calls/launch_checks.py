"""What must hold before a Batch is launched: its media reach Workers, its cost fits every limit, somebody has confirmed it."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Batch, Item
from app.domain.pricing import Cost
from app.domain.vocabulary import BatchStatus
from app.errors import BudgetExceeded, Conflict, Forbidden, InsufficientFunds
from app.mturk import requester
from app.mturk.client import Marketplace
from app.settings import MarketplaceProfile, Settings


def at_most_usd(batch: Batch, cost: Cost) -> Decimal:
    """What launching can come to: all answers, or the cap where that is less."""
    return cost.total_usd if batch.cap_usd is None else min(batch.cap_usd, cost.total_usd)


def check_media(db: Session, batch: Batch, settings: Settings) -> None:
    """Media that we serve must reach Workers of a public marketplace, whose browsers refuse http inside https pages."""
    if not MarketplaceProfile(batch.profile).is_public or settings.web_url.startswith("https://"):
        return
    ours = select(Item.id).where(Item.batch_id == batch.id, Item.media_token.is_not(None)).limit(1)
    if db.scalar(ours) is not None:
        raise Conflict(
            f"Batch {batch.id} has media files that this installation serves at {settings.web_url}, where Workers of"
            f" {batch.profile} cannot load them; set LABELJURY_WEB_PUBLIC_URL to an https address that reaches it"
        )


def check_money(batch: Batch, cost: Cost, first: Cost, settings: Settings) -> None:
    """The cap must cover what is asked for at once; the installation's limit whatever may come of it."""
    if cost.hits == 0:
        raise Conflict(f"Batch {batch.id} has no Items; create it again from a file with rows")
    if batch.profile == MarketplaceProfile.PRODUCTION and (missing := settings.missing_for_production()):
        raise Forbidden("use production", f"production spends real money: set {' and '.join(missing)} to allow it")
    if batch.cap_usd is not None and first.total_usd > batch.cap_usd:
        raise BudgetExceeded(first.total_usd, batch.cap_usd, "the cap")
    limit = settings.spending_limit_usd
    if limit is not None and at_most_usd(batch, cost) > limit:
        raise BudgetExceeded(at_most_usd(batch, cost), limit, "this installation's limit")


def check_confirmed(batch: Batch, cost: Cost, confirmed_usd: Decimal | None) -> None:
    """Real money needs the exact cost; elsewhere a confirmation may be left out, but a wrong one means a misreading."""
    most = at_most_usd(batch, cost)
    if confirmed_usd == most:
        return
    if batch.profile == MarketplaceProfile.PRODUCTION:
        raise Conflict(f"confirm the cost first: this spends ${most} of real money")
    if confirmed_usd is not None:
        raise Conflict(f"the cost is ${most} and ${confirmed_usd} were confirmed; confirm ${most}")


def needs_confirmation(batch: Batch, cap_usd: Decimal) -> bool:
    """Whether this cap lets a Batch that is launched spend more real money than somebody has said yes to."""
    raised = batch.cap_usd is None or cap_usd > batch.cap_usd
    return batch.profile == MarketplaceProfile.PRODUCTION and batch.status != BatchStatus.DRAFT and raised


def check_cap_confirmed(batch: Batch, cap_usd: Decimal, confirmed_usd: Decimal | None) -> None:
    """As at launch: raising the cap of real money needs the amount; elsewhere a wrong confirmation means a misreading."""
    if confirmed_usd == cap_usd:
        return
    if needs_confirmation(batch, cap_usd):
        raise Conflict(f"confirm the new cap first: this lets Batch {batch.id} spend up to ${cap_usd} of real money")
    if confirmed_usd is not None:
        raise Conflict(f"the new cap is ${cap_usd} and ${confirmed_usd} were confirmed; confirm ${cap_usd}")


def check_balance(batch: Batch, first: Cost, marketplace: Marketplace) -> None:
    """The balance must cover what is asked for at once; a Batch that runs out of funds later pauses until they are there."""
    balance = requester.available_balance(marketplace)
    if balance < first.total_usd:
        is_ours = marketplace.profile is MarketplaceProfile.LOCAL
        how = f" (`labeljury marketplace deposit {first.total_usd - balance}`)" if is_ours else ""
        raise InsufficientFunds(
            "GetAccountBalance",
            "InsufficientFunds",
            f"Batch {batch.id} needs ${first.total_usd} and the {marketplace.profile} account holds ${balance};"
            f" add funds{how}, or publish fewer Items",
        )
