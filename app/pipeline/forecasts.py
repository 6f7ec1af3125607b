"""What a Batch will take and cost in the end, with an interval where the number of answers is not fixed."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.standings import asking_of
from app.db.tables import Batch
from app.domain import forecast
from app.domain.consensus.majority import NAME as METHOD
from app.domain.forecast import Alike, Interval
from app.domain.pricing import assignment_price
from app.domain.vocabulary import BatchId, BatchStatus
from app.errors import NotFound


class Basis(StrEnum):
    """What a forecast rests on.

    settings: the number of answers is fixed · study: the published votes of the study, as the Batch has none yet ·
    batch: its own answers · done: it is over.
    """

    SETTINGS = "settings"
    STUDY = "study"
    BATCH = "batch"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Assignments and USD, fees included: `expected`, and between `low` and `high` in nine of ten cases.

    Answers that are lost (expired, rejected, unreadable) and asked for again are not in it.
    """

    basis: Basis
    assignments: Interval
    low_usd: Decimal
    expected_usd: Decimal
    high_usd: Decimal

    @property
    def is_open(self) -> bool:
        """Whether the number of answers is not fixed."""
        return self.assignments.low < self.assignments.high


def forecast_of(db: Session, batch_id: BatchId, *, hits: int | None = None) -> Forecast:
    """The Batch's forecast. `hits`: how many HITs show all its Items, where it is known exactly. Raises NotFound."""
    batch = db.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Batch", batch_id)
    price = assignment_price(
        batch.reward_usd, max_assignments=batch.assignments_per_item, masters=batch.masters
    ).total_usd
    basis, expected = _assignments(db, batch, -(-batch.item_count // batch.items_per_hit) if hits is None else hits)
    return Forecast(basis, expected, price * expected.low, price * expected.expected, price * expected.high)


def _assignments(db: Session, batch: Batch, hits: int) -> tuple[Basis, Interval]:
    if batch.status in {BatchStatus.DONE, BatchStatus.STOPPED}:
        return Basis.DONE, _exactly(_submitted(db, BatchId(batch.id)))
    if batch.first_assignments == batch.assignments_per_item or not hits:
        return Basis.SETTINGS, _exactly(hits * batch.assignments_per_item)
    begun = _begun(db, BatchId(batch.id)) if batch.launched_at is not None else []
    not_begun = batch.item_count - sum(alike.items for alike in begun)
    expected = forecast.assignments(
        asking_of(batch),
        begun=begun,
        not_begun=max(not_begun, 0),
        items_per_hit=max(1.0, batch.item_count / hits),
        rng=np.random.default_rng([batch.seed, 3]),
    )
    return Basis.BATCH if begun else Basis.STUDY, expected


def _exactly(assignments: int) -> Interval:
    return Interval(assignments, assignments, assignments)


def _submitted(db: Session, batch_id: BatchId) -> int:
    paid = text("""
        SELECT count(*) FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
        WHERE h.batch_id = :id AND a.status <> 'rejected' AND g.purpose = 'items'
    """)
    return int(db.execute(paid, {"id": batch_id}).scalar_one())


def _begun(db: Session, batch_id: BatchId) -> list[Alike]:
    """Items with answers, those that stand alike together."""
    rows = db.execute(
        text("""
            SELECT c.given_count, c.guessed_count, c.both_count, c.neither_count, c.cannot_tell_count, count(*) AS items
            FROM consensus AS c JOIN items AS i ON i.id = c.item_id
            WHERE i.batch_id = :id AND c.method = :method AND c.response_count + c.cannot_tell_count > 0
            GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        """),
        {"id": batch_id, "method": METHOD},
    )
    return [Alike((row[0], row[1], row[2], row[3], row[4]), row.items) for row in rows]
