"""Alerts as people and programs see them. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.vocabulary import AlertKind, BatchId


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """An alert as people and programs see it; `cleared_at` is None while it is open."""

    id: int
    kind: AlertKind
    subject: str
    batch_id: BatchId | None
    batch_name: str | None
    profile: str | None
    message: str
    raised_at: datetime
    cleared_at: datetime | None


_SHOWN = """
    SELECT a.id, a.kind, a.subject, a.batch_id, b.name AS batch_name, b.profile, a.message, a.raised_at, a.cleared_at
    FROM alerts AS a LEFT JOIN batches AS b ON b.id = a.batch_id
"""


def alerts_seen(
    db: Session, *, batch_id: BatchId | None = None, cleared: bool = False, most: int = 200
) -> list[AlertSeen]:
    """Open alerts, oldest first; with `cleared` those that are over, latest first. `batch_id`: that Batch's alone."""
    order = "a.cleared_at DESC, a.id DESC" if cleared else "a.raised_at, a.id"
    statement = text(f"""
        {_SHOWN} WHERE (a.cleared_at IS NOT NULL) = :cleared
          AND (CAST(:batch_id AS bigint) IS NULL OR a.batch_id = :batch_id)
        ORDER BY {order} LIMIT :most
    """)
    rows = db.execute(statement, {"cleared": cleared, "batch_id": batch_id, "most": most})
    return [AlertSeen(row.id, AlertKind(row.kind), *row[2:]) for row in rows]


def open_count(db: Session) -> int:
    """How many alerts are open."""
    return int(db.execute(text("SELECT count(*) FROM alerts WHERE cleared_at IS NULL")).scalar_one())
