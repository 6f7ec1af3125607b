"""Export: Consensus and Responses → CSV, streamed by COPY in flat memory.

UTF-8, lines end with LF, values are quoted where needed. Values stand exactly as they were imported and answered, also
those that begin with = + - or @: a spreadsheet may take them for formulas, so import such files there as text.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db import audit
from app.db.copying import copy_out
from app.db.tables import Batch, Item, Response
from app.domain.consensus import majority
from app.domain.vocabulary import BatchId
from app.errors import NotFound


class WorkerNames(StrEnum):
    """How Workers are called: only an Account with that right may ask for their ids on the marketplace."""

    PSEUDONYM = "pseudonym"
    MARKETPLACE_ID = "marketplace_id"


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """How many rows (the header not counted) each export has: whoever receives fewer got a truncated file."""

    batch_id: BatchId
    batch_name: str
    consensus_rows: int
    response_rows: int


# One line an Item, Responses or not: partial results can be had at any time.
CONSENSUS_QUERY = """
    SELECT i.external_id AS id, i.given_label, i.guessed_label,
           -- While Responses are awaited "no agreement" is not a finding.
           CASE WHEN c.status = 'settled' OR c.option IS NOT NULL THEN c.category END AS category, c.option AS consensus,
           CASE c.option WHEN 'given' THEN i.given_label WHEN 'guessed' THEN i.guessed_label END AS consensus_label,
           coalesce(c.given_count, 0) AS given, coalesce(c.guessed_count, 0) AS guessed,
           coalesce(c.both_count, 0) AS both, coalesce(c.neither_count, 0) AS neither,
           coalesce(c.cannot_tell_count, 0) AS cannot_tell, coalesce(c.response_count, 0) AS responses,
           to_char(c.agreement, 'FM0.000') AS agreement,
           coalesce(c.status, 'open') AS status, %(method)s AS method, i.role, i.media_type,
           coalesce(i.media_url, i.text, '/media/' || i.media_token) AS media,
           b.name AS batch, b.profile, i.extra
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    LEFT JOIN consensus AS c ON c.item_id = i.id AND c.method = %(method)s
    WHERE i.batch_id = %(batch_id)s
    ORDER BY i.id
"""

_RESPONSES = """
    SELECT i.external_id AS id, {worker} AS worker, r.option AS response, r.cannot_tell::text, r.comment,
           array_to_string(r.order_shown, '|') AS order_shown, r.position, r.elapsed_ms,
           h.marketplace_hit_id AS hit_id, a.marketplace_assignment_id AS assignment_id,
           {accepted_at} AS accepted_at, {submitted_at} AS submitted_at, a.status AS assignment_status,
           i.given_label, i.guessed_label, b.name AS batch, b.profile
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    JOIN responses AS r ON r.item_id = i.id
    JOIN assignments AS a ON a.id = r.assignment_id
    JOIN hits AS h ON h.id = a.hit_id
    JOIN workers AS w ON w.id = r.worker_id
    WHERE i.batch_id = %(batch_id)s
    ORDER BY r.item_id, r.assignment_id
"""

_WORKER = {WorkerNames.PSEUDONYM: "w.pseudonym", WorkerNames.MARKETPLACE_ID: "w.marketplace_worker_id"}


def take_snapshot(db: Session) -> None:
    """Let all that follows in this transaction see one state, so that `manifest` counts what an export then holds.

    Must be the transaction's first statement.
    """
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def manifest(db: Session, batch_id: BatchId) -> ExportManifest:
    """The row counts of the Batch's exports. Raises NotFound."""
    name = _batch_name(db, batch_id)
    items = db.scalar(select(func.count()).select_from(Item).where(Item.batch_id == batch_id))
    responses = db.scalar(
        select(func.count())
        .select_from(Response)
        .join(Item, Item.id == Response.item_id)
        .where(Item.batch_id == batch_id)
    )
    return ExportManifest(batch_id, name, items or 0, responses or 0)


def note(db: Session, batch_id: BatchId, what: str, *, by: str) -> None:
    """Write into the trail that all of an export was handed over: HITs are deleted only when something was."""
    audit.record(db, actor=by, action="batch.exported", batch_id=batch_id, what=what)


def consensus_csv(db: Session, batch_id: BatchId, *, method: str = majority.NAME) -> Generator[bytes, None, None]:
    """One line an Item, in the order of the file. Raises NotFound at once.

    `consensus` is an option or empty, `consensus_label` the label it stands for: empty for both, neither and no agreement.
    `category` is empty while an Item is open and nothing has reached the quorum; without Consensus counts are 0 and status
    open. `extra` is the file's other columns as one JSON object.
    """
    _batch_name(db, batch_id)
    return copy_out(db, CONSENSUS_QUERY, {"batch_id": batch_id, "method": method})


def responses_csv(
    db: Session, batch_id: BatchId, *, worker_names: WorkerNames = WorkerNames.PSEUDONYM
) -> Generator[bytes, None, None]:
    """One line a Response, ordered by Item. Raises NotFound at once.

    Times are ISO 8601 in UTC; `order_shown` is the choices from top to bottom, joined by |; ids of HIT and Assignment are
    the marketplace's; `response` is empty where the Worker could not tell.
    """
    _batch_name(db, batch_id)
    query = _RESPONSES.format(
        worker=_WORKER[worker_names], accepted_at=_iso("a.accepted_at"), submitted_at=_iso("a.submitted_at")
    )
    return copy_out(db, query, {"batch_id": batch_id})


def _batch_name(db: Session, batch_id: BatchId) -> str:
    name = db.scalar(select(Batch.name).where(Batch.id == batch_id))
    if name is None:
        raise NotFound("Batch", batch_id)
    return name


def _iso(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
