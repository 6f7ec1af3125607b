"""HIT layouts: made and looked at by their owner alone."""

from html import escape
from typing import TYPE_CHECKING

import pytest

from app.db.engine import Database
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import HITLayout
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import hit_values
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

PAGE = "<!doctype html>\r\n<html><body><p>${text} or ${other}?</p><form></form></body></html>"


def test_layouts_are_shown_as_text(rita: Office, mallory: Office, database: Database, clock: MovedClock) -> None:
    with database.transaction() as db:
        db.add(
            HITLayout(
                id="3LAYOUT",
                requester_id=FIRST_REQUESTER_ID,
                name="Tea <b>",
                question="<h1>${x}</h1>",
                created_at=clock(),
            )
        )
    assert "Tea &lt;b&gt;" in rita.get("layouts")
    assert "&lt;h1&gt;${x}&lt;/h1&gt;" in rita.get("layouts/3LAYOUT")
    assert "Tea" not in mallory.get("layouts")
    mallory.get("layouts/3LAYOUT", status=404)


def test_a_layout_is_made_from_a_page_and_used_by_a_program(
    rita: Office, mallory: Office, mturk: "MTurkClient"
) -> None:
    shown = rita.post("layouts", name=" Tea  or coffee ", question=PAGE)
    assert "The layout is made" in shown
    assert between(shown, 'id="placeholders">', "</dd>") == "<code>text</code>, <code>other</code>"
    layout_id = between(shown, '<dt>HITLayoutId</dt><dd class="mono">', "<")
    values = {name: value for name, value in hit_values().items() if name != "Question"}
    hit = mturk.create_hit(
        **values,
        HITLayoutId=layout_id,
        HITLayoutParameters=[{"Name": "text", "Value": "Tea"}, {"Name": "other", "Value": "coffee"}],
    )["HIT"]
    assert "<!doctype html>\n<html><body><p>Tea or coffee?</p>" in hit["Question"]
    assert "Tea or coffee" in rita.get("layouts")
    assert "Tea or coffee" not in mallory.get("layouts")


@pytest.mark.parametrize(
    ("name", "question", "problem"),
    [
        ("", PAGE, "The value &#34;&#34; is not valid for the parameter Name."),
        ("x" * 201, PAGE, "is not valid for the parameter Name."),
        ("Tea", "<p>A & B<b", "does not validate as HTML5"),
        ("Tea", "<!doctype html>" + "x" * 70_000 + "${a}", "Question"),
    ],
)
def test_what_cannot_be_a_layout_is_told_and_the_form_keeps_what_was_typed(
    rita: Office, name: str, question: str, problem: str
) -> None:
    shown = rita.post("layouts", name=name, question=question, status=422)
    assert problem in between(shown, 'id="problem">', "</p>")
    assert "No layout yet" in shown
    assert escape(question[:9]) in between(shown, 'name="question"', "</textarea>")
