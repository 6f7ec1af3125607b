"""Export: Consensus and Responses → CSV, JSON Lines, Parquet, streamed by COPY in flat memory.

UTF-8, lines end with LF, values are quoted where needed. Values stand exactly as they were imported and answered, also
those that begin with = + - or @: a spreadsheet may take them for formulas, so import such files there as text.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db import audit, export_queries
from app.db.table_streams import Form, stream
from app.db.tables import Item, Response
from app.domain.answer_coding import OPTIONS_OF, Coding
from app.domain.consensus import majority
from app.domain.vocabulary import BatchId, Option

Chunks = Generator[bytes, None, None]


# In the names of files that hold the Workers' ids.
WITH_WORKER_IDS = "-with-worker-ids"


class WorkerNames(StrEnum):
    """How Workers are called: only an Account with that right may ask for their ids on the marketplace."""

    PSEUDONYM = "pseudonym"
    MARKETPLACE_ID = "marketplace_id"

    @property
    def in_file_names(self) -> str:
        """What a file's name says of it: two downloads under one name would be taken for one another."""
        return WITH_WORKER_IDS if self is WorkerNames.MARKETPLACE_ID else ""


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """How many rows (the header not counted) each export has: whoever receives fewer got a truncated file."""

    batch_id: BatchId
    batch_name: str
    consensus_rows: int
    response_rows: int


_LABEL = {
    Coding.ROLE: "r.option",
    Coding.CLASS: "CASE r.option WHEN 'given' THEN i.given_label ELSE i.guessed_label END",
}
_WORKER = {WorkerNames.PSEUDONYM: "w.pseudonym", WorkerNames.MARKETPLACE_ID: "w.marketplace_worker_id"}


def take_snapshot(db: Session) -> None:
    """Let all that follows in this transaction see one state, so that `manifest` counts what an export then holds.

    Must be the transaction's first statement.
    """
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def manifest(db: Session, batch_id: BatchId) -> ExportManifest:
    """The row counts of the Batch's exports. Raises NotFound."""
    name = export_queries.batch_of(db, batch_id).name
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


def consensus(
    db: Session, batch_id: BatchId, *, form: Form = Form.CSV, method: str = majority.NAME
) -> Generator[bytes, None, None]:
    """One line an Item, in the order of the file, by a method whose Consensus is stored. Raises NotFound at once.

    `consensus` is an option or empty, `consensus_label` the label it stands for: empty for both, neither and no agreement.
    `category` is empty while an Item is open and nothing has reached the quorum; without Consensus counts are 0 and status
    open. `extra` is the file's other columns as one JSON object.
    """
    export_queries.batch_of(db, batch_id)
    values = {"batch_id": batch_id, "method": method}
    return stream(db, export_queries.CONSENSUS, values, form=form, kinds=export_queries.CONSENSUS_KINDS)


def responses(
    db: Session, batch_id: BatchId, *, form: Form = Form.CSV, worker_names: WorkerNames = WorkerNames.PSEUDONYM
) -> Generator[bytes, None, None]:
    """One line a Response, ordered by Item. Raises NotFound at once.

    Times are ISO 8601 in UTC; `order_shown` is the choices from top to bottom, joined by |; ids of HIT and Assignment are
    the marketplace's; `response` is empty where the Worker could not tell.
    """
    export_queries.batch_of(db, batch_id)
    query = export_queries.RESPONSES.format(
        worker=_WORKER[worker_names],
        cannot_tell="r.cannot_tell" if form is Form.JSONL else "r.cannot_tell::text",
        accepted_at=_iso("a.accepted_at"),
        submitted_at=_iso("a.submitted_at"),
    )
    return stream(db, query, {"batch_id": batch_id}, form=form, kinds=export_queries.RESPONSES_KINDS)


def long_answers(
    db: Session,
    batch_id: BatchId,
    *,
    form: Form = Form.CSV,
    coding: Coding = Coding.ROLE,
    worker_names: WorkerNames = WorkerNames.PSEUDONYM,
) -> Generator[bytes, None, None]:
    """`task,worker,label` as crowd-kit reads it, one line a Response that counts; then `responses,role,profile`.

    Responses that name no option are left out, by class also both and neither. Raises NotFound at once.
    """
    export_queries.batch_of(db, batch_id)
    query = export_queries.LONG.format(
        worker=_WORKER[worker_names], label=_LABEL[coding], options=_options(OPTIONS_OF[coding])
    )
    return stream(db, query, {"batch_id": batch_id}, form=form, kinds=export_queries.LONG_KINDS)


def long_rows(db: Session, batch_id: BatchId, coding: Coding) -> int:
    """How many lines `long_answers` has."""
    counted = (
        select(func.count())
        .select_from(Response)
        .join(Item, Item.id == Response.item_id)
        .where(Item.batch_id == batch_id, Response.counted, Response.option.in_(OPTIONS_OF[coding]))
    )
    return db.scalar(counted) or 0


def consensus_csv(db: Session, batch_id: BatchId, *, method: str = majority.NAME) -> Generator[bytes, None, None]:
    """`consensus` as CSV."""
    return consensus(db, batch_id, method=method)


def responses_csv(
    db: Session, batch_id: BatchId, *, worker_names: WorkerNames = WorkerNames.PSEUDONYM
) -> Generator[bytes, None, None]:
    """`responses` as CSV."""
    return responses(db, batch_id, worker_names=worker_names)


def _options(options: tuple[Option, ...]) -> str:
    """SQL's list of these words."""
    return f"({', '.join(repr(option.value) for option in options)})"


def _iso(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
