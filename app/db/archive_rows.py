"""A Batch's rows out of the database and back into one, table by table, in the database's own JSON.

Out: `to_jsonb` of each row, ordered by id. In: the lines are copied into a temporary table, and inserted from there with
new numbers in the old order; what a row refers to is found in the temporary table of the numbers, old and new.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.db.copying import driver_connection
from app.db.engine import Base
from app.domain.archive_format import DamagedArchive
from app.domain.vocabulary import BatchId

# What rows refer to, and the temporary table in which the new number stands.
_REFERENCES = {
    "group_id": "hit_groups",
    "item_id": "items",
    "hit_id": "hits",
    "assignment_id": "assignments",
    "worker_id": "workers",
    "operation_id": "operations",
}
# Tables whose numbers others refer to.
_NUMBERED = frozenset(_REFERENCES.values())
# The Workers of a Batch that was archived without their ids are known by their pseudonyms, under names that no marketplace gives.
STAND_IN = "archived:"


@dataclass(frozen=True, slots=True)
class _Table:
    """How a table's rows are found. `joins`: from its alias `t` to `hits AS h` or whatever says which Batch it belongs to.

    omitted: columns that mean something in this installation alone. expressions: columns that are written otherwise.
    """

    where: str
    order: str
    joins: str = ""
    omitted: frozenset[str] = frozenset()
    expressions: Mapping[str, str] = field(default_factory=dict)


_OF_HIT = "JOIN hits AS h ON h.id = t.hit_id"
_OF_ITEM = "JOIN items AS i ON i.id = t.item_id"
_OF_BATCH = "t.batch_id = %(batch_id)s"
# Who worked at the Batch, was kept out of it, or was dropped from it.
_WORKERS = """
    t.id IN (SELECT a.worker_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id WHERE h.batch_id = %(batch_id)s
             UNION SELECT worker_id FROM operations WHERE batch_id = %(batch_id)s
             UNION SELECT worker_id FROM dropped_workers WHERE batch_id = %(batch_id)s)
"""
_TABLES = {
    "batches": _Table("t.id = %(batch_id)s", "t.id", omitted=frozenset({"created_by", "excluded_batches"})),
    "media_files": _Table("t.token IN (SELECT media_token FROM items WHERE batch_id = %(batch_id)s)", "t.token"),
    "workers": _Table(_WORKERS, "t.id"),
    "hit_groups": _Table(_OF_BATCH, "t.id", omitted=frozenset({"notified_queue", "notify_after"})),
    "items": _Table(_OF_BATCH, "t.id"),
    "hits": _Table(_OF_BATCH, "t.id", omitted=frozenset({"hinted_at"})),
    "hit_items": _Table("h.batch_id = %(batch_id)s", "t.hit_id, t.position", _OF_HIT),
    "assignments": _Table(
        "h.batch_id = %(batch_id)s",
        "t.id",
        _OF_HIT,
        omitted=frozenset({"raw_answer"}),
        # JSON has no bytes. Verbatim, whatever came.
        expressions={"raw_answer_base64": "translate(encode(t.raw_answer, 'base64'), E'\\n', '')"},
    ),
    "operations": _Table(_OF_BATCH, "t.id", omitted=frozenset({"leased_by", "lease_until"})),
    "responses": _Table("i.batch_id = %(batch_id)s", "t.item_id, t.assignment_id", _OF_ITEM),
    "consensus": _Table("i.batch_id = %(batch_id)s", "t.item_id, t.method", _OF_ITEM),
    "payments": _Table(_OF_BATCH, "t.id"),
    "dropped_workers": _Table(_OF_BATCH, "t.worker_id"),
    "audit": _Table(_OF_BATCH, "t.id"),
}
# The marketplace's messages may name a Worker.
_NAMELESS_ERROR = """(
    SELECT CASE WHEN w.id IS NULL THEN t.error ELSE replace(t.error, w.marketplace_worker_id, w.pseudonym) END
    FROM (SELECT 1) AS one LEFT JOIN workers AS w
        ON w.id = coalesce(t.worker_id, (SELECT worker_id FROM assignments WHERE id = t.assignment_id))
)"""


def columns(table: str, *, worker_ids: bool) -> list[str]:
    """The keys of the table's rows in an archive. worker_ids: with the Workers' ids on the marketplace."""
    return list(_expressions(table, worker_ids=worker_ids))


def _expressions(table: str, *, worker_ids: bool) -> dict[str, str]:
    """What stands under each key."""
    about = _TABLES[table]
    found = {c.name: f't."{c.name}"' for c in Base.metadata.tables[table].columns if c.name not in about.omitted}
    found |= about.expressions
    if not worker_ids and table == "workers":
        del found["marketplace_worker_id"]
    if not worker_ids and table == "operations":
        found["error"] = _NAMELESS_ERROR
    return found


def lines_of(db: Session, table: str, batch_id: BatchId, *, worker_ids: bool) -> Iterator[str]:
    """The Batch's rows of this table as JSON, in order. Nothing else may use the transaction until the last one is read."""
    about = _TABLES[table]
    keys = ", ".join(f'{what} AS "{key}"' for key, what in _expressions(table, worker_ids=worker_ids).items())
    query = f"""
        COPY (SELECT to_jsonb(r)::text FROM (
            SELECT {keys} FROM {table} AS t {about.joins} WHERE {about.where} ORDER BY {about.order}) AS r
        ) TO STDOUT
    """
    with driver_connection(db).cursor() as cursor, cursor.copy(query, {"batch_id": batch_id}) as copy:
        copy.set_types(["text"])
        for (line,) in copy.rows():
            yield line


# --- in ---------------------------------------------------------------------------------------------------------------

# What the rows themselves may be wrong about: a value of the wrong kind, a reference to nothing, nesting without end.
_WRONG = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)


def load(db: Session, table: str, lines: Iterable[str]) -> None:
    """Copy the rows of an archive into the temporary table `archived_…`. Raises DamagedArchive."""
    db.execute(
        text(f"CREATE TEMP TABLE archived_{table} (n bigint GENERATED ALWAYS AS IDENTITY, row jsonb) ON COMMIT DROP")
    )
    try:
        with driver_connection(db).cursor() as cursor, cursor.copy(f"COPY archived_{table} (row) FROM STDIN") as copy:
            for line in lines:
                copy.write_row((line,))
    except _WRONG as error:
        raise _damaged(table, error) from error
    if db.execute(text(f"SELECT 1 FROM archived_{table} WHERE jsonb_typeof(row) <> 'object' LIMIT 1")).first():
        raise DamagedArchive(f"{table}.jsonl holds something that is no row")


def number(db: Session, table: str) -> None:
    """Draw the new numbers of a table's rows, in the order of the old ones."""
    sequence = f"pg_get_serial_sequence('{table}', 'id')"
    _changing(
        db,
        table,
        f"""
            CREATE TEMP TABLE new_{table} ON COMMIT DROP AS
            SELECT old, nextval({sequence}) AS id FROM (
                SELECT CAST(row->>'id' AS bigint) AS old FROM archived_{table} ORDER BY 1) AS numbers
        """,
    )
    _changing(db, table, f"ALTER TABLE new_{table} ADD PRIMARY KEY (old)")
    db.execute(text(f"ANALYZE new_{table}"))


def insert(
    db: Session, table: str, keys: Iterable[str], *, batch_id: BatchId | None, fixed: Mapping[str, Any] | None = None
) -> int:
    """Insert the loaded rows, numbered anew where others refer to them. Returns how many. Raises DamagedArchive.

    keys: the columns that the archive has; others get their defaults. fixed: columns that are the same for all rows.
    """
    fixed = {**({"batch_id": batch_id} if batch_id is not None else {}), **(fixed or {})}
    ours = {column.name for column in Base.metadata.tables[table].columns}
    plain = [key for key in keys if key in ours - set(fixed) - {"id"}]
    fixed = {name: value for name, value in fixed.items() if name in ours}
    targets, values, joins = [*plain, *fixed], [_value(key) for key in plain], ""
    values += [f":{name}" for name in fixed]
    for key in (key for key in plain if key in _REFERENCES):
        joins += f" LEFT JOIN new_{_REFERENCES[key]} AS n_{key} ON n_{key}.old = r.{key}"
    if table in _NUMBERED:
        targets.append("id")
        values.append("n_id.id")
        joins += f" JOIN new_{table} AS n_id ON n_id.old = r.id"
    if table == "assignments":
        targets.append("raw_answer")
        values.append("decode(s.row->>'raw_answer_base64', 'base64')")
    names = ", ".join(f'"{target}"' for target in targets)
    return _changing(
        db,
        table,
        f"""
            INSERT INTO {table} ({names}) SELECT {", ".join(values)} FROM archived_{table} AS s
            CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, s.row) AS r {joins} ORDER BY s.n
        """,
        **fixed,
    )


def _value(key: str) -> str:
    """A reference to nothing becomes one that the database refuses."""
    return f"CASE WHEN r.{key} IS NOT NULL THEN coalesce(n_{key}.id, -1) END" if key in _REFERENCES else f'r."{key}"'


def insert_media(db: Session) -> None:
    """The media's rows; a token that is here already keeps its row, and must mean the same file. Raises DamagedArchive."""
    _changing(
        db,
        "media_files",
        """
            INSERT INTO media_files SELECT r.* FROM archived_media_files AS s
            CROSS JOIN LATERAL jsonb_populate_record(NULL::media_files, s.row) AS r ON CONFLICT (token) DO NOTHING
        """,
    )
    other = text("""
        SELECT 1 FROM archived_media_files AS s JOIN media_files AS m ON m.token = s.row->>'token'
        WHERE m.sha256 <> s.row->>'sha256' OR m.content_type <> s.row->>'content_type' LIMIT 1
    """)
    if db.execute(other).first():
        raise DamagedArchive("media_files.jsonl: a token that is here already stands for another file")


def insert_workers(db: Session) -> None:
    """Workers whom this installation knows already keep their rows; who came without an id is known by the pseudonym."""
    _changing(
        db,
        "workers",
        """
            INSERT INTO workers (profile, marketplace_worker_id, pseudonym, first_seen_at)
            SELECT r.profile, coalesce(r.marketplace_worker_id, :stand_in || r.pseudonym), r.pseudonym, r.first_seen_at
            FROM archived_workers AS s CROSS JOIN LATERAL jsonb_populate_record(NULL::workers, s.row) AS r
            WHERE r.marketplace_worker_id IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM workers AS w WHERE w.profile = r.profile AND w.pseudonym = r.pseudonym)
            ORDER BY s.n ON CONFLICT (profile, marketplace_worker_id) DO NOTHING
        """,
        stand_in=STAND_IN,
    )
    _changing(
        db,
        "workers",
        """
            CREATE TEMP TABLE new_workers ON COMMIT DROP AS
            SELECT r.id AS old, min(w.id) AS id FROM archived_workers AS s
            CROSS JOIN LATERAL jsonb_populate_record(NULL::workers, s.row) AS r
            JOIN workers AS w ON w.profile = r.profile AND CASE WHEN r.marketplace_worker_id IS NULL
                THEN w.pseudonym = r.pseudonym ELSE w.marketplace_worker_id = r.marketplace_worker_id END
            GROUP BY r.id
        """,
    )
    db.execute(text("ALTER TABLE new_workers ADD PRIMARY KEY (old)"))


def _changing(db: Session, table: str, statement: str, **values: object) -> int:
    """Run it. What the archive's rows are to blame for is DamagedArchive."""
    try:
        return int(getattr(db.execute(text(statement), values), "rowcount", 0))
    except (DataError, IntegrityError) as error:
        raise _damaged(table, error) from error


def _damaged(table: str, error: Exception) -> DamagedArchive:
    origin = getattr(error, "orig", None) or error
    said = getattr(getattr(origin, "diag", None), "message_primary", None) or type(origin).__name__
    return DamagedArchive(f"{table}.jsonl holds rows that do not fit: {said}")
