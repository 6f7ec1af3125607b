"""Archive and restore: the round trip, what an archive holds and does not hold, and files that are none."""

import base64
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.db import media_files
from app.db.engine import Base, Database
from app.db.tables import Batch
from app.domain import archive_format
from app.domain.archive_format import DamagedArchive, NewerArchive, NotAnArchive, UnreadableArchive, UnsafeArchive
from app.domain.vocabulary import BatchId
from app.errors import Conflict, NotFound
from app.pipeline import archive, batches, export, restoring
from app.pipeline.export import WorkerNames
from tests.factories import make_batch, make_hit, make_item, make_media_file
from tests.pipeline.conftest import House

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Tables with a Batch's rows that an archive leaves out on purpose: they say how things are now, not what was.
LEFT_OUT = {"alerts", "differences"}
RAW = b"\x00\xff<not xml & \xe2\x82\xac>\n\\"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another installation: its database and its media."""

    database: Database
    media_dir: Path

    def read(self, path: Path) -> BatchId:
        with self.database.transaction() as db:
            return restoring.restore(db, path, by="victor", media_dir=self.media_dir).batch_id

    def rows(self, sql: str) -> list[Any]:
        with self.database.transaction() as db:
            return list(db.execute(text(sql)))

    def is_empty(self) -> bool:
        tables = ", ".join(f"(SELECT count(*) FROM {table})" for table in archive_format.TABLES)
        return not any(self.rows(f"SELECT {tables}")[0]) and not list(self.media_dir.rglob("*"))


@pytest.fixture
def elsewhere(other_database: Database, tmp_path: Path) -> Elsewhere:
    (tmp_path / "elsewhere").mkdir()
    return Elsewhere(other_database, tmp_path / "elsewhere")


def write(house: House, batch_id: BatchId, **options: Any) -> Path:
    path = house.folder / "batch.zip"
    with house.database.transaction() as db:
        path.write_bytes(b"".join(archive.archive(db, batch_id, by="rita", **options)))
    return path


def ended(house: House, rows: int = 3) -> BatchId:
    """A Batch that Rita stopped when Ada and Bob had answered, with one answer that nobody can read."""
    batch_id = house.live(rows=rows, assignments_per_item=3, quorum=2)
    house.answer_all(batch_id, {"Ada": "given", "Bob": "guessed"})
    house.collect(batch_id)
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    for _ in range(4):
        house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")
        house.publish(batch_id)
        house.collect(batch_id)
    assert house.one("SELECT status FROM batches WHERE id = :id", id=batch_id).status == "stopped"
    house.execute(
        "UPDATE assignments SET raw_answer = :raw, answer_state = 'quarantined', problem = 'no XML'"
        " WHERE id = (SELECT max(id) FROM assignments)",
        raw=RAW,
    )
    house.execute(
        "INSERT INTO dropped_workers (batch_id, worker_id, reason, dropped_by)"
        " SELECT :id, min(id), 'a guess', 'rita' FROM workers",
        id=batch_id,
    )
    house.execute(
        "UPDATE items SET extra = :extra, text = :odd WHERE batch_id = :id",
        id=batch_id,
        extra=json.dumps({"n": 1.50, "quote": 'a "b" \\ c', "line": "1\n2", "non-ascii": "äöü 漢字 🦜"}),
        odd='back\\slash, "quotes", tab\t, new\nline, 🦜, \\N, \\.',
    )
    return batch_id


def exports(database: Database, batch_id: BatchId) -> dict[str, bytes]:
    with database.transaction() as db:
        consensus = b"".join(export.consensus_csv(db, batch_id))
        responses = b"".join(export.responses_csv(db, batch_id))
        with_ids = b"".join(export.responses_csv(db, batch_id, worker_names=WorkerNames.MARKETPLACE_ID))
    return {"consensus": consensus, "responses": responses, "responses with ids": with_ids}


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def rows_of(path: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in contents(path)[f"{table}.jsonl"].splitlines()]


# --- the round trip ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("worker_ids", [False, True])
def test_what_is_read_back_exports_the_same_byte_for_byte(house: House, elsewhere: Elsewhere, worker_ids: bool) -> None:
    batch_id = ended(house)
    # Numbers there are others than here.
    elsewhere.rows("SELECT setval(pg_get_serial_sequence('items', 'id'), 1000)")
    elsewhere.rows("SELECT setval(pg_get_serial_sequence('batches', 'id'), 41)")
    there = elsewhere.read(write(house, batch_id, worker_ids=worker_ids))
    assert there == 42
    here, restored = exports(house.database, batch_id), exports(elsewhere.database, there)
    assert restored["consensus"] == here["consensus"]
    assert restored["responses"] == here["responses"]
    assert len(here["responses"].splitlines()) == 7
    assert (restored["responses with ids"] == here["responses with ids"]) is worker_ids


def test_every_row_comes_back_as_it_was_but_for_its_numbers(house: House, elsewhere: Elsewhere) -> None:
    batch_id = ended(house)
    there = elsewhere.read(write(house, batch_id, worker_ids=True))
    numbers = {"id", "batch_id", "n", "created_by"} | {
        f"{thing}_id" for thing in ("group", "item", "hit", "assignment", "worker", "operation")
    }
    forgotten = {"leased_by", "lease_until", "hinted_at", "notified_queue", "notify_after"}
    for table in set(archive_format.TABLES) - {"workers", "audit"}:
        columns = [c.name for c in Base.metadata.tables[table].columns if c.name not in numbers | forgotten]
        order = ", ".join(c.name for c in Base.metadata.tables[table].primary_key)
        query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"
        assert elsewhere.rows(query) == house.rows(query), table
    assert elsewhere.rows("SELECT raw_answer, answer_state, problem FROM assignments ORDER BY id DESC LIMIT 1") == [
        (RAW, "quarantined", "no XML")
    ]
    assert elsewhere.rows(f"SELECT status FROM batches WHERE id = {there}") == [("stopped",)]
    with elsewhere.database.transaction() as db:
        assert b"".join(archive.archive(db, there, by="victor", worker_ids=True))  # and can be archived again


def test_an_archive_of_a_restored_batch_holds_the_same_rows(house: House, elsewhere: Elsewhere) -> None:
    path = write(house, ended(house), worker_ids=True)
    before = {name: content for name, content in contents(path).items() if name != "manifest.json"}
    there = elsewhere.read(path)
    with elsewhere.database.transaction() as db:
        path.write_bytes(b"".join(archive.archive(db, there, by="victor", worker_ids=True)))
    after = contents(path)
    for table in ("hits", "hit_items", "assignments", "responses", "consensus", "payments", "items"):
        assert len(after[f"{table}.jsonl"].splitlines()) == len(before[f"{table}.jsonl"].splitlines())
    assert after["template.html"] == before["template.html"]


def test_the_trail_says_what_was_done_to_both(house: House, elsewhere: Elsewhere) -> None:
    batch_id = ended(house)
    elsewhere.read(write(house, batch_id))
    assert house.one("SELECT actor FROM audit WHERE action = 'batch.archived'").actor == "rita"
    actions = [row.action for row in elsewhere.rows("SELECT action FROM audit ORDER BY id")]
    assert actions[0] == "batch.created"
    assert actions[-1] == "batch.restored"
    assert "batch.archived" not in actions  # it was written when the archive was


def test_the_ledger_is_the_same_to_the_cent(house: House, elsewhere: Elsewhere) -> None:
    elsewhere.read(write(house, ended(house)))
    query = "SELECT kind, status, sum(amount_usd), count(*) FROM payments GROUP BY 1, 2 ORDER BY 1, 2"
    assert elsewhere.rows(query) == house.rows(query)


def test_nothing_of_a_restored_batch_calls_the_marketplace_by_itself(house: House, elsewhere: Elsewhere) -> None:
    elsewhere.read(write(house, ended(house)))
    assert elsewhere.rows("SELECT 1 FROM operations WHERE status IN ('intended', 'acting')") == []
    assert elsewhere.rows("SELECT 1 FROM procrastinate_jobs") == []


def test_what_is_here_already_is_not_read_again(house: House, elsewhere: Elsewhere) -> None:
    batch_id = ended(house)
    path = write(house, batch_id)
    with pytest.raises(Conflict, match=f"it is Batch {batch_id}"), house.database.transaction() as db:
        restoring.restore(db, path, by="rita", media_dir=house.settings.media_path)
    first = elsewhere.read(path)
    with pytest.raises(Conflict, match=f"it is Batch {first}"):
        elsewhere.read(path)


def test_two_archives_without_ids_share_their_workers_by_pseudonym(house: House, elsewhere: Elsewhere) -> None:
    first = write(house, ended(house)).read_bytes()
    second = write(house, ended(house))
    elsewhere.read(second)
    second.write_bytes(first)
    elsewhere.read(second)
    assert len(elsewhere.rows("SELECT 1 FROM workers")) == 2
    assert {row.marketplace_worker_id[:11] for row in elsewhere.rows("SELECT * FROM workers")} == {"archived:W-"}


def test_media_travel_when_asked_and_are_checked(house: House, elsewhere: Elsewhere) -> None:
    batch_id, token = batch_of_pictures(house)
    path = write(house, batch_id, media_dir=house.settings.media_path)
    there = elsewhere.read(path)
    assert [row.media_token for row in elsewhere.rows("SELECT media_token FROM items")] == [token]
    (file,) = (path for path in elsewhere.media_dir.rglob("*") if path.is_file())
    assert file.read_bytes() == PIXEL
    assert exports(elsewhere.database, there)["consensus"] == exports(house.database, batch_id)["consensus"]
    assert restoring.check(path).media == 1


def test_without_media_their_rows_still_travel(house: House, elsewhere: Elsewhere) -> None:
    batch_id, _ = batch_of_pictures(house)
    path = write(house, batch_id)
    assert restoring.check(path).media == 0
    elsewhere.read(path)
    assert len(elsewhere.rows("SELECT 1 FROM media_files")) == 1


def test_a_missing_media_file_is_said_before_the_first_byte(house: House) -> None:
    batch_id, _ = batch_of_pictures(house)
    for path in house.settings.media_path.rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(Conflict, match="1 media files"), house.database.transaction() as db:
        next(archive.archive(db, batch_id, by="rita", media_dir=house.settings.media_path))


def batch_of_pictures(house: House) -> tuple[BatchId, str]:
    sha256 = hashlib.sha256(PIXEL).hexdigest()
    place = media_files.path_of(house.settings.media_path, sha256)
    place.parent.mkdir(parents=True)
    place.write_bytes(PIXEL)
    with house.database.transaction() as db:
        media = make_media_file(db, sha256=sha256, content_type="image/png", size_bytes=len(PIXEL))
        batch = make_batch(db, status="done", item_count=1)
        item = make_item(db, batch, media_url=None, media_token=media.token)
        make_hit(db, batch, item, status="done")
        return BatchId(batch.id), media.token


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_every_table_with_a_batchs_rows_is_in_the_archive_or_left_out_on_purpose() -> None:
    reach = {"batches"}
    while grown := {
        table.name
        for table in Base.metadata.tables.values()
        if table.name not in reach and any(key.column.table.name in reach for key in table.foreign_keys)
    }:
        reach |= grown
    named = {table.name for table in Base.metadata.tables.values() if "batch_id" in table.columns}
    assert (reach | named) - set(archive_format.TABLES) - LEFT_OUT == set()


def test_no_workers_id_leaves_the_house_unless_asked_for(house: House) -> None:
    batch_id = ended(house)
    ids = [row.marketplace_worker_id for row in house.rows("SELECT marketplace_worker_id FROM workers")]
    house.execute(
        "UPDATE operations AS o SET error = 'WorkerId ' || w.marketplace_worker_id || ' is invalid' FROM assignments AS a"
        " JOIN workers AS w ON w.id = a.worker_id WHERE a.id = o.assignment_id"
    )
    whole = b"".join(contents(write(house, batch_id)).values()).decode()
    assert [known for known in ids if known in whole] == []
    assert "WorkerId W-" in whole
    with_ids = b"".join(contents(write(house, batch_id, worker_ids=True)).values()).decode()
    assert all(known in with_ids for known in ids)


def test_the_manifest_says_what_each_file_holds(house: House) -> None:
    batch_id = ended(house)
    path = write(house, batch_id)
    manifest = restoring.check(path)
    assert manifest.batch["number"] == batch_id
    assert manifest.batch["name"] == "Rita's Batch"
    assert {
        member.name: member.rows for member in manifest.members if member.name in {"items.jsonl", "responses.jsonl"}
    } == {
        "items.jsonl": 3,
        "responses.jsonl": 6,
    }
    assert not manifest.worker_ids
    raw = [base64.b64decode(row["raw_answer_base64"]) for row in rows_of(path, "assignments")]
    assert raw[-1] == RAW
    assert raw[0].startswith(b"<?xml")


def test_the_same_batch_gives_the_same_bytes_but_for_the_manifest(house: House) -> None:
    batch_id = ended(house)
    first = contents(write(house, batch_id))
    second = contents(write(house, batch_id))
    del first["manifest.json"], second["manifest.json"]
    # The second one's trail has the first archive in it.
    assert len(second.pop("audit.jsonl").splitlines()) == len(first.pop("audit.jsonl").splitlines()) + 1
    assert first == second


@pytest.mark.parametrize("status", ["draft", "live", "paused", "stopping"])
def test_a_batch_that_is_not_over_is_not_archived(house: House, status: str) -> None:
    batch_id = house.draft()
    house.execute("UPDATE batches SET status = :status", status=status)
    with pytest.raises(Conflict, match=f"is {status}"), house.database.transaction() as db:
        next(archive.archive(db, batch_id, by="rita"))


def test_a_batch_with_calls_to_be_made_waits_for_them(house: House) -> None:
    batch_id = ended(house)
    house.execute(
        "INSERT INTO operations (batch_id, kind, hit_id) SELECT batch_id, 'delete', id FROM hits ORDER BY id LIMIT 1"
    )
    with pytest.raises(Conflict, match="calls to be made: 1"), house.database.transaction() as db:
        next(archive.archive(db, batch_id, by="rita"))


def test_a_batch_that_is_not_there_is_not_found(house: House) -> None:
    with pytest.raises(NotFound), house.database.transaction() as db:
        next(archive.archive(db, BatchId(99), by="rita"))


# --- files that are none ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> dict[str, bytes]:
    """One archive for all tests that spoil it: the Batch behind it takes seconds."""
    return {}


@pytest.fixture
def whole(kept: dict[str, bytes], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if not kept:
        house: House = request.getfixturevalue("house")
        kept["archive"] = write(house, ended(house, rows=1)).read_bytes()
    path = tmp_path / "whole.zip"
    path.write_bytes(kept["archive"])
    return path


def repacked(path: Path, change: Callable[[dict[str, bytes]], None], *, honest: bool = False) -> Path:
    """The archive with other contents. honest: with a manifest that agrees with them."""
    found = contents(path)
    change(found)
    if honest:
        manifest = json.loads(found["manifest.json"])
        for member in manifest["members"]:
            content = found[member["name"]]
            member |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            member["rows"] = len(content.splitlines()) if member["name"].endswith(".jsonl") else 0
        found["manifest.json"] = json.dumps(manifest).encode()
    other = path.with_name("other.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in found.items():
            packed.writestr(name, content)
    return other


def refused(elsewhere: Elsewhere, path: Path, kind: type[UnreadableArchive], match: str | None = None) -> None:
    """Both commands say the same kind of error, and nothing is written."""
    with pytest.raises(kind, match=match):
        elsewhere.read(path)
    assert elsewhere.is_empty()


def changed(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(found: dict[str, bytes]) -> None:
        assert old in found[name]
        found[name] = found[name].replace(old, new, 1)

    return change


def manifest_with(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(found: dict[str, bytes]) -> None:
        found["manifest.json"] = json.dumps(json.loads(found["manifest.json"]) | values).encode()

    return change


def test_an_archive_cut_short_anywhere_is_damaged(whole: Path, elsewhere: Elsewhere) -> None:
    content = whole.read_bytes()
    for share in (0.01, 0.3, 0.7, 0.99):
        whole.write_bytes(content[: int(len(content) * share)])
        refused(elsewhere, whole, DamagedArchive)


def test_a_byte_changed_anywhere_is_noticed(whole: Path, elsewhere: Elsewhere) -> None:
    content = bytearray(whole.read_bytes())
    noticed = 0
    for at in range(7, len(content), max(1, len(content) // 40)):
        content[at] ^= 0x20
        whole.write_bytes(content)
        try:
            restoring.check(whole)
        except UnreadableArchive:
            noticed += 1
        content[at] ^= 0x20
    # Some bytes of a ZIP file mean nothing: a file's time, its rights, a copy of its name.
    assert noticed >= 35


def test_any_bit_changed_at_the_end_of_the_file_is_noticed_or_means_nothing(whole: Path) -> None:
    """There stand the number of files and where their directory is: a false one sends the reader before the start."""
    content = bytearray(whole.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    noticed = 0
    for bit in range(end * 8, len(content) * 8):
        content[bit // 8] ^= 1 << bit % 8
        whole.write_bytes(content)
        try:
            restoring.check(whole)
        except UnreadableArchive:
            noticed += 1
        content[bit // 8] ^= 1 << bit % 8
    assert noticed >= 4 * 8, "at least the signature"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_another_way_of_packing_is_refused(whole: Path, method: int) -> None:
    content = bytearray(whole.read_bytes())
    name = content.rindex(b"manifest.json")
    content[name - 36 : name - 34] = struct.pack("<H", method)
    whole.write_bytes(content)
    with pytest.raises(UnsafeArchive, match="packed in a way"):
        restoring.check(whole)


def without_items(found: dict[str, bytes]) -> None:
    del found["items.jsonl"]


def test_rows_that_are_not_those_of_the_manifest_are_damaged(whole: Path, elsewhere: Elsewhere) -> None:
    refused(elsewhere, repacked(whole, changed("items.jsonl", b"cat", b"cow")), DamagedArchive, "SHA-256")
    refused(elsewhere, repacked(whole, changed("items.jsonl", b"cat", b"catfish")), DamagedArchive, "bytes")
    refused(elsewhere, repacked(whole, without_items), DamagedArchive, "items.jsonl is missing")


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"\x1f\x8b" + b"x" * 100])
def test_other_files_are_no_archives(tmp_path: Path, elsewhere: Elsewhere, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    refused(elsewhere, path, NotAnArchive)
    refused(elsewhere, tmp_path / "missing.zip", NotAnArchive, "No such file")
    refused(elsewhere, tmp_path, NotAnArchive)


def test_a_zip_file_of_another_program_is_no_archive(tmp_path: Path, whole: Path, elsewhere: Elsewhere) -> None:
    path = tmp_path / "foreign.zip"
    for name, content in (
        ("hello.txt", b"hello"),
        ("manifest.json", b"no json"),
        ("manifest.json", b'{"format": "other"}'),
        ("manifest.json", b"[" * 50_000),
        ("manifest.json", b"[]"),
    ):
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(name, content)
        refused(elsewhere, path, NotAnArchive)


def test_a_later_version_says_what_can_read_it(whole: Path, elsewhere: Elsewhere) -> None:
    other = repacked(whole, manifest_with(version=2, service_version="3.1.0"))
    refused(elsewhere, other, NewerArchive, r"written by Label Jury 3\.1\.0")


@pytest.mark.parametrize(
    "values",
    [
        {"version": 0},
        {"version": "1"},
        {"version": True},
        {"members": []},
        {"members": None},
        {"members": [1, 2]},
        {"batch": []},
        {"batch": {"number": "x", "name": "y"}},
        {"created_at": "yesterday"},
        {"media": -1},
        {"worker_ids": "no"},
    ],
)
def test_a_manifest_that_lacks_something_is_damaged(whole: Path, elsewhere: Elsewhere, values: dict[str, Any]) -> None:
    refused(elsewhere, repacked(whole, manifest_with(**values)), DamagedArchive, "manifest.json")


@pytest.mark.parametrize(
    "name", ["../escape.txt", "/etc/passwd", "media/../../x", "items.jsonl/", "media/" + "g" * 64, "C:\\x"]
)
def test_names_that_lead_out_of_the_archive_are_unsafe(whole: Path, elsewhere: Elsewhere, name: str) -> None:
    def add(found: dict[str, bytes]) -> None:
        found[name] = b"x"

    refused(elsewhere, repacked(whole, add), UnsafeArchive, "which no archive of a Batch does")


def test_two_files_of_one_name_are_unsafe(whole: Path, elsewhere: Elsewhere) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(whole, "a") as packed:
        packed.writestr("items.jsonl", b"")
    refused(elsewhere, whole, UnsafeArchive, "two files of one name")


def test_a_bomb_is_not_unpacked(whole: Path, elsewhere: Elsewhere) -> None:
    bomb = b"0" * 100_000_000

    def add(found: dict[str, bytes]) -> None:
        found["items.jsonl"] = bomb

    refused(elsewhere, repacked(whole, add, honest=True), UnsafeArchive, "would unpack")


def test_a_manifest_without_end_is_not_read(whole: Path, elsewhere: Elsewhere) -> None:
    other = repacked(whole, manifest_with(padding="0" * 2_000_000))
    refused(elsewhere, other, UnsafeArchive, "manifest.json")


def test_a_size_that_is_a_lie_is_found_out(whole: Path, elsewhere: Elsewhere) -> None:
    content = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as packed:
        size = packed.getinfo("items.jsonl").file_size
    # In the central directory, where zipfile reads it.
    entries = [found.start() for found in re.finditer(re.escape(b"PK\x01\x02"), content)]
    (at,) = (entry for entry in entries if content[entry + 46 :].startswith(b"items.jsonl"))
    assert struct.unpack_from("<I", content, at + 24)[0] in {size, 0xFFFFFFFF}
    struct.pack_into("<I", content, at + 24, 5)
    whole.write_bytes(content)
    refused(elsewhere, whole, DamagedArchive)


HONEST: list[tuple[str, bytes, bytes]] = [
    ("items.jsonl", b'"given_label": "cat"', b'"given_label": ""'),
    ("items.jsonl", b'"given_label": "cat"', b'"given_label": null'),
    ("items.jsonl", b'"role": "suspect"', b'"role": "villain"'),
    ("items.jsonl", b'"line": ', b'"line": "x", "was": '),
    ("items.jsonl", b'"media_url": null', b'"media_url": "javascript:alert(1)"'),
    ("hits.jsonl", b'"status": "done"', b'"status": "live"'),
    ("hits.jsonl", b'"group_id": ', b'"group_id": 99'),
    ("responses.jsonl", b'"item_id": ', b'"item_id": 77'),
    ("operations.jsonl", b'"status": "done"', b'"status": "intended"'),
    ("batches.jsonl", b'"status": "stopped"', b'"status": "live"'),
    ("batches.jsonl", b'"reward_usd": 0.05', b'"reward_usd": -5'),
    ("payments.jsonl", b'"amount_usd": ', b'"amount_usd": "x", "was": '),
    ("assignments.jsonl", b'"raw_answer_base64": "', b'"raw_answer_base64": "!'),
    ("batches.jsonl", b"{", b"[" * 100_000 + b"{"),
    ("audit.jsonl", b"{", b"{,"),
    ("items.jsonl", b'"given_label": "cat"', b'"given_label": "\\u0000"'),
    ("items.jsonl", b'"given_label": "cat"', b'"given_label": "\\ud800"'),
    ("items.jsonl", b"cat", b"c\xff\xfet"),
    ("workers.jsonl", b'"profile": "local"', b'"profile": null'),
    ("template.html", b"<", b"< "),
]


@pytest.mark.parametrize(("name", "old", "new"), HONEST, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(HONEST)])
def test_rows_that_break_a_rule_are_refused_although_the_manifest_agrees_with_them(
    whole: Path, elsewhere: Elsewhere, name: str, old: bytes, new: bytes
) -> None:
    refused(elsewhere, repacked(whole, changed(name, old, new), honest=True), DamagedArchive)


@pytest.mark.parametrize("content", [b"", b"1\n", b"null\n", b"{}\n{}\n"])
def test_a_table_of_something_else_is_refused(whole: Path, elsewhere: Elsewhere, content: bytes) -> None:
    def replace(found: dict[str, bytes]) -> None:
        found["batches.jsonl"] = content

    refused(elsewhere, repacked(whole, replace, honest=True), DamagedArchive)


def test_a_medium_that_is_no_picture_is_refused(house: House, elsewhere: Elsewhere) -> None:
    batch_id, _ = batch_of_pictures(house)
    path = write(house, batch_id, media_dir=house.settings.media_path)
    page = b"<script>alert(1)</script>"
    old, new = hashlib.sha256(PIXEL).hexdigest(), hashlib.sha256(page).hexdigest()

    def swap(found: dict[str, bytes]) -> None:
        del found[f"media/{old}"]
        found[f"media/{new}"] = page
        found["media_files.jsonl"] = found["media_files.jsonl"].replace(old.encode(), new.encode())

    refused(elsewhere, repacked(path, swap, honest=True), DamagedArchive, "is no undamaged")
    served = changed("media_files.jsonl", b"image/png", b"text/html")
    refused(elsewhere, repacked(path, served, honest=True), DamagedArchive, "not served")


def test_a_medium_that_no_item_has_is_refused(house: House, elsewhere: Elsewhere, whole: Path) -> None:
    def add(found: dict[str, bytes]) -> None:
        found["media/" + "0" * 64] = b"x"
        manifest_with(media=1)(found)

    refused(elsewhere, repacked(whole, add), UnreadableArchive)


def test_the_archive_is_written_in_flat_memory(house: House) -> None:
    """A chunk at a time, however large a table is."""
    batch_id = ended(house, rows=1)
    house.execute(
        "INSERT INTO items (batch_id, line, external_id, media_type, text, given_label, guessed_label, page_bytes)"
        " SELECT :id, n + 10, 'more-' || n, 'text', md5(n::text) || repeat(md5((n * 7)::text), 20), 'cat', 'dog', 1"
        " FROM generate_series(1, 20000) AS n",
        id=batch_id,
    )
    with house.database.transaction() as db:
        sizes = [len(chunk) for chunk in archive.archive(db, batch_id, by="rita")]
    assert sum(sizes) > 1_000_000
    assert max(sizes) < 600_000


def test_the_batch_keeps_its_settings(house: House, elsewhere: Elsewhere) -> None:
    batch_id = ended(house)
    there = elsewhere.read(write(house, batch_id))
    with house.database.transaction() as here, elsewhere.database.transaction() as db:
        old, new = here.get_one(Batch, batch_id), db.get_one(Batch, there)
        for column in (
            "name",
            "title",
            "reward_usd",
            "seed",
            "quorum",
            "token",
            "template_source",
            "cap_usd",
            "finished_at",
        ):
            assert getattr(old, column) == getattr(new, column)
    assert re.fullmatch(r"[0-9a-f]{64}", new.template_sha256)
    assert io.BytesIO(new.template_source.encode()).read()
