"""Differences that were found, kept until they are repaired, gone, or accepted by a person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import bindparam

from app.db import audit
from app.domain.differences import Finding
from app.domain.vocabulary import BatchId, DifferenceKind
from app.errors import NotFound

# Shown at once; of more the number is said.
LARGEST_LIST = 500

# Kinds that only a look into the HITs can find, and so only such a look can find gone.
_FROM_WORK = [
    DifferenceKind.ASSIGNMENT_NOT_COLLECTED,
    DifferenceKind.ASSIGNMENT_MISSING,
    DifferenceKind.DECISION_NOT_RECORDED,
    DifferenceKind.DECISION_DIFFERS,
    DifferenceKind.BONUS_NOT_RECORDED,
    DifferenceKind.BONUS_MISSING,
]


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """A difference as it is kept. `resolution`: repaired, gone, accepted; None while it is open."""

    id: int
    endpoint_url: str
    kind: DifferenceKind
    subject: str
    batch_id: BatchId | None
    details: str
    found_at: datetime
    resolved_at: datetime | None
    resolution: str | None


_KEEP = text("""
    INSERT INTO differences (endpoint_url, kind, subject, batch_id, details)
    SELECT CAST(:url AS varchar), f.kind, f.subject, f.batch_id, f.details
    FROM jsonb_to_recordset(:found) AS f (kind text, subject text, batch_id bigint, details text)
    -- What a person has accepted is not asked again, unless it has changed.
    WHERE NOT EXISTS (SELECT 1 FROM differences AS d WHERE d.endpoint_url = CAST(:url AS varchar) AND d.kind = f.kind
                      AND d.subject = f.subject AND d.details = f.details AND d.resolution = 'accepted')
    ON CONFLICT (endpoint_url, kind, subject) WHERE resolved_at IS NULL
        DO UPDATE SET details = excluded.details, batch_id = excluded.batch_id
""").bindparams(bindparam("found", type_=JSONB))
_RESOLVE = text("""
    UPDATE differences AS d
    SET resolved_at = now(), resolution = CASE WHEN EXISTS (
        SELECT 1 FROM jsonb_to_recordset(:repaired) AS r (kind text, subject text) WHERE r.kind = d.kind AND r.subject = d.subject
    ) THEN 'repaired' ELSE 'gone' END
    WHERE d.endpoint_url = :url AND d.resolved_at IS NULL
      AND (CAST(:batch_id AS bigint) IS NULL OR d.batch_id = :batch_id) AND NOT (d.kind = ANY(:unsure))
      AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(:found) AS f (kind text, subject text)
                      WHERE f.kind = d.kind AND f.subject = d.subject)
""").bindparams(bindparam("found", type_=JSONB), bindparam("repaired", type_=JSONB))


def keep(
    db: Session,
    endpoint_url: str,
    found: Collection[Finding],
    *,
    batch_id: BatchId | None,
    complete: bool,
    repaired: Collection[Finding] = (),
) -> None:
    """Write down what was found; what was open before and is not found any more is resolved.

    batch_id: only its differences were looked for. complete: the work of all HITs concerned could be read.
    repaired: what was put right since; the others are gone by themselves.
    """
    rows = [
        {"kind": f.kind, "subject": f.subject, "batch_id": f.batch_id, "details": f.details}
        for f in {(f.kind, f.subject): f for f in found}.values()
    ]
    db.execute(_KEEP, {"url": endpoint_url, "found": rows})
    db.execute(
        _RESOLVE,
        {
            "url": endpoint_url,
            "found": rows,
            "repaired": [{"kind": f.kind, "subject": f.subject} for f in repaired],
            "batch_id": batch_id,
            "unsure": [] if complete else [kind.value for kind in _FROM_WORK],
        },
    )


def open_ones(
    db: Session, *, endpoint_url: str | None = None, batch_id: BatchId | None = None
) -> Sequence[KnownDifference]:
    """Open differences, the oldest first; at most LARGEST_LIST."""
    return _select(
        db,
        "d.resolved_at IS NULL AND (CAST(:url AS text) IS NULL OR d.endpoint_url = :url)"
        " AND (CAST(:batch_id AS bigint) IS NULL OR d.batch_id = :batch_id) ORDER BY d.id LIMIT :most",
        {"url": endpoint_url, "batch_id": batch_id, "most": LARGEST_LIST},
    )


def latest_resolved(db: Session, *, most: int = 20) -> Sequence[KnownDifference]:
    """What was resolved last, newest first."""
    return _select(db, "d.resolved_at IS NOT NULL ORDER BY d.resolved_at DESC, d.id DESC LIMIT :most", {"most": most})


def accept(db: Session, difference_id: int, *, by: str) -> KnownDifference:
    """A person has looked and leaves it as it is: it is not asked about again unless it changes. Raises NotFound."""
    db.execute(
        text(
            "UPDATE differences SET resolved_at = now(), resolution = 'accepted' WHERE id = :id AND resolved_at IS NULL"
        ),
        {"id": difference_id},
    )
    found = _select(db, "d.id = :id", {"id": difference_id})
    if not found:
        raise NotFound("Difference", difference_id)
    audit.record(
        db,
        actor=by,
        action="difference.accepted",
        batch_id=found[0].batch_id,
        subject=found[0].subject,
        id=difference_id,
    )
    return found[0]


@dataclass(frozen=True, slots=True)
class Checked:
    """When an endpoint was last compared, and whether its runners wait for a comparison."""

    endpoint_url: str
    reconciled_at: datetime | None
    resumed_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether nothing is published or paid until the next comparison is done."""
        return self.resumed_at is not None and (self.reconciled_at is None or self.reconciled_at < self.resumed_at)


def checked(db: Session) -> Sequence[Checked]:
    """Every endpoint in use, by its address."""
    rows = db.execute(
        text("SELECT url, reconciled_at, resumed_at FROM endpoints WHERE heartbeat_at IS NOT NULL ORDER BY url")
    )
    return [Checked(row.url, row.reconciled_at, row.resumed_at) for row in rows]


def _select(db: Session, condition: str, values: dict[str, object]) -> Sequence[KnownDifference]:
    rows = db.execute(text(f"SELECT d.* FROM differences AS d WHERE {condition}"), values)
    return [
        KnownDifference(
            row.id,
            row.endpoint_url,
            DifferenceKind(row.kind),
            row.subject,
            row.batch_id,
            row.details,
            row.found_at,
            row.resolved_at,
            row.resolution,
        )
        for row in rows
    ]
