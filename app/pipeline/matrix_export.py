"""A Batch's Responses as the wide matrix that cleanlab reads: Items down, Workers across, a number for each answer."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import export_queries
from app.db.server_cursors import in_groups
from app.db.table_streams import Form, parquet
from app.domain.answer_coding import OPTIONS_OF, ROLE_CODES, ClassCodes, Coding
from app.domain.vocabulary import BatchId, Option
from app.errors import InvalidInput, Problem
from app.files.tables import TableFormat, table_chunk

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CELLS = 200_000_000
CELLS_AT_ONCE = 2_000_000
_NO_ANSWER = -1

_WORKERS = """
    SELECT r.worker_id, {name} AS name
    FROM responses AS r JOIN items AS i ON i.id = r.item_id JOIN workers AS w ON w.id = r.worker_id
    WHERE i.batch_id = :batch_id AND r.counted AND r.option = ANY(:options)
    GROUP BY r.worker_id, {name} ORDER BY {name}
"""
_ITEMS = """
    SELECT i.external_id, i.given_label, i.guessed_label, a.workers, a.options
    FROM items AS i
    CROSS JOIN LATERAL (
        SELECT array_agg(r.worker_id) AS workers, array_agg(r.option::text) AS options
        FROM responses AS r WHERE r.item_id = i.id AND r.counted AND r.option = ANY(%(options)s)
    ) AS a
    WHERE i.batch_id = %(batch_id)s AND a.workers IS NOT NULL
    ORDER BY i.id
"""
_ROWS = text("""
    SELECT count(*) FROM items AS i WHERE i.batch_id = :batch_id AND EXISTS (
        SELECT 1 FROM responses AS r WHERE r.item_id = i.id AND r.counted AND r.option = ANY(:options))
""")
_LABELS = text("""
    SELECT given_label FROM items WHERE batch_id = :batch_id UNION SELECT guessed_label FROM items WHERE batch_id = :batch_id
""")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the matrix is made of: its Workers by id, its codes, what stands in each row."""

    batch_id: BatchId
    profile: str
    workers: dict[int, str]
    coding: Coding
    classes: ClassCodes


def matrix(
    db: Session,
    batch_id: BatchId,
    *,
    form: Form = Form.CSV,
    coding: Coding = Coding.ROLE,
    worker_ids: bool = False,
    most_cells: int = MOST_CELLS,
    cells_at_once: int = CELLS_AT_ONCE,
) -> Generator[bytes, None, None]:
    """Items with answers, in the file's order: `id,given_label,guessed_label,responses,profile`, then a column a Worker.

    role: 0 given, 1 guessed, 2 both, 3 neither. class: the number of the chosen label, which `given_code` and `guessed_code`
    tell for each row; answers both and neither are left out. No answer is empty. Rows and columns without any answer are left
    out, since cleanlab refuses them. Raises NotFound, and InvalidInput for a matrix of more than `most_cells`, at once.
    """
    batch = export_queries.batch_of(db, batch_id)
    values = _values(batch_id, coding)
    name = "w.marketplace_worker_id" if worker_ids else "w.pseudonym"
    found = db.execute(text(_WORKERS.format(name=name)), values).all()
    items = matrix_rows(db, batch_id, coding)
    if len(found) * items > most_cells:
        raise InvalidInput(
            [Problem(f"{items:,} Items × {len(found):,} Workers are too many for a matrix; export `long` instead")]
        )
    labels = db.scalars(_LABELS, {"batch_id": batch_id}) if coding is Coding.CLASS else ()
    workers = {row.worker_id: row.name for row in found}
    plan = _Plan(batch_id, batch.profile, workers, coding, ClassCodes.of(labels))
    return _written(db, plan, form, rows_at_once=max(1, cells_at_once // max(1, len(workers))))


def matrix_rows(db: Session, batch_id: BatchId, coding: Coding) -> int:
    """How many Items `matrix` has."""
    return db.scalar(_ROWS, _values(batch_id, coding)) or 0


def _values(batch_id: BatchId, coding: Coding) -> dict[str, Any]:
    return {"batch_id": batch_id, "options": [option.value for option in OPTIONS_OF[coding]]}


def _written(db: Session, plan: _Plan, form: Form, *, rows_at_once: int) -> Generator[bytes, None, None]:
    groups = in_groups(db, _ITEMS, _values(plan.batch_id, plan.coding), size=rows_at_once)
    tables = (_table(plan, rows) for rows in groups)
    if form is Form.PARQUET:
        yield from parquet(_table(plan, []).schema, tables)
        return
    format = TableFormat(form)
    yield table_chunk(_table(plan, []), format, header=True)
    for table in tables:
        yield table_chunk(table, format, header=False)


def _table(plan: _Plan, rows: Sequence[tuple[Any, ...]]) -> "pa.Table":
    import pyarrow as pa

    cells = np.full((len(rows), len(plan.workers)), _NO_ANSWER, dtype=np.int32)
    column = {worker: number for number, worker in enumerate(plan.workers)}
    for number, (_, given, guessed, workers, options) in enumerate(rows):
        code = _codes(plan, given, guessed)
        for worker, option in zip(workers, options, strict=True):
            cells[number, column[worker]] = code[option]
    names, arrays = _beside(plan, rows)
    answers = [pa.array(answer, mask=answer == _NO_ANSWER) for answer in cells.T]
    return pa.table([*arrays, *answers], names=[*names, *plan.workers.values()])


def _beside(plan: _Plan, rows: Sequence[tuple[Any, ...]]) -> tuple[list[str], list["pa.Array"]]:
    """The columns before the Workers'."""
    import pyarrow as pa

    names = ["id", "given_label", "guessed_label"]
    arrays = [pa.array([row[place] for row in rows], type=pa.string()) for place in range(len(names))]
    if plan.coding is Coding.CLASS:
        names += ["given_code", "guessed_code"]
        codes = plan.classes.codes
        arrays += [pa.array([codes[row[place]] for row in rows], type=pa.int32()) for place in (1, 2)]
    arrays += [
        pa.array([len(row[3]) for row in rows], type=pa.int32()),
        pa.array([plan.profile] * len(rows), type=pa.string()),
    ]
    return [*names, "responses", "profile"], arrays


def _codes(plan: _Plan, given: str, guessed: str) -> dict[str, int]:
    if plan.coding is Coding.ROLE:
        return {option.value: number for option, number in ROLE_CODES.items()}
    return {Option.GIVEN: plan.classes.codes[given], Option.GUESSED: plan.classes.codes[guessed]}
