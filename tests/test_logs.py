import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from app import logs
from app.settings import Settings


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(capsys: pytest.CaptureFixture[str], **settings: Any) -> list[str]:
    """What one event of ours and one record of a library look like."""
    logs.configure(Settings(**settings))
    log = logs.get_logger("tests")
    log.info("hit.published", batch_id=7, hit_id="3XJ", text='two\nlines and "quotes"')
    logging.getLogger("some.library").warning("it was %s", "slow")
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_one_event_is_one_line_of_keys_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = written(capsys)
    assert "level='info' event='hit.published' batch_id=7 hit_id='3XJ'" in ours
    assert "event='it was slow'" in theirs
    assert datetime.fromisoformat(ours.split("'")[1]).utcoffset() is not None


def test_as_json_every_line_can_be_read_by_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = (json.loads(line) for line in written(capsys, log_json=True))
    assert (ours["event"], ours["level"], ours["batch_id"]) == ("hit.published", "info", 7)
    assert ours["text"] == 'two\nlines and "quotes"'
    assert (theirs["event"], theirs["level"]) == ("it was slow", "warning")


def test_an_error_keeps_its_traceback_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_json=True))
    try:
        int("broken")
    except ValueError:
        logs.get_logger("tests").exception("job.failed", job="publish")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(written(capsys, log_level="warning")) == 1
    assert written(capsys, log_level="error") == []


@pytest.mark.parametrize("library", ["botocore", "urllib3", "procrastinate"])
def test_libraries_that_tell_secrets_or_chat_are_quiet(library: str) -> None:
    logs.configure(Settings(log_level="DEBUG"))
    assert not logging.getLogger(library).isEnabledFor(logging.INFO)
