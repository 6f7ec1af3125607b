"""HIT layouts: kept by the operator, filled by CreateHIT."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from app.marketplace import layouts, questions
from app.marketplace.ids import new_worker_id
from app.marketplace.questions import ExternalQuestion, HTMLQuestion
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import Requester
from app.marketplace.wire_errors import ParameterValidationError
from tests.marketplace.people import PAGE, Browser, hit_values, html_question, publish, turk_code
from tests.marketplace.question_forms.forms import form, free_text, question

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LAYOUT = PAGE.replace("<body>", "<body><p>${text}</p><img src='${url}' alt=''> ${text}")
EXTERNAL = (
    f'<?xml version="1.0"?><ExternalQuestion xmlns="{questions.EXTERNAL_NAMESPACE}">'
    "<ExternalURL>https://example.org/?id=${id}</ExternalURL><FrameHeight>400</FrameHeight></ExternalQuestion>"
)


@pytest.fixture
def keep(marketplace: str, database: Database) -> Callable[..., str]:
    """Keep a layout for the first Requester."""

    def kept(question: str, requester_id: str = FIRST_REQUESTER_ID) -> str:
        with database.transaction() as db:
            return layouts.create(db, requester_id, "A layout", question, NOW)

    return kept


def values(**of: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in of.items()]


def filled(layout_id: str, parameters: list[dict[str, str]]) -> dict[str, Any]:
    """The input of CreateHIT with a layout in the place of the Question."""
    changed = hit_values(HITLayoutId=layout_id, HITLayoutParameters=parameters)
    return {name: value for name, value in changed.items() if name != "Question"}


def test_a_layout_becomes_the_question_of_the_hit(
    mturk: "MTurkClient", keep: Callable[..., str], worker: Callable[[str], Browser]
) -> None:
    layout_id = keep(LAYOUT)
    hit = mturk.create_hit(**filled(layout_id, values(text="Tom &amp; ]]> 👍", url="https://e.example/1", more="x")))[
        "HIT"
    ]
    assert hit["HITLayoutId"] == layout_id
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITLayoutId"] == layout_id
    page = PAGE.replace(
        "<body>", "<body><p>Tom &amp; ]]> 👍</p><img src='https://e.example/1' alt=''> Tom &amp; ]]> 👍"
    )
    assert questions.read(hit["Question"]) == HTMLQuestion(page, 0)
    ada = worker("Ada")
    shown = httpx2.get(f"{ada.url}/frame/{hit['HITId']}", params={"assignmentId": ada.accept(hit["HITTypeId"])})
    assert shown.text == page


def test_a_hit_of_an_existing_type_takes_a_layout_too(mturk: "MTurkClient", keep: Callable[..., str]) -> None:
    hit_type_id = publish(mturk)["HITTypeId"]
    hit = mturk.create_hit_with_hit_type(
        HITTypeId=hit_type_id,
        LifetimeInSeconds=3600,
        HITLayoutId=keep(EXTERNAL),
        HITLayoutParameters=[{"Name": "id", "Value": "7&amp;a=b"}],
    )["HIT"]
    assert questions.read(hit["Question"]) == ExternalQuestion("https://example.org/?id=7&a=b", 400)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ([], "lacks a value for: text, url"),
        (values(text="x"), "lacks a value for: url"),
        (values(text="AT&T", url="x"), "does not validate as HTML5"),
        (values(text="x" * 65_535, url="x"), "65535"),
        (values(text="\x01", url="x"), "well-formed"),
        (values(text="x", url="y") + values(text="z"), "names a parameter twice"),
        (values(text="x", url="y", **{f"n{n}": "" for n in range(24)}), "from 0 to 25"),
    ],
)
def test_what_does_not_fill_the_layout_makes_no_hit(
    mturk: "MTurkClient", keep: Callable[..., str], parameters: list[dict[str, str]], reason: str
) -> None:
    layout_id = keep(LAYOUT)
    with pytest.raises(ClientError, match=reason) as refused:
        mturk.create_hit(**filled(layout_id, parameters))
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"
    assert mturk.list_hits()["NumResults"] == 0


def test_twenty_five_parameters_are_taken(mturk: "MTurkClient", keep: Callable[..., str]) -> None:
    names = values(text="x", url="y", **{f"n{n}": "" for n in range(23)})
    assert mturk.create_hit(**filled(keep(LAYOUT), names))["HIT"]["HITId"]


def test_a_question_and_a_layout_exclude_each_other_and_one_is_needed(
    mturk: "MTurkClient", keep: Callable[..., str]
) -> None:
    layout_id = keep(LAYOUT)
    both = {**filled(layout_id, values(text="x", url="y")), "Question": html_question()}
    neither = {name: value for name, value in hit_values().items() if name != "Question"}
    parameters_alone = {**hit_values(), "HITLayoutParameters": values(text="x")}
    for wrong in (both, neither, parameters_alone):
        with pytest.raises(ClientError, match="HITLayoutId"):
            mturk.create_hit(**wrong)


def test_a_strangers_layout_does_not_exist(mturk: "MTurkClient", keep: Callable[..., str], database: Database) -> None:
    stranger = new_worker_id()
    with database.transaction() as db:
        db.add(Requester(id=stranger, name="Mallory", available_usd=0, on_hold_usd=0, created_at=NOW))
    for layout_id in (keep(LAYOUT, stranger), "3NONE"):
        with pytest.raises(ClientError, match="does not exist") as refused:
            mturk.create_hit(**filled(layout_id, values(text="x", url="y")))
        assert turk_code(refused.value) == "AWS.MechanicalTurk.HITLayoutDoesNotExist"


@pytest.mark.parametrize(
    "question",
    [
        "",
        "<p>AT&T</p>",
        "x" * 65_536,
        "a\0b",
        "<QuestionForm",
        form(),
        EXTERNAL.replace("https://example.org/?id=${id}", "x"),
    ],
)
def test_a_layout_that_can_never_be_a_question_is_not_kept(keep: Callable[..., str], question: str) -> None:
    with pytest.raises(ParameterValidationError):
        keep(question)


def test_the_placeholders_of_a_form_are_found_and_filled(mturk: "MTurkClient", keep: Callable[..., str]) -> None:
    xml = form(question(free_text(), content="<Text>${a} and ${b.c} and ${a}, not $a or ${}</Text>"))
    assert layouts.placeholders(xml) == ["a", "b.c"]
    hit = mturk.create_hit(**filled(keep(xml), [{"Name": "a", "Value": "1"}, {"Name": "b.c", "Value": "${a}"}]))["HIT"]
    assert "<Text>1 and ${a} and 1, not $a or ${}</Text>" in hit["Question"]
