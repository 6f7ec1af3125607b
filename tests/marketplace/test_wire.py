"""The wire as boto3 and other clients speak it, and as nobody should."""

import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import httpx2
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.marketplace import wire
from app.marketplace.operations import OPERATIONS
from app.secrets import Credentials
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import hit_values, html_question, publish, turk_code

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

TARGET = "MTurkRequesterServiceV20170117."


def post(
    url: str,
    credentials: Credentials,
    body: bytes,
    *,
    target: str = TARGET + "ListHITs",
    token: str | None = None,
    signed: dict[str, str] | None = None,
    unsigned: dict[str, str] | None = None,
    date: str | None = None,
) -> httpx2.Response:
    """A request signed by botocore over exactly these headers, host and x-amz-date."""
    headers = {"X-Amz-Target": target} if signed is None else signed
    request = AWSRequest("POST", url + "/", data=body, headers=headers)
    keys = BotoCredentials(credentials.access_key_id, credentials.secret_access_key, token)
    SigV4Auth(keys, "mturk-requester", "us-east-1").add_auth(request)
    if date is not None:
        request.headers.replace_header("X-Amz-Date", date)
    return httpx2.post(url + "/", content=body, headers={**dict(request.headers.items()), **(unsigned or {})})


def code_of(response: httpx2.Response) -> str:
    assert response.headers["content-type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-requestid"]
    return str(response.json()["__type"])


def test_a_client_may_sign_few_headers(marketplace: str, credentials: Credentials) -> None:
    shown = post(
        marketplace, credentials, b"{}", unsigned={"Content-Type": "application/x-amz-json-1.1", "X-More": "1"}
    )
    assert shown.status_code == 200
    assert shown.json() == {"NumResults": 0, "HITs": []}


def test_an_operation_that_was_not_signed_is_refused_so_that_no_other_can_take_its_place(
    marketplace: str, credentials: Credentials
) -> None:
    shown = post(marketplace, credentials, b"{}", signed={}, unsigned={"X-Amz-Target": TARGET + "ListHITs"})
    assert (shown.status_code, code_of(shown)) == (403, "InvalidSignatureException")
    assert "host, x-amz-date and x-amz-target must be signed" in shown.json()["Message"]
    swapped = post(marketplace, credentials, b"{}", unsigned={"X-Amz-Target": TARGET + "GetAccountBalance"})
    assert (swapped.status_code, code_of(swapped)) == (403, "InvalidSignatureException")


def test_a_client_may_sign_more_headers_and_a_session_token(marketplace: str, credentials: Credentials) -> None:
    signed = {"X-Amz-Target": TARGET + "ListHITs", "X-Odd": "three   spaces", "Content-Type": "application/json"}
    assert post(marketplace, credentials, b"{}", signed=signed, token="temporary").status_code == 200


def test_a_body_that_was_not_signed_is_refused(marketplace: str, credentials: Credentials) -> None:
    request = AWSRequest("POST", marketplace + "/", data=b"{}", headers={"X-Amz-Target": TARGET + "ListHITs"})
    keys = BotoCredentials(credentials.access_key_id, credentials.secret_access_key)
    SigV4Auth(keys, "mturk-requester", "us-east-1").add_auth(request)
    shown = httpx2.post(marketplace + "/", content=b'{"MaxResults": 1}', headers=dict(request.headers.items()))
    assert (shown.status_code, code_of(shown)) == (403, "InvalidSignatureException")


def test_an_old_signature_is_refused(marketplace: str, credentials: Credentials) -> None:
    shown = post(marketplace, credentials, b"{}", date="20200101T000000Z")
    assert (shown.status_code, code_of(shown)) == (403, "InvalidSignatureException")
    shown = post(marketplace, credentials, b"{}", date="yesterday")
    assert code_of(shown) == "IncompleteSignatureException"


def test_another_service_cannot_lend_its_signature(marketplace: str, credentials: Credentials) -> None:
    request = AWSRequest("POST", marketplace + "/", data=b"{}", headers={"X-Amz-Target": TARGET + "ListHITs"})
    SigV4Auth(BotoCredentials(credentials.access_key_id, credentials.secret_access_key), "sqs", "us-east-1").add_auth(
        request
    )
    shown = httpx2.post(marketplace + "/", content=b"{}", headers=dict(request.headers.items()))
    assert code_of(shown) == "InvalidSignatureException"


def test_wrong_keys_are_refused(marketplace: str, credentials: Credentials) -> None:
    wrong_secret = mturk_client(marketplace, Credentials(credentials.access_key_id, "wrong"))
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        wrong_secret.get_account_balance()
    nobody = mturk_client(marketplace, Credentials("AKIDNOBODY", credentials.secret_access_key))
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        nobody.get_account_balance()


def test_an_unsigned_client_is_refused(marketplace: str) -> None:
    client = boto3.client(
        "mturk", endpoint_url=marketplace, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        client.get_account_balance()
    odd = httpx2.post(
        marketplace + "/", content=b"{}", headers={"X-Amz-Target": TARGET + "ListHITs", "Authorization": "Basic eDp5"}
    )
    assert (odd.status_code, code_of(odd)) == (400, "IncompleteSignatureException")


def test_the_sandbox_region_may_sign_too(marketplace: str, credentials: Credentials) -> None:
    client = boto3.client(
        "mturk",
        endpoint_url=marketplace,
        region_name="sandbox",
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
    )
    assert client.get_account_balance()["AvailableBalance"] == "10000.00"


def test_what_boto3_does_not_check_is_checked_here(mturk: "MTurkClient") -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: mturk.list_hits(MaxResults=101), "Valid values range from 1 to 100"),
        (lambda: mturk.get_hit(HITId="lower case"), "HITId"),
        (lambda: mturk.get_hit(HITId="A" * 65), "HITId"),
        (lambda: publish(mturk, Reward="abc"), "Reward"),
        (lambda: publish(mturk, Reward="0.055"), "Reward"),
        (lambda: publish(mturk, Reward=".05"), "Reward"),
        (lambda: publish(mturk, Reward="10000.01"), "Reward"),
        (lambda: publish(mturk, MaxAssignments=0), "MaxAssignments"),
        (lambda: publish(mturk, LifetimeInSeconds=29), "LifetimeInSeconds"),
        (lambda: publish(mturk, AssignmentDurationInSeconds=31_536_001), "AssignmentDurationInSeconds"),
        (lambda: publish(mturk, AutoApprovalDelayInSeconds=-1), "AutoApprovalDelayInSeconds"),
        (lambda: publish(mturk, Title="x" * 129), "Title"),
        (lambda: publish(mturk, Title=""), "Title"),
        (lambda: publish(mturk, Keywords="x" * 1001), "Keywords"),
        (lambda: publish(mturk, RequesterAnnotation="x" * 256), "RequesterAnnotation"),
        (lambda: publish(mturk, Title="a\x00b"), "Title"),
        (lambda: publish(mturk, UniqueRequestToken="x" * 65), "UniqueRequestToken"),
    ]
    for call, message in calls:
        with pytest.raises(ClientError, match=message) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "ParameterValidationError"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert mturk.list_hits()["NumResults"] == 0


def test_a_missing_hit_is_a_request_error_with_its_code_and_the_epoch_milliseconds(mturk: "MTurkClient") -> None:
    with pytest.raises(mturk.exceptions.RequestError, match=r"Hit 3ABC does not exist\. \(\d{13}\)") as refused:
        mturk.get_hit(HITId="3ABC")
    assert turk_code(refused.value) == "AWS.MechanicalTurk.HITDoesNotExist"


def test_equal_values_are_one_hit_type_and_share_a_group(mturk: "MTurkClient") -> None:
    one, same, other = publish(mturk), publish(mturk, MaxAssignments=2), publish(mturk, Reward="0.06")
    assert (one["HITTypeId"], one["HITGroupId"]) == (same["HITTypeId"], same["HITGroupId"])
    assert other["HITTypeId"] != one["HITTypeId"]
    values = {name: hit_values()[name] for name in ("Title", "Description", "Reward", "AssignmentDurationInSeconds")}
    assert mturk.create_hit_type(**{**values, "Reward": "0.05"})["HITTypeId"] == one["HITTypeId"]
    by_type = mturk.create_hit_with_hit_type(
        HITTypeId=one["HITTypeId"], LifetimeInSeconds=60, Question=html_question(), RequesterAnnotation="batch 7"
    )["HIT"]
    assert (by_type["HITGroupId"], by_type["MaxAssignments"]) == (one["HITGroupId"], 1)
    assert by_type["RequesterAnnotation"] == "batch 7"
    assert "RequesterAnnotation" not in one
    assert len({one["HITId"], one["HITTypeId"], one["HITGroupId"]}) == 3


def test_requirements_are_echoed_with_both_guards(mturk: "MTurkClient") -> None:
    hit = publish(
        mturk,
        QualificationRequirements=[
            {"QualificationTypeId": "000000000000000000L0", "Comparator": "GreaterThan", "IntegerValues": [95]},
            {
                "QualificationTypeId": "00000000000000000071",
                "Comparator": "In",
                "LocaleValues": [{"Country": "US", "Subdivision": "NY"}, {"Country": "CH"}],
                "ActionsGuarded": "DiscoverPreviewAndAccept",
            },
        ],
    )
    guards = [(one["ActionsGuarded"], one["RequiredToPreview"]) for one in hit["QualificationRequirements"]]
    assert guards == [("Accept", False), ("DiscoverPreviewAndAccept", True)]
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["QualificationRequirements"] == hit["QualificationRequirements"]


@pytest.mark.parametrize(
    "requirement",
    [
        {"Comparator": "Exists", "IntegerValues": [1]},
        {"Comparator": "EqualTo"},
        {"Comparator": "EqualTo", "IntegerValues": [1, 2]},
        {"Comparator": "In", "IntegerValues": list(range(16))},
        {"Comparator": "GreaterThan", "LocaleValues": [{"Country": "US"}]},
        {"Comparator": "EqualTo", "LocaleValues": [{"Country": "CH", "Subdivision": "ZH"}]},
        {"Comparator": "SortOf", "IntegerValues": [1]},
        {"Comparator": "Exists", "ActionsGuarded": "Accept", "RequiredToPreview": True},
    ],
)
def test_a_requirement_that_makes_no_sense_is_refused(mturk: "MTurkClient", requirement: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        publish(mturk, QualificationRequirements=[{"QualificationTypeId": "3ABC", **requirement}])
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"


def test_every_operation_of_mturk_is_built() -> None:
    assert OPERATIONS.keys() == wire.operation_names()
    assert len(wire.operation_names()) == 39


def test_an_unknown_operation_is_refused(marketplace: str, credentials: Credentials) -> None:
    for target in (TARGET + "MakeCoffee", "DynamoDB_20120810.ListTables", ""):
        shown = post(marketplace, credentials, b"{}", target=target)
        assert (shown.status_code, code_of(shown)) == (400, "UnknownOperationException")
    assert httpx2.post(marketplace + "/", content=b"{}").status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_than_post_is_refused_as_the_wire_refuses(marketplace: str, method: str) -> None:
    shown = httpx2.request(method, marketplace + "/")
    assert (shown.status_code, code_of(shown)) == (400, "UnknownOperationException")


def test_two_slashes_are_the_endpoint_too(marketplace: str, credentials: Credentials) -> None:
    shown = httpx2.post(marketplace + "//", content=b"{}")
    assert (shown.status_code, code_of(shown)) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("<a", "XMLParseError"),
        (html_question("<p>AT&T</p>"), "XHTMLParseError"),
        ("x" * 65_536, "InvalidParameterValue"),
    ],
)
def test_a_faulty_question_is_told_with_its_code(
    marketplace: str, credentials: Credentials, question: str, code: str
) -> None:
    body = json.dumps(hit_values(Question=question)).encode()
    shown = post(marketplace, credentials, body, target=TARGET + "CreateHIT")
    assert (shown.status_code, code_of(shown)) == (400, "ParameterValidationError")
    assert shown.json()["TurkErrorCode"] == f"AWS.MechanicalTurk.{code}"


def test_a_missing_member_is_a_validation_exception(marketplace: str, credentials: Credentials) -> None:
    shown = post(marketplace, credentials, b'{"HITId": null}', target=TARGET + "GetHIT")
    assert (shown.status_code, code_of(shown)) == (400, "ValidationException")
    assert "Value null at 'hITId'" in shown.json()["Message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"MaxResults": "ten"}',
        b'{"MaxResults": 1.5}',
        b'{"MaxResults": true}',
        b'{"MaxResults": NaN}',
        b'{"MaxResults": ' + b"9" * 5000 + b"}",
        b'{"NextToken": "\\ud800"}',
        b'{"NextToken": {"a": 1}}',
        b'{"MaxResults": ' + b"[" * 50_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"NextToken": "' + b"x" * 10_000_000 + b'"}',
    ],
)
def test_garbage_is_answered_with_a_4xx_in_json(marketplace: str, credentials: Credentials, body: bytes) -> None:
    shown = post(marketplace, credentials, body)
    assert 400 <= shown.status_code < 500
    assert code_of(shown)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data())
@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_input_makes_the_server_fail(marketplace: str, credentials: Credentials, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(OPERATIONS)))
    shape = wire.service_model().operation_model(operation).input_shape
    sound = {
        **hit_values(),
        "HITId": "3A",
        "HITTypeId": "3A",
        "AssignmentId": "3A",
        "ExpireAt": 0,
        "RequesterFeedback": "",
    }
    names = sorted(shape.members) if shape is not None else []
    fields = {name: sound[name] for name in names if name in sound}
    for name in data.draw(st.lists(st.sampled_from(names), max_size=3)) if names else []:
        fields[name] = data.draw(VALUES)
    shown = post(marketplace, credentials, json.dumps(fields).encode(), target=TARGET + operation)
    assert shown.status_code < 500, (operation, fields, shown.text)
    assert isinstance(shown.json(), dict)


@pytest.mark.parametrize("megabytes", [2, 17, 5000])
def test_a_body_that_is_too_large_is_refused_as_json_and_not_waited_for(marketplace: str, megabytes: int) -> None:
    address = urlsplit(marketplace).netloc
    length = megabytes * 1_000_000
    head = f"POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: {TARGET}ListHITs\r\nContent-Length: {length}\r\n\r\n"
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(head.encode() + b" " * min(length, 2_000_000))
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(4096) or b"} closed"
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"__type": "RequestEntityTooLargeException"' in answer
    assert httpx2.get(f"{marketplace}/health").status_code == 200
