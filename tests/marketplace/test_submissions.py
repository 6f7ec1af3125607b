"""externalSubmit: what it takes, and what it refuses and does not store."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from defusedxml.ElementTree import fromstring

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

SUBMIT = "/mturk/externalSubmit"


@pytest.fixture
def hit_id(mturk: "MTurkClient") -> str:
    return publish(mturk)["HITId"]


@pytest.fixture
def assignment_id(mturk: "MTurkClient", hit_id: str, worker: Callable[[str], Browser]) -> str:
    return worker("Ada").accept(mturk.get_hit(HITId=hit_id)["HIT"]["HITTypeId"])


def stored(mturk: "MTurkClient", hit_id: str) -> list[dict[str, str]]:
    """The answers of the HIT's Assignments, field by field."""
    answers = []
    for assignment in mturk.list_assignments_for_hit(HITId=hit_id)["Assignments"]:
        texts = [element.text or "" for element in fromstring(assignment["Answer"].encode()).iter() if not len(element)]
        answers.append(dict(zip(texts[::2], texts[1::2], strict=True)))
    return answers


def test_a_posted_form_is_stored_field_by_field(
    mturk: "MTurkClient", marketplace: str, hit_id: str, assignment_id: str
) -> None:
    fields = {
        "assignmentId": assignment_id,
        "hitId": "3OTHER",
        "q": ["first", "last"],
        "text": "two\r\nlines <b>&amp; 👍 \x00",
        "empty": "",
    }
    assert httpx2.post(marketplace + SUBMIT, data=fields).status_code == 200
    assert stored(mturk, hit_id) == [{"q": "last", "text": "two\r\nlines <b>&amp; 👍 \ufffd", "empty": ""}]


def test_two_slashes_get_and_multipart_are_taken_too(
    mturk: "MTurkClient", marketplace: str, worker: Callable[[str], Browser], hit_id: str
) -> None:
    hit_type_id = mturk.get_hit(HITId=hit_id)["HIT"]["HITTypeId"]
    taken = [worker(name).accept(hit_type_id) for name in ("Ada", "Bob", "Mallory")]
    assert httpx2.post(marketplace + "/" + SUBMIT, data={"assignmentId": taken[0], "q": "0"}).status_code == 200
    assert httpx2.get(marketplace + SUBMIT, params={"assignmentId": taken[1], "q": "1"}).status_code == 200
    boundary = "xyz"
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("assignmentId", taken[2]), ("q", "2"))
    )
    shown = httpx2.post(
        marketplace + SUBMIT,
        content=f"{body}--{boundary}--\r\n",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert shown.status_code == 200
    assert stored(mturk, hit_id) == [{"q": "0"}, {"q": "1"}, {"q": "2"}]


def test_fields_in_the_forms_address_count_and_those_of_its_body_come_after_them(
    mturk: "MTurkClient", marketplace: str, worker: Callable[[str], Browser], hit_id: str
) -> None:
    hit_type_id = mturk.get_hit(HITId=hit_id)["HIT"]["HITTypeId"]
    first, second = (worker(name).accept(hit_type_id) for name in ("Ada", "Bob"))
    assert httpx2.post(f"{marketplace}{SUBMIT}?assignmentId={first}&foo=1").status_code == 200
    shown = httpx2.post(f"{marketplace}{SUBMIT}?assignmentId=3X&q=0&p=0", data={"assignmentId": second, "q": "1"})
    assert shown.status_code == 200
    assert stored(mturk, hit_id) == [{"foo": "1"}, {"q": "1", "p": "0"}]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"q": "1"}, 400),
        ({"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "q": "1"}, 400),
        ({"assignmentId": "3UNKNOWN", "q": "1"}, 404),
        ({"assignmentId": "\x00'; DROP TABLE", "q": "1"}, 404),
        ({"assignmentId": "OWN"}, 400),
        ({"assignmentId": "OWN", "hitId": "3A", "workerId": "A", "turkSubmitTo": "x"}, 400),
        ({"assignmentId": "OWN", "q": "x" * 1_100_000}, 413),
        ({"assignmentId": "OWN", "q": "x" * 20_000_000}, 413),
    ],
)
def test_what_is_no_answer_is_refused_in_words_and_not_stored(
    mturk: "MTurkClient", marketplace: str, hit_id: str, assignment_id: str, *, fields: dict[str, str], status: int
) -> None:
    fields = {name: assignment_id if value == "OWN" else value for name, value in fields.items()}
    try:
        shown = httpx2.post(marketplace + SUBMIT, data=fields)
    except httpx2.TransportError:
        assert len(fields["q"]) > 16_000_000  # cut off by the server
    else:
        assert shown.status_code == status
        assert 'id="refusal"' in shown.text or shown.text == "Content Too Large"
    assert stored(mturk, hit_id) == []
    assert httpx2.post(marketplace + SUBMIT, data={"assignmentId": assignment_id, "q": "1"}).status_code == 200


def test_a_file_field_in_which_nothing_was_chosen_does_not_matter(
    mturk: "MTurkClient", marketplace: str, hit_id: str, assignment_id: str
) -> None:
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n{value}\r\n'
        for name, rest, value in (
            ("assignmentId", "", assignment_id),
            ("photo", '; filename=""\r\nContent-Type: application/octet-stream', ""),
            ("scan", '; filename=""\r\nContent-Type: application/octet-stream', ""),
            ("q", "", "1"),
        )
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    shown = httpx2.post(marketplace + SUBMIT, content=(body + "--x--\r\n").encode(), headers=headers)
    assert shown.status_code == 200, shown.text
    assert len(stored(mturk, hit_id)) == 1


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"\xff\xfe=1", "multipart/form-data"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b'{"assignmentId": "3A"}', "application/json"),
        (b"a=1&" * 5000, "application/x-www-form-urlencoded"),
        (b"%ff=%00&=&&&", "application/x-www-form-urlencoded"),
    ],
)
def test_a_broken_form_is_refused(marketplace: str, content: bytes, content_type: str) -> None:
    shown = httpx2.post(marketplace + SUBMIT, content=content, headers={"Content-Type": content_type})
    assert shown.status_code == 400
    assert 'id="refusal"' in shown.text


def test_a_file_is_refused(marketplace: str, assignment_id: str) -> None:
    shown = httpx2.post(marketplace + SUBMIT, data={"assignmentId": assignment_id}, files={"q": b"x"})
    assert (shown.status_code, "files cannot be submitted" in shown.text) == (400, True)


def test_only_the_first_answer_counts(mturk: "MTurkClient", marketplace: str, hit_id: str, assignment_id: str) -> None:
    first = httpx2.post(marketplace + SUBMIT, data={"assignmentId": assignment_id, "q": "first"})
    second = httpx2.post(marketplace + SUBMIT, data={"assignmentId": assignment_id, "q": "second"})
    assert (first.status_code, second.status_code) == (200, 409)
    assert "Your first answer counts" in second.text
    assert stored(mturk, hit_id) == [{"q": "first"}]


def test_returned_and_late_work_is_refused(
    mturk: "MTurkClient", marketplace: str, worker: Callable[[str], Browser], hit_id: str, clock: MovedClock
) -> None:
    ada = worker("Ada")
    hit_type_id = mturk.get_hit(HITId=hit_id)["HIT"]["HITTypeId"]
    returned = ada.accept(hit_type_id)
    ada.post(f"/assignments/{returned}/return")
    assert "You have returned" in ada.submit(returned).text
    late = ada.accept(hit_type_id)
    clock.advance(seconds=601)
    shown = ada.submit(late)
    assert (shown.status_code, "time for this assignment is over" in shown.text) == (409, True)
    assert stored(mturk, hit_id) == []


def test_a_form_that_goes_nowhere_says_so(
    mturk: "MTurkClient", marketplace: str, hit_id: str, assignment_id: str
) -> None:
    shown = httpx2.post(f"{marketplace}/frame/{hit_id}?assignmentId={assignment_id}", data={"q": "1"})
    assert (shown.status_code, "no address to send answers to" in shown.text) == (405, True)
    assert stored(mturk, hit_id) == []
