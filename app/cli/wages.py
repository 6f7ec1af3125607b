"""The reward of a new Batch: as given, or proposed from an hourly wage with its arithmetic shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from app.cli import talking
from app.cli.opening import Opened

if TYPE_CHECKING:
    from app.questions.catalogue import HitTemplate

DEFAULT_REWARD_USD = Decimal("0.05")


def reward_for(
    service: Opened,
    template: HitTemplate,
    profile: str,
    items_per_hit: int,
    *,
    reward: Decimal | None,
    hourly: Decimal | None,
) -> Decimal:
    """What a HIT pays. Raises InvalidInput for a faulty wage."""
    if reward is not None or hourly is None:
        return reward if reward is not None else DEFAULT_REWARD_USD
    from app.domain.wages import wage_faults
    from app.errors import InvalidInput
    from app.pipeline import wages

    if problems := list(wage_faults(hourly_usd=hourly, top_up=False)):
        raise InvalidInput(problems)
    with service.database.transaction() as db:
        proposal = wages.propose(db, template, profile=profile, items_per_hit=items_per_hit, hourly_usd=hourly)
    talking.console().print(f"Reward: {proposal.arithmetic}.", markup=False)
    return proposal.reward_usd
