"""MTurk's errors as they go over the wire.

WireError ─┬ RequestError              400  a rule of MTurk was broken; carries a TurkErrorCode
           ├ ParameterValidationError  400  a value is out of range or malformed
           ├ Throttled                 400  too many calls; SDKs repeat them more slowly
           ├ MissingParameter          400  `ValidationException`: a required member is absent
           ├ MalformedRequest          400  `SerializationException`: not the JSON this operation takes
           ├ BodyTooLarge              400
           ├ UnknownOperation          400
           ├ NotAuthenticated          4xx  no, unknown or wrong signature
           └ ServiceFault              500  temporary; SDKs repeat the call
"""

from datetime import datetime

TURK = "AWS.MechanicalTurk."


class WireError(Exception):
    """Root of what the wire endpoint answers instead of a result."""

    http_status = 400
    type_name = "RequestError"
    turk_error_code: str | None = None

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)

    def body(self, now: datetime) -> dict[str, str]:
        """The JSON body. Like MTurk's own, each message ends with the epoch milliseconds in parentheses."""
        answer = {"__type": self.type_name, "Message": f"{self.message} ({int(now.timestamp() * 1000)})"}
        if self.turk_error_code is not None:
            answer["TurkErrorCode"] = self.turk_error_code
        return answer


class RequestError(WireError):
    """A rule of MTurk was broken; `code` is the TurkErrorCode without its prefix."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.turk_error_code = TURK + code


class ParameterValidationError(WireError):
    """A value is out of range or malformed; `code` is the TurkErrorCode without its prefix."""

    type_name = "ParameterValidationError"

    def __init__(self, message: str, code: str = "InvalidParameterValue") -> None:
        super().__init__(message)
        self.turk_error_code = TURK + code


class Throttled(WireError):
    """More calls than the rate that a rehearsal allows."""

    type_name = "ThrottlingException"


class MissingParameter(WireError):
    """A required member is absent."""

    type_name = "ValidationException"


class MalformedRequest(WireError):
    """The body is not the JSON that the operation takes."""

    type_name = "SerializationException"


class BodyTooLarge(WireError):
    """The body exceeds the limit."""

    type_name = "RequestEntityTooLargeException"


class UnknownOperation(WireError):
    """The target names no MTurk operation."""

    type_name = "UnknownOperationException"


class NotAuthenticated(WireError):
    """The signature is missing, belongs to nobody or is wrong; `type_name` says which, in AWS's generic words."""

    http_status = 403

    def __init__(self, type_name: str, message: str, *, http_status: int = 403) -> None:
        super().__init__(message)
        self.type_name = type_name
        self.http_status = http_status


class ServiceFault(WireError):
    """Out of order for a moment; the call may be repeated."""

    http_status = 500
    type_name = "ServiceFault"
    turk_error_code = "AWS.ServiceUnavailable"


def does_not_exist(kind: str, id: str) -> RequestError:
    """`kind` is HIT, HITType or Assignment. A stranger's thing does not exist either."""
    shown = "Hit" if kind == "HIT" else kind
    return RequestError(f"{kind}DoesNotExist", f"{shown} {id} does not exist.")


def wrong_assignment_state(allowed: str) -> RequestError:
    """The Assignment is in another state than the operation needs."""
    return RequestError("InvalidAssignmentState", f"This operation can be called with a status of: {allowed}")


def wrong_hit_state(state: str, allowed: str) -> RequestError:
    """The HIT is in another state than the operation needs."""
    return RequestError(
        "InvalidHITState",
        f"This HIT is currently in the state '{state}'.  This operation can be called with a status of: {allowed}",
    )


def wrong_qualification_type_state(allowed: str) -> RequestError:
    """The QualificationType is in another state than the operation needs."""
    return RequestError("InvalidQualificationTypeState", f"This operation can be called with a status of: {allowed}")


def insufficient_funds() -> RequestError:
    """The balance does not cover it."""
    return RequestError(
        "InsufficientFunds",
        "This Requester has insufficient funds in their account to complete this transaction.",
    )


def already_processed(token: str) -> RequestError:
    """The UniqueRequestToken was used within 24 hours."""
    return RequestError("AlreadyProcessed", f'The idempotency token "{token}" has already been processed.')


def out_of_range(parameter: str, value: object, lowest: object, highest: object) -> ParameterValidationError:
    """A number, length or count outside what is allowed."""
    return ParameterValidationError(
        f"The value {value} is invalid for {parameter}. Valid values range from {lowest} to {highest}."
    )


def not_valid(parameter: str, value: object) -> ParameterValidationError:
    """A value of the wrong form; a long one is shown shortened."""
    shown = str(value)
    shown = shown if len(shown) <= 80 else shown[:80] + "…"  # noqa: PLR2004 - enough to recognise it
    return ParameterValidationError(f'The value "{shown}" is not valid for the parameter {parameter}.')
