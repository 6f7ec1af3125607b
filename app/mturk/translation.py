"""botocore's errors → ours. `ClientError` never leaves this package."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from app.errors import (
    CredentialsRefused,
    InsufficientFunds,
    MarketplaceBusy,
    MarketplaceError,
    MarketplaceRefused,
    MarketplaceUnreachable,
    OutcomeUnknown,
)

THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
NOT_LET_IN = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AccessDeniedException",
    "ExpiredTokenException",
    "ExpiredToken",
    "NotAuthorized",
    "BadCredentialSupplied",
    "BadClaimsSupplied",
}
# What botocore's parsers and our own reading raise on an answer that is not what the model promises: a missing field, a
# wrong type, a date beyond the calendar (RuntimeError), nesting without end (RecursionError), an amount that is none.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, ResponseParserError)
SERVER_FAULT = 500
_TOO_MANY_REQUESTS = 429
_LONGEST_ID = 64


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Raise what botocore raises inside the block as a MarketplaceError of `operation`.

    An answer that cannot be read (a field missing, a wrong type) is OutcomeUnknown too: the call may have worked.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(operation, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        hint = f"{error}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose the local profile"
        raise CredentialsRefused(operation, "NoCredentials", hint) from error
    except ParamValidationError as error:
        raise MarketplaceRefused(operation, "ParamValidation", str(error)) from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise MarketplaceUnreachable(operation, "Unreachable", str(error)) from error
    except BotoCoreError as error:
        raise OutcomeUnknown(operation, type(error).__name__, str(error)) from error
    except UNREADABLE as error:
        raise OutcomeUnknown(operation, "UnreadableAnswer", f"{type(error).__name__}: {error}") from error


def is_throttle(status: int, code: str) -> bool:
    """Whether an answer says that it was too many calls, by its HTTP status and error code: the call has not happened."""
    return code in THROTTLED or status == _TOO_MANY_REQUESTS


def known_id(value: object) -> str:
    """An id as the marketplace gave it. botocore checks no types: raises ValueError for what is none."""
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_ID:
        raise ValueError(f"{value!r} is no id")
    return value


def _of_answer(operation: str, error: ClientError) -> MarketplaceError:
    """The error for an answer that the marketplace did send."""
    answer = error.response
    kind = str(answer.get("Error", {}).get("Code", "Unknown"))
    message = str(answer.get("Error", {}).get("Message", "")) or str(answer.get("Message", ""))
    code = str(answer.get("TurkErrorCode") or kind)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if is_throttle(status, kind):
        return MarketplaceBusy(operation, kind, message)
    if status >= SERVER_FAULT or kind == "ServiceFault":
        # A server fault does not say whether the work was done before it: the caller looks it up.
        return OutcomeUnknown(operation, code, message)
    if kind in NOT_LET_IN or code.rpartition(".")[2] in NOT_LET_IN:
        return CredentialsRefused(operation, code, message)
    if code.endswith("InsufficientFunds") or "insufficient funds" in message.lower():
        return InsufficientFunds(operation, code, message)
    return MarketplaceRefused(operation, code, message)
