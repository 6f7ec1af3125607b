"""A clock that was set back: what was written down while it was ahead names moments that are far off again.

Leases, pauses between attempts, lines and timetables would be waited for until those moments come a second time. So every tick
asks, by the heartbeat that the last one wrote; what lies ahead then is taken for now.
"""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit

# Clocks are corrected by seconds all the time; and the longest pause between two attempts of a call is as long.
NOTICED = timedelta(minutes=1)

_AHEAD = text("SELECT max(heartbeat_at) - clock_timestamp() FROM endpoints")


def _not_ahead(*columns: str, of: str = "now()") -> str:
    """Assignments that bring these columns back to `of` where they are later; least() would fill those that are NULL."""
    return ", ".join(f"{column} = CASE WHEN {column} > {of} THEN {of} ELSE {column} END" for column in columns)


_LEASE = "now() + make_interval(secs => :lease_s)"
_LONG_AGO = "now() - interval '2 days'"
# When an operation was first tried is not known any more, nor by how much what seems a few hours ago is longer ago: long ago,
# so that it is looked up before it is repeated.
_OPERATIONS = text(f"""
    UPDATE operations SET {_not_ahead("not_before", "finished_at")}, {_not_ahead("lease_until", of=_LEASE)},
        {_not_ahead("first_attempt_at", of=_LONG_AGO)}
    WHERE status IN ('intended', 'acting', 'failed')
      AND (greatest(not_before, finished_at) > now() OR lease_until > {_LEASE} OR first_attempt_at > {_LONG_AGO})
""")
# A comparison that a break asked for is asked for still, and one is made now in any case.
_ENDPOINTS = text(f"""
    UPDATE endpoints SET reconciled_at = CASE WHEN resumed_at > reconciled_at THEN NULL
                                              WHEN reconciled_at > now() THEN now() ELSE reconciled_at END,
        {
    _not_ahead(
        "next_call_at",
        "urgent_at",
        "throttled_at",
        "accepted_at",
        "polled_at",
        "balance_at",
        "heartbeat_at",
        "resumed_at",
        "reconcile_at",
    )
}
""")
_OTHERS = (
    text(f"UPDATE hit_groups SET {_not_ahead('notify_after')} WHERE notify_after > now()"),
    text(f"UPDATE notification_queues SET {_not_ahead('received_at', 'hinted_at')}"),
    text(f"UPDATE alerts SET {_not_ahead('not_before', 'seen_at')} WHERE greatest(not_before, seen_at) > now()"),
)


def take_note(db: Session, *, lease_s: float) -> timedelta:
    """Put right what the clock wrote down while it was ahead. Returns by how much it was set back; zero if it was not.

    lease_s: the longest lease that may still be held by a runner at work.
    """
    ahead: timedelta | None = db.execute(_AHEAD).scalar_one()
    if ahead is None or ahead <= NOTICED:
        return timedelta(0)
    db.execute(_OPERATIONS, {"lease_s": lease_s})
    db.execute(_ENDPOINTS)
    for statement in _OTHERS:
        db.execute(statement)
    audit.record(db, actor="job runner", action="clock.set_back", seconds=round(ahead.total_seconds()))
    return ahead
