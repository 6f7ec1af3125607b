"""Figures of the whole installation, for whoever watches it by machine. Reads only; nothing of Workers is in them.

Each is one statement. What has an index that holds only open things is asked every time; sums over everything that ever
happened are slower (about a second with ten million ledger entries): who asks often keeps them for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

Rows = Sequence[Row[Any]]

# Longer than this no scrape may hold a connection.
LONGEST_S = 10


@dataclass(frozen=True, slots=True)
class Now:
    """What changes by the second.

    batches: status, pause_reason, profile, n. operations: kind, status, n, oldest_s. endpoints: a row each. queue: job,
    status, n. alerts: kind, n. runners: how many job runners are at work.
    """

    batches: Rows
    operations: Rows
    endpoints: Rows
    queue: Rows
    alerts: Rows
    runners: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over everything. money: profile, committed, spent, owed in USD. hits: profile, live. assignments: profile, n."""

    money: Rows
    hits: Rows
    assignments: Rows


_BATCHES = (
    "SELECT status, coalesce(pause_reason, '') AS pause_reason, profile, count(*) AS n FROM batches GROUP BY 1, 2, 3"
)
# Two halves, so that each is read from its own partial index.
_OPERATIONS = """
    SELECT kind, status, count(*) AS n, extract(epoch FROM now() - min(created_at))::float8 AS oldest_s FROM operations
    WHERE status IN ('intended', 'acting') GROUP BY kind, status
    UNION ALL
    SELECT kind, status, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM operations
    WHERE status = 'failed' GROUP BY kind, status
"""
_ENDPOINTS = """
    SELECT url, calls, throttles, calls_per_second, throttled_rate, latency_s, available_usd, on_hold_usd,
           extract(epoch FROM now() - balance_at)::float8 AS balance_age_s,
           extract(epoch FROM now() - polled_at)::float8 AS polled_age_s
    FROM endpoints ORDER BY url
"""
_QUEUE = """
    SELECT task_name AS job, status::text AS status, count(*) AS n FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing', 'failed') GROUP BY 1, 2
"""
_ALERTS = "SELECT kind, count(*) AS n FROM alerts WHERE cleared_at IS NULL GROUP BY kind"
_RUNNERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :within_s)"

_MONEY = """
    SELECT b.profile, sum(s.committed) AS committed, sum(s.spent) AS spent, sum(s.owed) AS owed FROM (
        SELECT batch_id,
            sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')
                OR (kind IN ('bonus', 'bonus_fee') AND status <> 'cancelled')) AS committed,
            sum(amount_usd) FILTER (WHERE status = 'paid') AS spent,
            sum(amount_usd) FILTER (WHERE status = 'owed') AS owed
        FROM payments GROUP BY batch_id
    ) AS s JOIN batches AS b ON b.id = s.batch_id GROUP BY b.profile
"""
_HITS = """
    SELECT b.profile, count(*) AS live FROM hits AS h JOIN batches AS b ON b.id = h.batch_id
    WHERE h.status = 'live' AND b.status IN ('live', 'paused', 'stopping') GROUP BY b.profile
"""
_ASSIGNMENTS = """
    SELECT w.profile, count(*) AS n FROM assignments AS a JOIN workers AS w ON w.id = a.worker_id GROUP BY w.profile
"""


def now(db: Session, *, runner_seen_within_s: int) -> Now:
    """What changes by the second."""
    _hurry(db)
    runners = db.execute(text(_RUNNERS), {"within_s": runner_seen_within_s}).scalar_one()
    batches, operations, endpoints, queue, alerts = (
        db.execute(text(statement)).all() for statement in (_BATCHES, _OPERATIONS, _ENDPOINTS, _QUEUE, _ALERTS)
    )
    return Now(batches, operations, endpoints, queue, alerts, int(runners))


def totals(db: Session) -> Totals:
    """Sums over everything."""
    _hurry(db)
    money, hits, assignments = (db.execute(text(statement)).all() for statement in (_MONEY, _HITS, _ASSIGNMENTS))
    return Totals(money, hits, assignments)


def runners_alive(db: Session, *, within_s: int) -> int:
    """Job runners that were heard of within so many seconds, from the queue's own table."""
    return int(db.execute(text(_RUNNERS), {"within_s": within_s}).scalar_one())


def _hurry(db: Session) -> None:
    db.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_S}s'"))
