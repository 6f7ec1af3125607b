"""A HIT that is a QuestionForm, from CreateHIT to its Answer, as a Worker without JavaScript does it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from botocore.exceptions import ClientError
from defusedxml.ElementTree import fromstring

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish, turk_code
from tests.marketplace.question_forms.forms import PICTURE, form, free_text, overview, question, selection

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import HITTypeDef

FORM = form(
    overview(f"<Title>Cats &amp; dogs</Title>{PICTURE}"),
    question(selection("cat", "dog", other=""), id="animal", required=True),
    question(free_text('<IsNumeric minValue="1" maxValue="30"/>'), id="age"),
    question(selection("tail", "ears", style="checkbox"), id="seen"),
)


@pytest.fixture
def hit(mturk: "MTurkClient") -> "HITTypeDef":
    return publish(mturk, Question=FORM)


def framed(ada: Browser, hit: "HITTypeDef", assignment_id: str) -> httpx2.Response:
    """What stands in the frame: fetched without a cookie."""
    return httpx2.get(f"{ada.url}/frame/{hit['HITId']}", params={"assignmentId": assignment_id})


def submitted(ada: Browser, assignment_id: str, **fields: str | list[str]) -> httpx2.Response:
    return httpx2.post(f"{ada.url}/mturk/externalSubmit", data={"assignmentId": assignment_id, **fields})


def stored(mturk: "MTurkClient", hit: "HITTypeDef") -> list[list[str]]:
    """The texts of each answer, in order."""
    found = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    return [[one.text or "" for one in fromstring(each["Answer"].encode()).iter() if not len(one)] for each in found]


def test_a_whole_hit_without_javascript(
    mturk: "MTurkClient", hit: "HITTypeDef", worker: Callable[[str], Browser]
) -> None:
    assert hit["Question"] == FORM
    ada = worker("Ada")
    preview = ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    assert f"/frame/{hit['HITId']}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE" in preview
    assignment_id = ada.accept(hit["HITTypeId"])
    shown = framed(ada, hit, assignment_id)
    assert "Cats &amp; dogs" in shown.text
    assert 'action="/mturk/externalSubmit"' in shown.text
    assert f'name="assignmentId" value="{assignment_id}"' in shown.text
    assert "disabled" not in shown.text.rpartition("</style>")[2]
    done = submitted(ada, assignment_id, q1="cat", q2="7", q3=["ears", "tail"])
    assert (done.status_code, 'id="submitted"' in done.text) == (200, True)
    assert stored(mturk, hit) == [["animal", "cat", "age", "7", "seen", "tail", "ears"]]
    mturk.approve_assignment(AssignmentId=assignment_id)


def test_a_faulty_answer_comes_back_with_what_was_typed_and_nothing_is_stored(
    mturk: "MTurkClient", hit: "HITTypeDef", worker: Callable[[str], Browser]
) -> None:
    ada = worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    shown = submitted(ada, assignment_id, q2="31 <b>", q3="ears")
    assert shown.status_code == 422
    assert "Please answer this question." in shown.text
    assert "Please enter a number." in shown.text
    assert 'value="31 &lt;b&gt;"' in shown.text
    assert 'value="ears" checked' in shown.text
    assert stored(mturk, hit) == []
    assert submitted(ada, assignment_id, q1="", **{"q1.other": "a cow"}, q2="30").status_code == 200
    assert stored(mturk, hit) == [["animal", "a cow", "age", "30"]]


def test_a_preview_says_why_it_cannot_be_submitted(hit: "HITTypeDef", worker: Callable[[str], Browser]) -> None:
    ada = worker("Ada")
    shown = framed(ada, hit, "ASSIGNMENT_ID_NOT_AVAILABLE").text
    assert '<button disabled aria-describedby="preview-note">' in shown
    assert "Accept the HIT to submit an answer." in shown
    refused = submitted(ada, "ASSIGNMENT_ID_NOT_AVAILABLE", q1="cat")
    assert (refused.status_code, "This is a preview" in refused.text) == (400, True)


def test_the_frame_is_sandboxed_and_loads_nothing_but_media(
    hit: "HITTypeDef", worker: Callable[[str], Browser]
) -> None:
    shown = framed(worker("Ada"), hit, "ASSIGNMENT_ID_NOT_AVAILABLE")
    policy = shown.headers["content-security-policy"]
    assert "sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-same-origin" not in policy
    assert policy.startswith("default-src 'none'; style-src 'nonce-")
    assert shown.headers["referrer-policy"] == "no-referrer"


def test_a_form_is_shown_and_taken_only_while_the_assignment_is_open(
    mturk: "MTurkClient", hit: "HITTypeDef", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    ada, bob = worker("Ada"), worker("Bob")
    assignment_id = ada.accept(hit["HITTypeId"])
    assert submitted(ada, assignment_id, q1="cat").status_code == 200
    again = submitted(ada, assignment_id, q1="nonsense")
    assert (again.status_code, "already submitted" in again.text) == (409, True)
    assert framed(ada, hit, assignment_id).status_code == 404
    late = bob.accept(hit["HITTypeId"])
    clock.advance(seconds=601)
    shown = submitted(bob, late, q2="nonsense")
    assert (shown.status_code, "time for this assignment is over" in shown.text) == (409, True)
    assert len(stored(mturk, hit)) == 1


def test_another_workers_form_is_not_this_workers(hit: "HITTypeDef", worker: Callable[[str], Browser]) -> None:
    ada, bob = worker("Ada"), worker("Bob")
    assignment_id = ada.accept(hit["HITTypeId"])
    for fields in ({"q1": "cat"}, {"q2": "nonsense"}):
        shown = bob.http.post("/mturk/externalSubmit", data={"assignmentId": assignment_id, **fields})
        assert shown.status_code == 404
        assert "data-question-id" not in shown.text


@pytest.mark.parametrize(
    "xml",
    [
        form(question(selection())),
        form(question("<FileUploadAnswer/>")),
        FORM.replace("2017-11-06", "2018-01-01"),
        FORM.replace("</QuestionForm>", ""),
        FORM + " " * 65_535,
    ],
)
def test_a_broken_form_makes_no_hit(mturk: "MTurkClient", xml: str) -> None:
    with pytest.raises(ClientError) as refused:
        publish(mturk, Question=xml)
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"
    assert mturk.list_hits()["NumResults"] == 0


def test_no_file_can_be_fetched_any_more(
    mturk: "MTurkClient", hit: "HITTypeDef", worker: Callable[[str], Browser]
) -> None:
    ada = worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    with pytest.raises(ClientError, match="status of: Reviewable,Approved,Rejected"):
        mturk.get_file_upload_url(AssignmentId=assignment_id, QuestionIdentifier="animal")
    assert submitted(ada, assignment_id, q1="cat").status_code == 200
    with pytest.raises(ClientError, match="File uploads ended on 2017-12-12") as refused:
        mturk.get_file_upload_url(AssignmentId=assignment_id, QuestionIdentifier="animal")
    assert turk_code(refused.value) == "AWS.MechanicalTurk.UnsupportedOperation"
    with pytest.raises(ClientError, match="does not exist"):
        mturk.get_file_upload_url(AssignmentId="3NONE", QuestionIdentifier="animal")
