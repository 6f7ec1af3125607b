"""Alerts: looks at every Batch at work and at the endpoints, raises what a person should know, clears what is over."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.db import clock, funds
from app.domain import alerts
from app.domain.alerts import Activity, Ending, Finding, Funds, Open, Shares, Undecided
from app.domain.consensus.majority import NAME as METHOD
from app.domain.consensus.votes import OPTIONS
from app.domain.vocabulary import AlertKind, BatchId, DifferenceKind
from app.logs import get_logger

log = get_logger(__name__)

INSTALLATION = "installation"
# The latest Assignments of all Batches together: who is among them is not stalled.
_RECENT = 5000
# How far back answers are compared, and how many of them, or of their Items, are the latest.
_ANSWERS, _LATEST_ANSWERS, _LATEST_ITEMS = 3000, 300, 100


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at everything changed, as `kind subject`."""

    raised: Sequence[str]
    cleared: Sequence[str]


def look(db: Session, endpoints: Mapping[str, str], *, announce: bool) -> Look:
    """Evaluate every rule now and write the alerts.

    endpoints: the URL of each marketplace profile in use. announce: whether a webhook will be told.
    """
    now = clock.now(db)
    already = {(alert.kind, alert.subject) for alert in _opened(db)}
    batches = _batches(db)
    found = [
        *_standing_still(db, batches, now),
        *_running_out(db, batches, now),
        *_changing(db, batches, already),
        *_needing_attention(db),
        *_differing(db),
        *_low_on_funds(db, endpoints, already),
    ]
    looked_at = set(AlertKind)
    if any(funds.known(db, url) is None for url in endpoints.values()):
        looked_at.remove(AlertKind.LOW_BALANCE)  # what cannot be known is not over
    return write(db, found, looked_at, announce=announce)


def look_for_runners(db: Session, quiet_s: float, *, announce: bool) -> Look:
    """The one rule that the console looks at, since without a job runner nobody else would.

    quiet_s: for how long no runner has been seen; 0 where one is at work.
    """
    said = alerts.no_runner(quiet_s)
    found = [] if said is None else [Finding(AlertKind.NO_RUNNER, INSTALLATION, said)]
    return write(db, found, {AlertKind.NO_RUNNER}, announce=announce)


# --- write ---------------------------------------------------------------------------------------------------------------

_RAISE = text("""
    INSERT INTO alerts (kind, subject, batch_id, message, announce, raised_at, seen_at, not_before)
    VALUES (:kind, :subject, :batch_id, :message, :announce, clock_timestamp(), clock_timestamp(), clock_timestamp())
    ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO UPDATE
        SET message = excluded.message, seen_at = excluded.seen_at
    RETURNING (xmax = 0) AS is_new
""")
_CLEAR = text("""
    UPDATE alerts SET cleared_at = clock_timestamp() WHERE id = ANY(:ids) AND cleared_at IS NULL
    RETURNING kind, subject, batch_id
""")


def write(db: Session, found: Sequence[Finding], looked_at: set[AlertKind], *, announce: bool) -> Look:
    """Raise what is found, say open ones anew, clear what is over. Any number of processes may do it at once."""
    # Two that look at the same time would clear what the other has just raised.
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('alerts', 7268902))"))
    now = clock.now(db)
    wanted = alerts.change(found, _opened(db), looked_at, now=now)
    raised = [_named(finding) for finding in wanted.found if _raise(db, finding, announce)]
    cleared = db.execute(_CLEAR, {"ids": list(wanted.over)}).all()
    for row in cleared:
        log.info("alert.cleared", kind=row.kind, subject=row.subject, batch_id=row.batch_id)
    return Look(raised, [f"{row.kind} {row.subject}" for row in cleared])


def _raise(db: Session, finding: Finding, announce: bool) -> bool:
    values = {
        "kind": finding.kind,
        "subject": finding.subject[:200],
        "batch_id": finding.batch_id,
        "message": finding.message,
        "announce": announce,
    }
    is_new = bool(db.execute(_RAISE, values).scalar_one())
    if is_new:
        log.warning("alert.raised", kind=finding.kind, subject=finding.subject, batch_id=finding.batch_id)
    return is_new


def _named(finding: Finding) -> str:
    return f"{finding.kind} {finding.subject}"


def _opened(db: Session) -> list[Open]:
    rows = db.execute(text("SELECT id, kind, subject, seen_at FROM alerts WHERE cleared_at IS NULL"))
    return [Open(row.id, AlertKind(row.kind), row.subject, row.seen_at) for row in rows]


# --- a Batch stands still ------------------------------------------------------------------------------------------------


def _batches(db: Session) -> Sequence[Row[Any]]:
    """Batches at work, with the last of their latest Assignments and the median gap between them, in seconds."""
    statement = text("""
        WITH recent AS (
            SELECT h.batch_id, a.id, a.collected_at,
                   extract(epoch FROM a.collected_at - lag(a.collected_at) OVER (PARTITION BY h.batch_id ORDER BY a.id)) AS gap
            FROM (SELECT id, hit_id, collected_at FROM assignments ORDER BY id DESC LIMIT :most) AS a
            JOIN hits AS h ON h.id = a.hit_id
        ), activity AS (
            SELECT batch_id, max(id) AS last_id, max(collected_at) AS last_at,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS gap_s
            FROM recent GROUP BY batch_id
        )
        SELECT b.id, b.status, b.lifetime_s, b.auto_approval_delay_s, b.repost_limit, r.last_id, r.last_at, r.gap_s,
               greatest(b.launched_at, e.resumed_at) AS since
        FROM batches AS b LEFT JOIN activity AS r ON r.batch_id = b.id LEFT JOIN endpoints AS e ON e.url = b.endpoint_url
        WHERE b.status IN ('live', 'paused', 'stopping') ORDER BY b.id
    """)
    return db.execute(statement, {"most": _RECENT}).all()


_LAST = text("""
    SELECT max(a.collected_at) FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id WHERE h.batch_id = :id
""")
_OPEN_HITS = text("""
    SELECT count(*) FROM hits AS h
    WHERE h.batch_id = :id AND h.status = 'live' AND NOT h.exhausted AND (h.expires_at IS NULL OR h.expires_at > now())
      AND h.max_assignments > h.pending + (SELECT count(*) FROM assignments AS a WHERE a.hit_id = h.id)
""")


def _standing_still(db: Session, batches: Sequence[Row[Any]], now: datetime) -> Iterator[Finding]:
    for row in batches:
        if row.status == "stopping" or row.since is None:
            continue
        since = max(row.since, row.last_at or row.since)
        # The counts below are costly: they are for the few that may be stalled.
        if alerts.stalled(Activity(1, since, row.gap_s), now=now) is None:
            continue
        if row.last_at is None:
            since = max(since, db.execute(_LAST, {"id": row.id}).scalar_one() or since)
        open_hits = db.execute(_OPEN_HITS, {"id": row.id}).scalar_one()
        gap_s = float(row.gap_s) if row.gap_s is not None else None
        yield from _finding(AlertKind.STALLED, row.id, alerts.stalled(Activity(open_hits, since, gap_s), now=now))


# --- clocks that run out -------------------------------------------------------------------------------------------------

_ENDING = text("""
    SELECT h.batch_id, count(*) AS hits, min(h.expires_at) AS first_at,
           count(*) FILTER (WHERE b.status = 'live' AND h.reposts < b.repost_limit) AS again
    FROM unnest(CAST(:ids AS bigint[]), CAST(:windows AS float8[])) AS w (batch_id, window_s)
    JOIN batches AS b ON b.id = w.batch_id
    JOIN hits AS h ON h.batch_id = w.batch_id AND h.status = 'live' AND NOT h.exhausted
    WHERE h.expires_at > now() AND h.expires_at <= now() + make_interval(secs => w.window_s)
      AND h.max_assignments > h.pending + (SELECT count(*) FROM assignments AS a WHERE a.hit_id = h.id)
    GROUP BY h.batch_id
""")
_UNDECIDED = text("""
    SELECT h.batch_id, count(*) AS assignments, count(a.held_at) AS held, min(a.auto_approval_at) AS first_at
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
    JOIN unnest(CAST(:ids AS bigint[]), CAST(:windows AS float8[])) AS w (batch_id, window_s) ON w.batch_id = h.batch_id
    WHERE a.status = 'submitted' AND a.auto_approval_at > now()
      AND a.auto_approval_at <= now() + make_interval(secs => :longest)
      AND a.auto_approval_at <= now() + make_interval(secs => w.window_s)
    GROUP BY h.batch_id
""")


def _running_out(db: Session, batches: Sequence[Row[Any]], now: datetime) -> Iterator[Finding]:
    offered = [row for row in batches if row.status != "stopping"]
    windows = [alerts.expiry_window_s(row.lifetime_s) for row in offered]
    for row in db.execute(_ENDING, {"ids": [row.id for row in offered], "windows": windows}):
        said = alerts.near_expiry(Ending(row.hits, row.again, row.first_at), now=now)
        yield from _finding(AlertKind.NEAR_EXPIRY, row.batch_id, said)
    windows = [alerts.approval_window_s(row.auto_approval_delay_s) for row in batches]
    values = {
        "ids": [row.id for row in batches],
        "windows": windows,
        "longest": alerts.LONGEST_APPROVAL_WARNING_S,
    }
    for row in db.execute(_UNDECIDED, values):
        said = alerts.auto_approval(Undecided(row.assignments, row.held, row.first_at), now=now)
        yield from _finding(AlertKind.AUTO_APPROVAL, row.batch_id, said)


# --- answers that change -------------------------------------------------------------------------------------------------

_LATEST = text("""
    SELECT r.item_id, r.option, r.assignment_id FROM responses AS r
    JOIN assignments AS a ON a.id = r.assignment_id JOIN hits AS h ON h.id = a.hit_id
    WHERE h.batch_id = :id AND r.assignment_id <= :last AND r.counted AND r.option IS NOT NULL
    ORDER BY r.assignment_id DESC LIMIT :most
""")
_AGREEMENT = text("""
    SELECT item_id, agreement FROM consensus
    WHERE item_id = ANY(:ids) AND method = :method AND status = 'settled' AND agreement IS NOT NULL
""")


def _changing(db: Session, batches: Sequence[Row[Any]], already: set[tuple[AlertKind, str]]) -> Iterator[Finding]:
    for row in batches:
        if row.last_id is None:
            continue
        answers = db.execute(_LATEST, {"id": row.id, "last": row.last_id, "most": _ANSWERS}).all()
        subject = alerts.of_batch(row.id)
        said = alerts.drift(_shares(answers), already=(AlertKind.DRIFT, subject) in already)
        yield from _finding(AlertKind.DRIFT, row.id, said)
        agreement = _agreement(db, answers)
        said = alerts.disagreement(
            agreement[:-_LATEST_ITEMS],
            agreement[-_LATEST_ITEMS:],
            already=(AlertKind.DISAGREEMENT, subject) in already,
        )
        yield from _finding(AlertKind.DISAGREEMENT, row.id, said)


def _shares(answers: Sequence[Row[Any]]) -> Shares:
    """answers: latest first."""
    latest = Counter(row.option for row in answers[:_LATEST_ANSWERS])
    earlier = Counter(row.option for row in answers[_LATEST_ANSWERS:])
    items = len({row.item_id for row in answers})
    return Shares(
        [option.value for option in OPTIONS],
        [earlier[option] for option in OPTIONS],
        [latest[option] for option in OPTIONS],
        answers_per_item=len(answers) / max(1, items),
    )


def _agreement(db: Session, answers: Sequence[Row[Any]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Agreement on the settled Items of these answers, in the order in which each got its first one.

    By the first answer, not the last: Items on which people disagree are asked more often and so end later.
    """
    first: dict[int, int] = {row.item_id: row.assignment_id for row in answers}  # latest first: the earliest one stays
    known = {row.item_id: row.agreement for row in db.execute(_AGREEMENT, {"ids": list(first), "method": METHOD})}
    in_order = sorted(known, key=lambda item_id: (first[item_id], item_id))
    return np.array([known[item_id] for item_id in in_order], dtype=np.float64)


# --- what others found ---------------------------------------------------------------------------------------------------


def _needing_attention(db: Session) -> Iterator[Finding]:
    """Batches that say why they cannot go on, unless a person paused them; and calls that were refused for good.

    Of Batches that are over only such calls: bonuses and compensations come late.
    """
    rows = db.execute(
        text("""
            SELECT b.id, CASE WHEN b.status IN ('live', 'paused', 'stopping') AND b.pause_reason IS DISTINCT FROM 'person'
                              THEN b.attention END AS why,
                   (SELECT count(*) FROM operations AS o
                    WHERE o.batch_id = b.id AND o.status = 'failed' AND o.kind <> 'delete') AS failed,
                   again.calls AS again, again.error
            FROM batches AS b LEFT JOIN (
                SELECT o.batch_id, count(*) AS calls, max(o.error) AS error FROM operations AS o
                WHERE o.status IN ('intended', 'acting') AND o.attempts >= :many AND o.error IS NOT NULL GROUP BY o.batch_id
            ) AS again ON again.batch_id = b.id
            WHERE b.status IN ('live', 'paused', 'stopping') OR again.calls > 0 OR EXISTS (
                SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.status = 'failed' AND o.kind <> 'delete')
            ORDER BY b.id
        """),
        {"many": alerts.MANY_ATTEMPTS},
    )
    for row in rows:
        said = alerts.attention(row.why, row.failed, alerts.Retried(row.again or 0, row.error or ""))
        yield from _finding(AlertKind.ATTENTION, row.id, said)


def _differing(db: Session) -> Iterator[Finding]:
    """Open differences by Batch; those of Batches that are not here (any more) by endpoint."""
    rows = db.execute(
        text("""
            SELECT b.id, CASE WHEN b.id IS NULL THEN d.endpoint_url END AS url, d.kind, count(*) AS n
            FROM differences AS d LEFT JOIN batches AS b ON b.id = d.batch_id
            WHERE d.resolved_at IS NULL GROUP BY 1, 2, 3
        """)
    )
    by_subject: dict[tuple[int | None, str], dict[DifferenceKind, int]] = {}
    for row in rows:
        subject = alerts.of_batch(row.id) if row.id is not None else row.url
        by_subject.setdefault((row.id, subject), {})[DifferenceKind(row.kind)] = row.n
    for (batch_id, subject), kinds in by_subject.items():
        said = alerts.differences(kinds)
        if said is not None:
            yield Finding(AlertKind.DIFFERENCE, subject, said, None if batch_id is None else BatchId(batch_id))


def _low_on_funds(db: Session, endpoints: Mapping[str, str], already: set[tuple[AlertKind, str]]) -> Iterator[Finding]:
    for profile, url in endpoints.items():
        balance = funds.known(db, url)
        if balance is None:
            continue
        needed = sum(funds.waiting_usd(db, profile).values(), Decimal(0))
        open_already = (AlertKind.LOW_BALANCE, url[:200]) in already
        said = alerts.low_balance(Funds(balance.available_usd, needed, profile), already=open_already)
        if said is not None:
            yield Finding(AlertKind.LOW_BALANCE, url[:200], said)


def _finding(kind: AlertKind, batch_id: int, said: str | None) -> Iterator[Finding]:
    if said is not None:
        yield Finding(kind, alerts.of_batch(BatchId(batch_id)), said, BatchId(batch_id))
