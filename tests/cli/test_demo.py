"""What `labeljury demo` leaves behind; that it runs is seen by `make demo`."""

from pathlib import Path

import pytest

from app.cli.demo import report_command
from app.domain.vocabulary import BatchId
from app.settings import Settings


@pytest.mark.parametrize(
    ("folder", "database_url", "command"),
    [
        ("demo-output/installation", None, "LABELJURY_DATA_DIR=demo-output/installation labeljury report 7"),
        ("my demo/x", None, "LABELJURY_DATA_DIR='my demo/x' labeljury report 7"),
        ("x", "postgresql://h/db", "DATABASE_URL= LABELJURY_DATA_DIR=x labeljury report 7"),
    ],
)
def test_the_report_of_the_demo_is_written_by_a_command_that_names_its_place(
    folder: str, database_url: str | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if database_url is not None:
        monkeypatch.setenv("DATABASE_URL", database_url)
    settings = Settings(database_url=None, data_dir=Path(folder))
    assert report_command(settings, BatchId(7)) == command
