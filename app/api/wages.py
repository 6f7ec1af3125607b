"""What a HIT should pay for an hourly wage to be earned."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.access.dependencies import Db, SettingsOf
from app.api.batches import Usd
from app.api.dependencies import CanView
from app.api.error_handlers import documented
from app.domain.wages import wage_faults
from app.errors import InvalidInput
from app.pipeline import wages
from app.questions import catalogue
from app.settings import MarketplaceProfile

router = APIRouter(tags=["Payments"])


class RewardProposalOut(BaseModel):
    """A reward for one HIT, and how it came about."""

    reward_usd: Usd
    seconds_per_item: float
    answers: int = Field(description="Measured answers behind it; fewer than 20: the template's own estimate is used.")
    batches: list[int] = Field(description="The Batches whose answers were measured.")
    arithmetic: str = Field(description="For people: how the reward comes about.")


@router.get("/reward-proposal", summary="Propose a reward", responses=documented(404))
def propose_reward(
    db: Db,
    caller: CanView,
    settings: SettingsOf,
    *,
    template: Annotated[str, Query(description="The HIT template.", examples=["image"])],
    hourly_usd: Annotated[Usd, Query(description="What an hour of work should earn.")],
    items_per_hit: Annotated[int, Query(ge=1, le=50)] = 1,
    profile: MarketplaceProfile | None = None,
) -> RewardProposalOut:
    """From the measured working time of earlier Batches with this template on this marketplace, up to the cent."""
    if problems := list(wage_faults(hourly_usd=hourly_usd, top_up=False)):
        raise InvalidInput(problems)
    found = wages.propose(
        db,
        catalogue.load(template),
        profile=profile or settings.marketplace_profile,
        items_per_hit=items_per_hit,
        hourly_usd=hourly_usd,
    )
    time = found.item_time
    return RewardProposalOut(
        reward_usd=found.reward_usd,
        seconds_per_item=time.seconds,
        answers=time.answers,
        batches=list(time.batches),
        arithmetic=found.arithmetic,
    )
