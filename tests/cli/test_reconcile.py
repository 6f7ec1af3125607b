"""`labeljury reconcile`, `backup` and `restore`, as they are typed."""

import json
import os
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from app.db import backups
from app.errors import Conflict, DatabaseUnavailable
from tests.cli.test_commands import Typist
from tests.conftest import copied_database
from tests.database_pool import psycopg_url
from tests.pipeline.conftest import House, house

__all__ = ["house"]


@pytest.fixture
def rita(house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typist:
    """She types where the house is."""
    monkeypatch.setenv("DATABASE_URL", house.database.url)
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(house.settings.data_dir))
    monkeypatch.setenv("LABELJURY_SECRET_KEY", "x" * 32)
    monkeypatch.setenv("LABELJURY_MARKETPLACE_PUBLIC_URL", house.settings.marketplace_url)
    monkeypatch.setenv("COLUMNS", "200")
    return Typist(monkeypatch, capfd)


def add_places(house: House) -> None:
    for hit in house.rows("SELECT marketplace_hit_id AS id FROM hits"):
        house.marketplace.client.create_additional_assignments_for_hit(HITId=hit.id, NumberOfAdditionalAssignments=1)


def test_differences_are_named_then_repaired_and_the_exit_code_says_which(house: House, rita: Typist) -> None:
    batch_id = house.live(rows=2, assignments_per_item=3, quorum=2, cap_usd=Decimal(9))
    assert rita.types("reconcile") == 0, rita.complained
    assert "Nothing differs." in rita.said
    assert "$0.36 of it for our live HITs" in rita.said
    add_places(house)
    assert rita.types("reconcile") == 1
    assert rita.said.count("places_differ") == 2
    assert "labeljury reconcile --repair" in rita.said
    assert rita.types("reconcile", "--batch", str(batch_id), "--json") == 1
    shown = json.loads(rita.said)
    assert [difference["kind"] for difference in shown["differences"]] == ["places_differ"] * 2
    assert rita.types("reconcile", "--repair") == 0, rita.said
    assert "2 differences repaired, none left." in rita.said


def test_a_difference_is_accepted_and_one_that_is_not_there_is_said_so(house: House, rita: Typist) -> None:
    house.live(rows=1, assignments_per_item=3, quorum=2)
    add_places(house)
    assert rita.types("reconcile") == 1
    assert rita.types("reconcile", "--accept", "999") == 1
    assert "Difference 999 does not exist" in rita.complained
    number = str(house.one("SELECT id FROM differences").id)
    assert rita.types("reconcile", "--accept", number) == 0, rita.said


def test_strays_are_shown_and_expired_only_after_a_yes(house: House, rita: Typist) -> None:
    house.live(rows=1)
    seen = house.marketplace.client.get_hit(HITId=house.one("SELECT marketplace_hit_id AS id FROM hits").id)["HIT"]
    stray = house.marketplace.client.create_hit_with_hit_type(
        HITTypeId=seen["HITTypeId"],
        Question=seen["Question"],
        LifetimeInSeconds=3600,
        RequesterAnnotation="label-jury batch=9 token=00000000-0000-4000-8000-000000000000",
    )["HIT"]["HITId"]
    assert rita.types("reconcile", "--expire-strays") == 2  # nobody can be asked
    assert stray in rita.complained
    assert house.marketplace.client.get_hit(HITId=stray)["HIT"]["HITStatus"] == "Assignable"
    assert rita.types("reconcile", "--expire-strays", "--yes") == 1  # it is there, and over
    assert house.marketplace.client.get_hit(HITId=stray)["HIT"]["HITStatus"] == "Reviewable"


def test_a_batch_that_is_not_there_is_said_so(rita: Typist) -> None:
    assert rita.types("reconcile", "--batch", "5") == 1
    assert "Batch 5 does not exist" in rita.complained


def test_an_endpoint_that_cannot_be_reached_is_one_sentence(
    house: House, rita: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.live(rows=1)
    monkeypatch.setenv("LABELJURY_MARKETPLACE_PUBLIC_URL", "http://127.0.0.1:9")
    assert rita.types("reconcile") == 1
    assert "start the marketplace" in rita.complained


def test_a_backup_is_one_file_and_restores_into_an_empty_database_alone(
    house: House, rita: Typist, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.live(rows=3)
    dump = tmp_path / "house.dump"
    assert rita.types("backup", str(dump)) == 0, rita.complained
    assert rita.types("backup", str(dump)) == 1
    assert "exists" in rita.complained
    assert rita.types("restore", str(dump)) == 1
    assert "restore into an empty one" in rita.complained
    name = f"restored_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            url = f"{psycopg_url(house.database.url).rpartition('/')[0]}/{name}"
            monkeypatch.setenv("DATABASE_URL", url)
            assert rita.types("restore", str(dump)) == 0, rita.complained
            with psycopg.connect(url) as restored:
                assert restored.execute("SELECT count(*) FROM hits").fetchone() == (3,)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_damaged_backup_restores_nothing(postgres_url: str, template_database: str, tmp_path: Path) -> None:
    with copied_database(postgres_url, template_database) as url:
        whole = tmp_path / "whole.dump"
        backups.backup(url, whole, data_dir=tmp_path)
        with pytest.raises(Conflict):
            backups.restore(url, whole, data_dir=tmp_path)
        damaged = tmp_path / "damaged.dump"
        damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            name = f"damaged_{os.getpid()}"
            admin.execute(f"CREATE DATABASE {name}")
            try:
                empty = f"{psycopg_url(url).rpartition('/')[0]}/{name}"
                with pytest.raises(DatabaseUnavailable, match="pg_restore"):
                    backups.restore(empty, damaged, data_dir=tmp_path)
                with psycopg.connect(empty) as connection:
                    assert connection.execute("SELECT to_regclass('public.hits')").fetchone() == (None,)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
