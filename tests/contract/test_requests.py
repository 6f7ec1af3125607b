"""Every parameter of every operation against botocore's service model, where boto3 itself would not let us."""

import json

import pytest

from app.marketplace import wire
from tests.contract import recording, specimens
from tests.contract.conftest import Post
from tests.contract.raw_wire import Answer

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

OPERATIONS = sorted(wire.operation_names())


def is_refused(answer: Answer, *types: str) -> bool:
    """HTTP 400 with an error of MTurk's form and one of these types."""
    return answer.status == 400 and answer.type in types and answer.message.endswith(")")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_required_parameter_may_not_be_missing_or_null(operation: str, post: Post) -> None:
    wrong = []
    for path in required(operation):
        for document in (specimens.without(operation, path), specimens.spoiled(operation, path, None)):
            answer = post(operation, document, about=path)
            if not is_refused(answer, "ValidationException") or "null" not in answer.message:
                wrong.append((path, answer))
    assert wrong == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_parameter_takes_a_value_of_another_type(operation: str, post: Post) -> None:
    wrong = []
    for path, shape in recording.parameters(operation).items():
        for value in specimens.other_types(shape):
            answer = post(operation, specimens.spoiled(operation, path, value), about=path)
            if not is_refused(answer, "SerializationException"):
                wrong.append((path, value, answer))
    assert wrong == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_parameter_takes_a_value_beyond_the_service_model(operation: str, post: Post) -> None:
    wrong = []
    for path, shape in recording.parameters(operation).items():
        for value in specimens.beyond_the_model(shape):
            answer = post(operation, specimens.spoiled(operation, path, value), about=path)
            if not is_refused(answer, "ParameterValidationError", "ValidationException", "SerializationException"):
                wrong.append((path, value, answer))
    assert wrong == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_input_is_one_json_object(operation: str, post: Post) -> None:
    for body in (b"[]", b"5", b"null", b'"text"', b"{", b"\xff", b"[" * 3000, b'{"a": NaN}', b"{}{}"):
        assert is_refused(post(operation, body), "SerializationException"), body


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if recording.parameters(name)])
def test_what_the_model_does_not_know_is_ignored(operation: str, post: Post) -> None:
    # With a required member missing besides, so that nothing happens.
    paths = required(operation)
    if not paths:
        assert post(operation, {"Unheard": {"of": [1]}}).type in {"", "RequestError", "ParameterValidationError"}
        return
    answer = post(operation, {**specimens.without(operation, paths[0]), "Unheard": {"of": [1]}}, about=paths[0])
    assert is_refused(answer, "ValidationException")


def required(operation: str) -> list[str]:
    """The paths of an operation's required parameters, nested ones too."""
    model = wire.service_model().operation_model(operation).input_shape
    needed = set([] if model is None else model.required_members)
    for path, shape in recording.parameters(operation).items():
        inner = getattr(shape, "member", shape)
        needed |= {
            f"{path}{'[]' if inner is not shape else ''}.{name}" for name in getattr(inner, "required_members", [])
        }
    return sorted(needed)


def test_an_operation_that_does_not_exist_is_named_as_such(post: Post) -> None:
    for name in ("SearchHITs", "", "getHIT", "GetHIT "):
        answer = post(name, {})
        assert is_refused(answer, "UnknownOperationException"), (name, answer)


def test_every_reply_has_its_own_request_id_and_mturks_content_type(post: Post) -> None:
    answers = [post("GetAccountBalance", {}), post("GetAccountBalance", {}), post("GetHIT", {"HITId": 5})]
    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == 3
    assert {answer.headers["content-type"] for answer in answers} == {"application/x-amz-json-1.1"}


def test_timestamps_are_numbers_and_ids_are_thirty_characters(post: Post) -> None:
    made = post("CreateHIT", HIT_BY_HAND).document["HIT"]
    assert isinstance(made["Expiration"], int | float)
    assert made["Expiration"] - made["CreationTime"] == pytest.approx(3600)
    for name in ("HITId", "HITTypeId", "HITGroupId"):
        assert len(made[name]) == 30
        assert made[name].startswith("3")
    assert len({made["HITId"], made["HITTypeId"], made["HITGroupId"]}) == 3
    assert json.dumps(made).isascii()


HIT_BY_HAND = {
    "Title": "Füße, 脚, قدم",
    "Description": "By hand",
    "Reward": "0.01",
    "LifetimeInSeconds": 3600,
    "AssignmentDurationInSeconds": 60,
    "Question": (
        '<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/'
        'ExternalQuestion.xsd"><ExternalURL>https://example.org/a?b=1&amp;c=2</ExternalURL><FrameHeight>400</FrameHeight>'
        "</ExternalQuestion>"
    ),
}
