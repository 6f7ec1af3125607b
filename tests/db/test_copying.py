import csv
import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.copying import CHUNK_BYTES, copy_out, copy_rows

HOSTILE = ['a,b"c', "two\nlines", "tab\tand \\N", "", "😀 ]]> &", "שלום", "\\."]


def test_rows_go_in_as_they_are(db: Session) -> None:
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    rows = [("local", f"A{n}", word, at) for n, word in enumerate(HOSTILE)]
    copy_rows(db, "workers (profile, marketplace_worker_id, pseudonym, first_seen_at)", rows)
    found = db.execute(text("SELECT pseudonym, first_seen_at FROM workers ORDER BY id")).all()
    assert [tuple(row) for row in found] == [(word, at) for word in HOSTILE]


def test_no_rows_are_no_error(db: Session) -> None:
    copy_rows(db, "workers (profile, marketplace_worker_id, pseudonym)", [])
    assert db.execute(text("SELECT count(*) FROM workers")).scalar_one() == 0


def test_rows_come_out_as_csv_that_reads_back(db: Session) -> None:
    copy_rows(
        db, "workers (profile, marketplace_worker_id, pseudonym)", [("p", f"A{n}", w) for n, w in enumerate(HOSTILE)]
    )
    chunks = list(copy_out(db, "SELECT pseudonym, id AS number FROM workers ORDER BY id", {}))
    header, *rows = csv.reader(io.StringIO(b"".join(chunks).decode()))
    assert header == ["pseudonym", "number"]
    assert [row[0] for row in rows] == HOSTILE
    assert b"\r" not in b"".join(chunks)


def test_values_are_bound_never_pasted(db: Session) -> None:
    values = {"word": "'; DROP TABLE workers; --"}
    assert b"".join(copy_out(db, "SELECT %(word)s::text AS word", values)) == b"word\n'; DROP TABLE workers; --\n"


def test_a_large_result_comes_in_large_chunks(db: Session) -> None:
    chunks = list(copy_out(db, "SELECT n, repeat('x', 90) AS word FROM generate_series(1, 5000) AS n", {}))
    assert len(chunks) > 3
    assert all(len(chunk) >= CHUNK_BYTES for chunk in chunks[:-1])
    assert b"".join(chunks).count(b"\n") == 5001


def test_an_empty_result_is_a_header(db: Session) -> None:
    assert b"".join(copy_out(db, "SELECT id FROM workers", {})) == b"id\n"


def test_the_transaction_goes_on_after_a_result_that_was_not_read_to_its_end(db: Session) -> None:
    rows = copy_out(db, "SELECT n, repeat('x', 90) AS word FROM generate_series(1, 50000) AS n", {})
    next(rows)
    rows.close()
    with pytest.raises(StopIteration):
        next(rows)
