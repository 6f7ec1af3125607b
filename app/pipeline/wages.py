"""How long Items take, from the answers of earlier Batches, and the reward that an hourly wage makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.wages import ENOUGH_ANSWERS, proposed_reward, wage_faults
from app.errors import InvalidInput, Problem
from app.questions.catalogue import HitTemplate


@dataclass(frozen=True, slots=True)
class ItemTime:
    """Seconds that one Item takes. `answers` of `batches` were measured; none of them: the template's own estimate."""

    seconds: float
    answers: int
    batches: Sequence[int]

    @property
    def measured(self) -> bool:
        """Whether people's times are behind it."""
        return bool(self.batches)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reward for one HIT, and how it came about."""

    hourly_usd: Decimal
    item_time: ItemTime
    items_per_hit: int
    reward_usd: Decimal

    @property
    def arithmetic(self) -> str:
        """In one sentence."""
        time = self.item_time
        numbers = ", ".join(str(number) for number in time.batches)
        source = (
            f"median of {time.answers:,} answers in Batch{'es' if len(time.batches) > 1 else ''} {numbers}"
            if time.measured
            else "the template's own estimate: too few answers were measured yet"
        )
        items = f"{self.items_per_hit} Item{'s' if self.items_per_hit > 1 else ''} a HIT"
        return (
            f"{time.seconds:.1f} s an Item ({source}) × {items} × ${self.hourly_usd} an hour"
            f" = ${self.reward_usd} a HIT, up to the cent"
        )


# The page's time per Item, but not more than its share of what passed on the marketplace. The last MOST_BATCHES Batches.
_ITEM_TIME = text("""
    WITH earlier AS (
        SELECT b.id FROM batches AS b WHERE b.template_name = :template AND b.profile = :profile
          AND EXISTS (SELECT 1 FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id WHERE h.batch_id = b.id)
        ORDER BY b.id DESC LIMIT :most
    ), times AS (
        SELECT i.batch_id, least(r.elapsed_ms / 1000.0, extract(epoch FROM a.submitted_at - a.accepted_at)) AS seconds
        FROM earlier AS e JOIN items AS i ON i.batch_id = e.id JOIN responses AS r ON r.item_id = i.id
        JOIN assignments AS a ON a.id = r.assignment_id
        WHERE r.elapsed_ms > 0 AND r.counted
    )
    SELECT count(*) AS answers, array_agg(DISTINCT batch_id) AS batches,
           CAST(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS double precision) AS seconds
    FROM times WHERE seconds > 0
""")
_MOST_BATCHES = 5


def item_time(db: Session, template: HitTemplate, *, profile: str) -> ItemTime:
    """How long an Item of this template takes on this marketplace.

    The median of the last Batches' answers; simulated Workers of the local marketplace tell nothing about another one.
    """
    row = db.execute(_ITEM_TIME, {"template": template.name, "profile": profile, "most": _MOST_BATCHES}).one()
    if row.answers < ENOUGH_ANSWERS:
        return ItemTime(float(template.seconds_per_item), row.answers, [])
    return ItemTime(row.seconds, row.answers, row.batches)


def reward_for(
    db: Session,
    template: HitTemplate,
    *,
    profile: str,
    items_per_hit: int,
    reward_usd: Decimal | None,
    hourly_usd: Decimal | None,
) -> Decimal:
    """The reward as given or, from the hourly wage, as proposed. Raises InvalidInput where both are missing or it is faulty."""
    if reward_usd is not None:
        return reward_usd
    if hourly_usd is None:
        raise InvalidInput([Problem("give a reward, or an hourly wage to propose it from", field="reward_usd")])
    if problems := list(wage_faults(hourly_usd=hourly_usd, top_up=False)):
        raise InvalidInput(problems)
    proposal = propose(db, template, profile=profile, items_per_hit=items_per_hit, hourly_usd=hourly_usd)
    return proposal.reward_usd


def propose(db: Session, template: HitTemplate, *, profile: str, items_per_hit: int, hourly_usd: Decimal) -> Proposal:
    """The reward of a HIT that pays `hourly_usd` for the time it takes."""
    time = item_time(db, template, profile=profile)
    return Proposal(hourly_usd, time, items_per_hit, proposed_reward(hourly_usd, time.seconds * items_per_hit))
