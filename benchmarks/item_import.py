"""Import: a CSV file through every check beside a bare COPY of the rows that come out of it."""

import csv
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import text

from app.db.copying import CHUNK_BYTES, driver_connection
from app.db.engine import Database
from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.pipeline import batches, item_import
from app.pipeline.batches import NewBatch
from app.questions import catalogue
from app.settings import MarketplaceProfile
from benchmarks.ground import Ground
from benchmarks.report import Line, Report, side_by_side, timed

_GOAL = 0.30
_COLUMNS = "line, external_id, role, media_type, media_url, given_label, guessed_label, page_bytes, extra"


def run(ground: Ground, *, quick: bool) -> Report:
    """Rows per second of pictures given as URLs, with one more column; both write the same table with its indexes."""
    rows = 20_000 if quick else 100_000
    with ground.database() as database:
        path = ground.folder / "items.csv"
        _write_file(path, rows)
        _import(database, path)
        prepared = _prepare(database)
        ours, bare = side_by_side(3, partial(_import, database, path), partial(_copy, database, prepared))
    rate, bare_rate = rows / median(ours), rows / median(bare)
    line = Line(
        "import beside a bare COPY of the same rows, rows/s",
        f"{rate:,.0f}",
        f"{bare_rate:,.0f}",
        f"{rate / bare_rate:.0%}",
        f">= {_GOAL:.0%}",
        rate / bare_rate >= _GOAL,
    )
    return Report(f"import: {rows:,} rows of CSV, {path.stat().st_size / 1e6:.0f} MB", [line])


def _write_file(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "url", "given_label", "guessed_label", "confidence"])
        writer.writerows(
            [
                f"n{number:08d}",
                f"https://images.example/validation/{number % 1000:03d}/{number:08d}.jpeg?size=large&crop=0",
                f"class {number % 10}",
                f"class {(number + 1 + number % 7) % 10}",
                f"{number % 997 / 997:.6f}",
            ]
            for number in range(rows)
        )


def _draft(database: Database) -> tuple[BatchId, NewBatch]:
    new = NewBatch(
        name="Benchmark",
        template=catalogue.load("image"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=Decimal("0.05"),
    )
    with database.transaction() as db:
        db.execute(text("TRUNCATE items CASCADE"))
        return BatchId(batches.create(db, new, by="benchmark").id), new


def _import(database: Database, path: Path) -> float:
    batch_id, new = _draft(database)

    def bring_in() -> None:
        with database.transaction() as db:
            item_import.import_items(
                db,
                batch_id,
                ItemFile.of(path),
                media_root=None,
                media_dir=path.parent / "media",
                budget=batches.page_budget(new),
            )

    return timed(bring_in)


def _prepare(database: Database) -> bytes:
    """The rows just imported, in COPY's own text format, without their Batch."""
    statement = f"COPY (SELECT {_COLUMNS} FROM items ORDER BY id) TO STDOUT"
    with database.transaction() as db, driver_connection(db).cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(bytes(block) for block in copy)


def _copy(database: Database, prepared: bytes) -> float:
    batch_id, _ = _draft(database)

    def bring_in() -> None:
        with database.transaction() as db:
            # COPY fills in the Batch from the column's default: the rows need no touch.
            db.execute(text(f"ALTER TABLE items ALTER batch_id SET DEFAULT {int(batch_id)}"))
            with (
                driver_connection(db).cursor() as cursor,
                cursor.copy(f"COPY items ({_COLUMNS}) FROM STDIN") as copy,
            ):
                for start in range(0, len(prepared), CHUNK_BYTES):
                    copy.write(prepared[start : start + CHUNK_BYTES])
            db.execute(text("ALTER TABLE items ALTER batch_id DROP DEFAULT"))

    return timed(bring_in)
