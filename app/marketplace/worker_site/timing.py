"""How long HITs of a kind take, as the Workers before have shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Float, cast, func, select, true
from sqlalchemy.orm import Session

from app.marketplace.store import HIT, Assignment, HITType

# The oldest HITs of a group stand for all: bounded work, however many there are.
_HITS_LOOKED_AT = 20
_LEAST_SUBMITTED = 3
_HOUR_S = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Pace:
    """The median time from accepting to submitting."""

    median_s: int

    def hourly_usd(self, reward_usd: Decimal) -> Decimal:
        """What an hour of such work would bring."""
        return round(reward_usd * _HOUR_S / max(self.median_s, 1), 2)


def paces(db: Session, hit_type_ids: Iterable[str]) -> Mapping[str, Pace]:
    """The pace of each HIT Type of which enough was submitted."""
    hits = select(HIT.id).where(HIT.hit_type_id == HITType.id).order_by(HIT.seq).limit(_HITS_LOOKED_AT)
    looked_at = hits.correlate(HITType).lateral()
    took = func.extract("epoch", Assignment.submitted_at - Assignment.accepted_at)
    statement = (
        select(HITType.id, cast(func.percentile_cont(0.5).within_group(took), Float))
        .select_from(HITType)
        .join(looked_at, true())
        .join(Assignment, Assignment.hit_id == looked_at.c.id)
        .where(HITType.id.in_(list(hit_type_ids)), Assignment.submitted_at.is_not(None))
        .group_by(HITType.id)
        .having(func.count() >= _LEAST_SUBMITTED)
    )
    return {row[0]: Pace(max(1, round(row[1]))) for row in db.execute(statement)}
