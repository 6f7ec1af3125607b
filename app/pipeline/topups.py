"""Top-ups: who worked longer than the reward pays for, at the Batch's hourly wage, gets the difference as one bonus.

What is missing is computed from the tables under the Batch's lock, bonuses asked for before included: computed again, after
a crash or for good measure, it comes to nothing.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.db import audit, ledger
from app.db.bonus_intents import WantedBonus, intend_bonuses, not_yet_intended, total_price
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.plurals import counted
from app.domain.pricing import CENT, Price, bonus_price
from app.domain.vocabulary import AssignmentId, BatchId, BatchStatus, HITId
from app.domain.wages import Earned, WorkTime, missing_usd, paid_time_s, typical_s, work_time_s
from app.errors import BudgetExceeded, Conflict, NotFound
from app.logs import get_logger

log = get_logger(__name__)

_ATTENTION = "Top-ups wait for a higher cap"
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class TopUps:
    """What the Workers of a Batch are short of. `wanted`: one bonus each, smallest first."""

    hourly_usd: Decimal
    median_s: float | None
    wanted: Sequence[WantedBonus]

    @property
    def price(self) -> Price:
        """All of them with their fees."""
        return total_price(self.wanted)


@dataclass(frozen=True, slots=True)
class ToppedUp:
    """What was asked for, and what the cap left no room for."""

    paid: Price
    workers: int
    left_out: Price
    left_out_workers: int


_WORK = text("""
    WITH measured AS (
        -- Where the page did not say how long one of the Items took, the Assignment was not measured.
        SELECT r.assignment_id, CASE WHEN count(*) = count(r.elapsed_ms) THEN sum(r.elapsed_ms) / 1000.0 END AS seconds
        FROM items AS i JOIN responses AS r ON r.item_id = i.id WHERE i.batch_id = :id GROUP BY r.assignment_id
    ), got AS (
        SELECT p.assignment_id, sum(p.amount_usd) AS usd FROM payments AS p
        WHERE p.batch_id = :id AND p.kind IN ('reward', 'bonus') AND p.status <> 'cancelled' GROUP BY p.assignment_id
    )
    SELECT a.id, a.hit_id, a.worker_id, a.marketplace_assignment_id,
           CAST(extract(epoch FROM a.submitted_at - a.accepted_at) AS double precision) AS taken_s,
           measured.seconds AS measured_s, coalesce(got.usd, 0) AS got_usd
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
    LEFT JOIN measured ON measured.assignment_id = a.id LEFT JOIN got ON got.assignment_id = a.id
    WHERE h.batch_id = :id AND g.purpose = 'items' AND a.status = 'approved'
    ORDER BY a.worker_id, a.submitted_at, a.id
""")


def missing(db: Session, batch_id: BatchId) -> TopUps:
    """What each Worker is short of at the Batch's hourly wage, as one bonus on their last approved Assignment.

    Raises NotFound, Conflict where the Batch has no hourly wage.
    """
    batch = db.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Batch", batch_id)
    if batch.hourly_usd is None:
        raise Conflict(
            f"Batch {batch_id} was created without an hourly wage (`--hourly`): there is nothing to top up to"
        )
    rows = [(row, _seconds(row)) for row in db.execute(_WORK, {"id": batch_id})]
    median_s = typical_s(seconds for _, seconds in rows)
    if median_s is None:
        return TopUps(batch.hourly_usd, None, [])
    by_worker: dict[int, list[tuple[Row[Any], float]]] = defaultdict(list)
    for row, seconds in rows:
        by_worker[row.worker_id].append((row, seconds))
    bonuses = [_bonus(batch, work, batch.hourly_usd, median_s) for work in by_worker.values()]
    wanted = sorted((b for b in bonuses if b is not None), key=lambda b: (b.amount_usd, b.assignment_id))
    return TopUps(batch.hourly_usd, median_s, wanted)


def _seconds(row: Row[Any]) -> float:
    measured_s = None if row.measured_s is None else float(row.measured_s)
    return work_time_s(WorkTime(row.taken_s, measured_s)) or 0.0


def _bonus(
    batch: Batch, work: Sequence[tuple[Row[Any], float]], hourly_usd: Decimal, median_s: float
) -> WantedBonus | None:
    """The difference for one Worker, if there is any."""
    times_s = [seconds for _, seconds in work]
    got_usd = sum((row.got_usd for row, _ in work), Decimal(0))
    short_usd = missing_usd(Earned(times_s, got_usd), hourly_usd=hourly_usd, median_s=median_s)
    if short_usd < CENT:
        return None
    last, minutes = work[-1][0], paid_time_s(times_s, median_s=median_s) / _MINUTE_S
    # The time is part of the reason, so that a later top-up of a Batch that went on is another bonus.
    reason = f"Top-up to ${hourly_usd:.2f} an hour for {minutes:.1f} minutes of work on “{batch.title}”."
    return WantedBonus(AssignmentId(last.id), HITId(last.hit_id), last.marketplace_assignment_id, short_usd, reason)


def top_up(db: Session, batch_id: BatchId, *, by: str, now: datetime, confirmed_usd: Decimal | None = None) -> ToppedUp:
    """Ask for what is missing, as far as the cap goes, the smallest differences first; the rest is said on the Batch.

    confirmed_usd: what somebody was shown and said yes to, fees included; more than that is not asked for.
    Raises NotFound, Conflict where the Batch has no hourly wage or is a draft, or more is missing than was confirmed.
    """
    batch = ledger.locked_batch(db, batch_id)
    if batch.status == BatchStatus.DRAFT:
        raise Conflict(f"Batch {batch_id} is a draft: nobody has worked on it yet")
    wanted = not_yet_intended(db, batch_id, missing(db, batch_id).wanted)
    if confirmed_usd is not None and (needed := total_price(wanted).total_usd) > confirmed_usd:
        raise Conflict(f"${needed} are missing by now, and ${confirmed_usd} were confirmed; look at it again")
    fit = _fitting(db, batch, wanted)
    if fit:
        intend_bonuses(db, batch, fit)
        enqueue(db, Job.REVIEW, batch_id=batch_id)
    done = ToppedUp(total_price(fit), len(fit), total_price(wanted[len(fit) :]), len(wanted) - len(fit))
    batch.topped_up_at = now
    _say(batch, done)
    audit.record(
        db,
        actor=by,
        action="workers.topped_up",
        batch_id=batch_id,
        profile=batch.profile,
        workers=done.workers,
        bonus_usd=done.paid.reward_usd,
        fee_usd=done.paid.fee_usd,
        left_out_usd=done.left_out.total_usd,
    )
    log.info("workers.topped_up", batch_id=batch_id, workers=done.workers, total_usd=str(done.paid.total_usd))
    return done


def _fitting(db: Session, batch: Batch, wanted: Sequence[WantedBonus]) -> list[WantedBonus]:
    """The first of them, as many as the Batch's cap and its Account's cover."""
    totals = list(accumulate(bonus_price(bonus.amount_usd).total_usd for bonus in wanted))
    while totals:
        try:
            ledger.check_room(db, batch, totals[-1])
        except BudgetExceeded as error:
            del totals[bisect_right(totals, error.left_usd) :]
        else:
            break
    return list(wanted[: len(totals)])


def _say(batch: Batch, done: ToppedUp) -> None:
    if done.left_out_workers:
        enough = (batch.cap_usd or Decimal(0)) + done.left_out.total_usd
        batch.attention = (
            f"{_ATTENTION}: {counted(done.left_out_workers, 'Worker is', 'Workers are')} short of"
            f" ${done.left_out.reward_usd} in all, with fees ${done.left_out.total_usd}; raise the cap to"
            f" ${enough} at most and run `labeljury bonus top-up {batch.id}`"
        )
    elif (batch.attention or "").startswith(_ATTENTION):
        batch.attention = None


def top_up_if_due(db: Session, batch_id: BatchId, *, now: datetime) -> None:
    """Top up once the Batch is over, if it was asked for at its creation; again where it went on and ended again."""
    batch = db.get_one(Batch, batch_id)
    over = batch.status in {BatchStatus.DONE, BatchStatus.STOPPED}
    last = batch.topped_up_at
    if batch.top_up and over and (last is None or (batch.finished_at is not None and last < batch.finished_at)):
        top_up(db, batch_id, by="job runner", now=now)
