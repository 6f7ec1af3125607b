"""`labeljury marketplace layout`."""

import re
from pathlib import Path

import pytest

from app.db.engine import Database
from app.marketplace import layouts
from app.marketplace.requesters import FIRST_REQUESTER_ID
from tests.cli.test_commands import Typist, rita

__all__ = ["rita"]


def test_a_layout_is_kept_and_listed(rita: Typist, database: Database, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>${text} and ${more}</p>")
    assert rita.types("marketplace", "layout", "add", "Which [label]?", "page.html") == 0, rita.complained
    found = re.match(r"(3[A-Z0-9]{29})  Which \[label\]\?  \(placeholders: text, more\)\n", rita.said)
    assert found, rita.said
    assert rita.types("marketplace", "layout", "list") == 0
    assert rita.said == f"{found[1]}  Which [label]?  (placeholders: text, more)\n"
    with database.transaction() as db:
        assert [layout.id for layout in layouts.owned_by(db, FIRST_REQUESTER_ID)] == [found[1]]


def test_without_layouts_the_list_says_how_to_make_one(rita: Typist) -> None:
    assert rita.types("marketplace", "layout", "list") == 0
    assert "labeljury marketplace layout add NAME FILE" in rita.said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<p>AT&T</p>", "does not validate as HTML5"),
        (b"\xff\xfe", "cannot be read as UTF-8"),
    ],
)
def test_a_layout_that_cannot_be_used_is_refused(rita: Typist, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "page.html").write_bytes(content)
    assert rita.types("marketplace", "layout", "add", "A", "page.html") == 2
    assert reason in " ".join(rita.complained.split())


def test_an_unknown_requester_is_named(rita: Typist, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>x</p>")
    assert rita.types("marketplace", "layout", "add", "A", "page.html", "--requester", "ANOBODY") == 1
    assert "ANOBODY does not exist; `labeljury marketplace requester list`" in " ".join(rita.complained.split())
