"""`labeljury marketplace channel`: the operator opens, lists and closes the ways in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.marketplace.store import Channel
from tests.cli.test_commands import Typist, rita

__all__ = ["rita"]


def test_a_prolific_channel_is_opened_listed_and_closed(rita: Typist) -> None:
    assert (
        rita.types("marketplace", "channel", "add", "Tea?", "--kind", "prolific", "--code", "C1", "--per-visit", "5")
        == 0
    )
    assert re.search(r"^Channel 1: http\S+/enter/\S+\?PROLIFIC_PID=\{\{%PROLIFIC_PID%\}\}&STUDY_ID=", rita.said)
    assert rita.types("marketplace", "channel", "list") == 0
    assert "1  Tea?  (prolific, open): 0 Workers, 0 visits, 0 finished, 0 submitted, 0 approved" in rita.said
    assert rita.types("marketplace", "channel", "close", "1") == 0
    assert rita.types("marketplace", "channel", "list") == 0
    assert "(prolific, closed)" in rita.said


def test_single_use_links_are_printed_once_each_with_its_name(rita: Typist) -> None:
    assert rita.types("marketplace", "channel", "add", "Raters", "--single-use") == 0
    assert "channel invite 1" in rita.said
    assert rita.types("marketplace", "channel", "invite", "1", "Ada", "Bob", "--expires-in-days", "7") == 0
    links = re.findall(r"(http\S+/enter/\S+)  (Ada|Bob)$", rita.said, re.MULTILINE)
    assert [name for _, name in links] == ["Ada", "Bob"]
    assert len({link for link, _ in links}) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["add", "Tea?", "--kind", "connect"], "completion_code"),
        (["add", "Tea?", "--kind", "generic", "--code", "C"], "worker_parameter"),
        (["add", "Tea?", "--completion-url", "http://panel.example/"], "https://"),
        (["close", "7"], "channel 7 does not exist"),
        (["list", "--requester", "nobody"], "nobody"),
    ],
)
def test_a_faulty_channel_is_explained(rita: Typist, typed: list[str], said: str) -> None:
    assert rita.types("marketplace", "channel", *typed) == 1
    assert said in rita.complained


def test_an_invitation_of_a_rehearsal_lasts_by_the_marketplaces_clock(
    rita: Typist, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELJURY_MARKETPLACE_REHEARSAL", "true")
    assert rita.types("marketplace", "clock", "advance", "30d") == 0
    assert rita.types("marketplace", "channel", "add", "Raters", "--expires-in-days", "1") == 0
    with database.transaction() as db:
        expires_at = db.scalars(select(Channel.expires_at)).one()
    assert expires_at is not None
    assert expires_at - datetime.now(UTC) > timedelta(days=30)
