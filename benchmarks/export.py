"""Export: the Consensus in every format beside a bare COPY of the same query, and how much memory it takes."""

import tracemalloc
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import text

from app.db import export_queries
from app.db.copying import driver_connection
from app.db.engine import Database
from app.db.table_streams import Form
from app.domain.consensus import majority
from app.domain.vocabulary import BatchId
from app.pipeline import batches, export
from app.pipeline.batches import NewBatch
from app.questions import catalogue
from app.settings import MarketplaceProfile
from benchmarks.ground import Ground
from benchmarks.report import Line, Report, side_by_side, timed

# JSON and Parquet say more than COPY's text does: names in every row, types and compression.
_GOALS = {Form.CSV: 0.50, Form.JSONL: 0.40, Form.PARQUET: 0.25}
# Parquet is written in groups of rows of 4 MB, each held as text, as columns and compressed.
_FLAT_MB = {Form.CSV: 5.0, Form.JSONL: 5.0, Form.PARQUET: 30.0}
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = 4096

_ITEMS = text("""
    INSERT INTO items (batch_id, line, external_id, media_type, media_url, given_label, guessed_label, page_bytes, extra)
    SELECT :batch_id, n + 1, 'n' || n, 'image', 'https://images.example/' || n || '.jpeg', 'class ' || n % 10,
           'class ' || (n + 1) % 10, 400, jsonb_build_object('confidence', n % 997 / 997.0)
    FROM generate_series(1, :rows) AS n
""")
_CONSENSUS = text("""
    INSERT INTO consensus (item_id, method, response_count, given_count, guessed_count, both_count, neither_count,
                           cannot_tell_count, option, category, status, agreement)
    SELECT id, 'quorum', 5, 4, 1, 0, 0, 0, 'given', 'non-error', 'settled', 0.8 FROM items
""")


def run(ground: Ground, *, quick: bool) -> Report:
    """Rows per second of a settled Batch in each format, read to the end and thrown away."""
    rows = 50_000 if quick else 1_000_000
    with ground.database() as database:
        batch_id = _settled_batch(database, rows)
        sizes = {form: _drain(database, batch_id, form) for form in Form}
        lines = [line for form in Form for line in _lines(database, batch_id, form, rows=rows, size=sizes[form])]
    size = ", ".join(f"{sizes[form] / 1e6:.0f} MB of {form}" for form in Form)
    return Report(f"export: {rows:,} rows of consensus, {size}", lines)


def _lines(database: Database, batch_id: BatchId, form: Form, *, rows: int, size: int) -> list[Line]:
    ours, bare = side_by_side(
        3,
        lambda: timed(partial(_drain, database, batch_id, form)),
        lambda: timed(partial(_drain_bare, database, batch_id)),
    )
    heap_mb, resident_mb = _memory(database, batch_id, form)
    rate, bare_rate, goal = rows / median(ours), rows / median(bare), _GOALS[form]
    return [
        Line(
            f"{form}, rows/s beside a bare COPY TO STDOUT of the same query",
            f"{rate:,.0f}",
            f"{bare_rate:,.0f}",
            f"{rate / bare_rate:.0%}",
            f">= {goal:.0%}",
            rate / bare_rate >= goal,
        ),
        Line(
            f"{form}, Python's memory at its peak, MB of the file's",
            f"{heap_mb:.1f}",
            f"{size / 1e6:.0f}",
            "",
            f"<= {_FLAT_MB[form]:.0f}",
            heap_mb <= _FLAT_MB[form],
        ),
        Line(f"{form}, growth of the process while it streams, MB", f"{resident_mb:.1f}"),
    ]


def _settled_batch(database: Database, rows: int) -> BatchId:
    new = NewBatch(
        name="Benchmark",
        template=catalogue.load("image"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=Decimal("0.05"),
    )
    with database.transaction() as db:
        batch_id = BatchId(batches.create(db, new, by="benchmark").id)
        db.execute(_ITEMS, {"batch_id": batch_id, "rows": rows})
        db.execute(_CONSENSUS)
        db.execute(text("ANALYZE items, consensus"))
    return batch_id


def _drain(database: Database, batch_id: BatchId, form: Form) -> int:
    with database.transaction() as db:
        return sum(len(chunk) for chunk in export.consensus(db, batch_id, form=form))


def _drain_bare(database: Database, batch_id: BatchId) -> int:
    """COPY of the very query, read row by row as psycopg hands it over."""
    statement, values = f"COPY ({export_queries.CONSENSUS}) TO STDOUT", {"batch_id": batch_id, "method": majority.NAME}
    with (
        database.transaction() as db,
        driver_connection(db).cursor() as cursor,
        cursor.copy(statement, values) as copy,
    ):
        return sum(len(row) for row in copy)


def _memory(database: Database, batch_id: BatchId, form: Form) -> tuple[float, float]:
    """MB at the peak of Python's own memory, and MB by which the process grew (0 where the system does not tell)."""
    before = most = _resident_bytes()
    tracemalloc.start()
    try:
        with database.transaction() as db:
            for _ in export.consensus(db, batch_id, form=form):
                most = max(most, _resident_bytes())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak / 1e6, (most - before) / 1e6


def _resident_bytes() -> int:
    return int(_STATM.read_text().split()[1]) * _PAGE_BYTES if _STATM.exists() else 0
