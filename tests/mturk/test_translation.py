import ssl
from decimal import Decimal

import botocore.exceptions as boto
import pytest
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from app.errors import (
    CredentialsRefused,
    InsufficientFunds,
    MarketplaceBusy,
    MarketplaceError,
    MarketplaceRefused,
    MarketplaceUnreachable,
    OutcomeUnknown,
)
from app.mturk.translation import THROTTLED, translated


def met(error: BaseException) -> MarketplaceError:
    """What the caller sees of `error`."""
    with pytest.raises(MarketplaceError) as found, translated("CreateHIT"):
        raise error
    assert found.value.operation == "CreateHIT"
    assert found.value.__cause__ is error
    return found.value


def answer(
    status: int, code: str = "RequestError", message: str = "no (1)", turk: str | None = None
) -> boto.ClientError:
    """What botocore raises for an answer of the marketplace."""
    response: dict[str, object] = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if turk is not None:
        response["TurkErrorCode"] = turk
    return boto.ClientError(response, "CreateHIT")  # type: ignore[arg-type]  # the stubs know a part of the answer


@pytest.mark.parametrize("code", sorted(THROTTLED))
def test_a_throttle_answer_is_busy(code: str) -> None:
    assert isinstance(met(answer(400, code)), MarketplaceBusy)


def test_too_many_requests_is_busy_whatever_its_code() -> None:
    assert isinstance(met(answer(429, "Whatever")), MarketplaceBusy)


@pytest.mark.parametrize(
    ("status", "code"), [(500, "ServiceFault"), (400, "ServiceFault"), (502, "502"), (503, "Unknown")]
)
def test_a_server_fault_may_have_happened(status: int, code: str) -> None:
    assert type(met(answer(status, code))) is OutcomeUnknown


def test_a_refusal_carries_mturks_own_code() -> None:
    error = met(answer(400, turk="AWS.MechanicalTurk.HITDoesNotExist"))
    assert type(error) is MarketplaceRefused
    assert (error.code, error.message) == ("AWS.MechanicalTurk.HITDoesNotExist", "no (1)")


@pytest.mark.parametrize(
    "error",
    [
        answer(400, turk="AWS.MechanicalTurk.InsufficientFunds"),
        answer(400, message="This Requester has insufficient funds in their account. (1)"),
    ],
)
def test_insufficient_funds_are_told_apart(error: boto.ClientError) -> None:
    assert isinstance(met(error), InsufficientFunds)


@pytest.mark.parametrize(
    "error", [boto.NoCredentialsError(), boto.PartialCredentialsError(provider="env", cred_var="x")]
)
def test_missing_credentials_say_which_variables_to_set(error: boto.BotoCoreError) -> None:
    found = met(error)
    assert isinstance(found, MarketplaceRefused)
    assert "AWS_ACCESS_KEY_ID" in str(found)


def test_a_request_that_botocore_refuses_was_not_sent() -> None:
    assert isinstance(met(boto.ParamValidationError(report="Title missing")), MarketplaceRefused)


@pytest.mark.parametrize(
    "error",
    [
        boto.EndpointConnectionError(endpoint_url="https://turk.example"),
        boto.ConnectTimeoutError(endpoint_url="https://turk.example"),
    ],
)
def test_without_a_connection_nothing_can_have_happened(error: boto.BotoCoreError) -> None:
    assert isinstance(met(error), MarketplaceUnreachable)


@pytest.mark.parametrize(
    "error",
    [
        boto.ReadTimeoutError(endpoint_url="https://turk.example"),
        boto.ConnectionClosedError(endpoint_url="https://turk.example"),
        boto.SSLError(endpoint_url="https://turk.example", error=ssl.SSLError("cut")),
        boto.ResponseStreamingError(error=OSError("cut")),
    ],
)
def test_an_answer_that_did_not_come_may_have_been_a_yes(error: boto.BotoCoreError) -> None:
    assert type(met(error)) is OutcomeUnknown


@pytest.mark.parametrize(
    "error",
    [
        KeyError("HIT"),
        IndexError(),
        TypeError(),
        ValueError(),
        AttributeError(),
        OverflowError(),
        RecursionError(),
        RuntimeError("Unable to calculate correct timezone offset"),
        ResponseParserError("invalid"),
    ],
)
def test_an_answer_that_cannot_be_read_may_have_been_a_yes(error: Exception) -> None:
    assert type(met(error)) is OutcomeUnknown


def test_an_amount_that_is_none_cannot_be_read() -> None:
    with pytest.raises(OutcomeUnknown), translated("GetAccountBalance"):
        Decimal("ten")


def test_our_own_errors_and_a_stop_from_outside_pass_through() -> None:
    busy = MarketplaceBusy("GetHIT", "Throttling", "slow")
    with pytest.raises(MarketplaceBusy) as found, translated("CreateHIT"):
        raise busy
    assert found.value is busy
    with pytest.raises(KeyboardInterrupt), translated("CreateHIT"):
        raise KeyboardInterrupt


def test_what_succeeds_is_left_alone() -> None:
    with translated("CreateHIT"):
        pass


BOTOCORE = sorted(
    (kind for kind in vars(boto).values() if isinstance(kind, type) and issubclass(kind, boto.BotoCoreError)),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", BOTOCORE, ids=lambda kind: kind.__name__)
def test_no_error_of_botocore_leaks(kind: type[boto.BotoCoreError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "somehow")
    assert isinstance(met(error), MarketplaceError)


@given(
    status=st.integers(300, 599),
    code=st.text(max_size=30),
    message=st.text(max_size=30),
    turk=st.none() | st.text(max_size=30),
)
def test_every_answer_becomes_one_of_our_errors(status: int, code: str, message: str, turk: str | None) -> None:
    error = met(answer(status, code, message, turk))
    if status >= 500:
        assert type(error) in {OutcomeUnknown, MarketplaceBusy}


@given(
    response=st.fixed_dictionaries(
        {},
        optional={
            "Error": st.fixed_dictionaries({}, optional={"Code": st.text(), "Message": st.none() | st.text()}),
            "ResponseMetadata": st.fixed_dictionaries({}, optional={"HTTPStatusCode": st.integers(100, 599)}),
            "Message": st.none() | st.text(),
        },
    )
)
def test_an_answer_with_missing_parts_becomes_one_of_our_errors(response: dict[str, object]) -> None:
    assert isinstance(met(boto.ClientError(response, "CreateHIT")), MarketplaceError)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("UnrecognizedClientException", None),
        ("InvalidSignatureException", None),
        ("AccessDeniedException", None),
        ("ExpiredTokenException", None),
        ("RequestError", "AWS.NotAuthorized"),
        ("RequestError", "AWS.BadCredentialSupplied"),
    ],
)
def test_whoever_is_not_let_in_is_told_so(kind: str, code: str | None) -> None:
    assert type(met(answer(400, kind, turk=code))) is CredentialsRefused
