import io
import json
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.copying import CHUNK_BYTES
from app.db.engine import Database
from app.db.table_streams import Form, Kind, copy_table, fetch, stream

HOSTILE = 'a "b",\r\n\\.\\n\t\u2028\x7f=1+1 ö 👩\u200d🚀'
QUERY = """
    SELECT * FROM (VALUES (1, %(hostile)s::text, 0.5::float8, true::text, '{"a": ["x"]}'::jsonb),
                          (NULL, '', NULL, NULL, NULL)) AS v (n, words, share, flag, extra)
"""
KINDS = {"n": Kind.NUMBER, "share": Kind.SHARE, "flag": Kind.FLAG}
MANY = "SELECT n, 'row ' || n AS words FROM generate_series(1, 200000) AS n"


def streamed(db: Session, form: Form) -> bytes:
    return b"".join(stream(db, QUERY, {"hostile": HOSTILE}, form=form, kinds=KINDS))


def test_json_lines_tell_absent_from_empty_and_keep_types(db: Session) -> None:
    first, second = (json.loads(line) for line in streamed(db, Form.JSONL).decode().removesuffix("\n").split("\n"))
    assert first == {"n": 1, "words": HOSTILE, "share": 0.5, "flag": "true", "extra": {"a": ["x"]}}
    assert second == {"n": None, "words": "", "share": None, "flag": None, "extra": None}


EVERY_CHARACTER = r"""
    SELECT n AS "n\ö", CASE WHEN mod(n, 7) <> 3 THEN chr(n) END AS words, 'a' || chr(n) || 'b' AS between,
           chr(n)::varchar(3) AS short, mod(n, 2) = 0 AS even, CASE WHEN mod(n, 3) = 0 THEN mod(n, 2) = 0 END AS flag,
           n / 7.0 AS exact, n / 7.0::float8 AS share, CASE WHEN n > 5 THEN n::int2 END AS small,
           jsonb_build_object(chr(n), n) AS extra
    FROM generate_series(1, 3000) AS n
"""


def test_json_lines_are_those_of_postgresql_byte_for_byte(db: Session) -> None:
    found = b"".join(stream(db, EVERY_CHARACTER, {}, form=Form.JSONL, kinds={}))
    theirs = db.connection().exec_driver_sql(f"SELECT row_to_json(r)::text FROM ({EVERY_CHARACTER}) AS r")
    assert found.decode().removesuffix("\n").split("\n") == list(theirs.scalars())


@pytest.mark.parametrize("form", [Form.JSONL, Form.PARQUET])
@pytest.mark.parametrize("words", [["\ufeffa", "\ufeffb"], [None, "", None]])
def test_odd_values_alone_in_a_row_are_kept(form: Form, words: list[str | None], db: Session) -> None:
    query = "SELECT word FROM unnest(%(words)s::text[]) AS word"
    found = b"".join(stream(db, query, {"words": words}, form=form, kinds={}))
    if form is Form.PARQUET:
        assert pq.read_table(io.BytesIO(found))["word"].to_pylist() == words
    else:
        assert [json.loads(line)["word"] for line in found.decode().splitlines()] == words


def test_a_type_whose_form_in_json_nobody_wrote_down_is_refused(db: Session) -> None:
    with pytest.raises(TypeError, match="select it as text"):
        list(stream(db, "SELECT now() AS at", {}, form=Form.JSONL, kinds={}))


def test_parquet_does_too(db: Session) -> None:
    table = pq.read_table(io.BytesIO(streamed(db, Form.PARQUET)))
    assert table.schema.types == [pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.string()]
    first, second = table.to_pylist()
    assert first == {"n": 1, "words": HOSTILE, "share": 0.5, "flag": True, "extra": '{"a": ["x"]}'}
    assert second == {"n": None, "words": "", "share": None, "flag": None, "extra": None}


@pytest.mark.parametrize("form", list(Form))
def test_nothing_is_a_file_too(form: Form, db: Session) -> None:
    chunks = b"".join(stream(db, "SELECT 1 AS n WHERE false", {}, form=form, kinds={"n": Kind.NUMBER}))
    if form is Form.PARQUET:
        assert pq.read_table(io.BytesIO(chunks)).to_pydict() == {"n": []}
    else:
        assert chunks == (b"n\n" if form is Form.CSV else b"")


def test_many_rows_come_in_few_chunks_of_whole_lines(db: Session) -> None:
    chunks = list(stream(db, MANY, {}, form=Form.JSONL, kinds={}))
    assert all(len(chunk) >= CHUNK_BYTES and chunk.endswith(b"}\n") for chunk in chunks[:-1])
    assert len(b"".join(chunks).splitlines()) == 200_000
    table = pq.read_table(io.BytesIO(b"".join(stream(db, MANY, {}, form=Form.PARQUET, kinds={"n": Kind.NUMBER}))))
    assert table["n"].to_pylist() == list(range(1, 200_001))


@pytest.mark.parametrize("form", list(Form))
def test_a_reader_who_stops_early_leaves_the_connection_usable(form: Form, database: Database) -> None:
    with database.transaction() as db, closing(stream(db, MANY, {}, form=form, kinds={})) as chunks:
        assert next(chunks)
    with database.transaction() as db:
        assert db.scalar(text("SELECT 1")) == 1
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of QueuePool, which ours is


def test_a_table_goes_in_and_comes_out_the_same(db: Session) -> None:
    db.execute(text("CREATE TEMPORARY TABLE t (n int, words text)"))
    table = pa.table({"n": pa.array([1, None], type=pa.int64()), "words": [HOSTILE, None]})
    copy_table(db, "t (n, words)", table)
    assert fetch(db, "SELECT * FROM t", {}, kinds={"n": Kind.NUMBER}).equals(table)
    assert fetch(db, "SELECT * FROM t WHERE false", {}, kinds={"n": Kind.NUMBER}).num_rows == 0
