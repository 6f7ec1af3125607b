"""Expects a refusal: by the TurkErrorCode, and by words of the message that scripts look for."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

INVALID = "ParameterValidationError"


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """The block's call is refused with HTTP 400 and epoch milliseconds at the message's end.

    `code` is a TurkErrorCode without its prefix, or INVALID: that type is not in the service model, so boto3 shows no
    TurkErrorCode with it.
    """
    with pytest.raises(ClientError) as caught:
        yield
    answer = dict(caught.value.response)
    error = caught.value.response["Error"]
    if code == INVALID:
        assert error["Code"] == INVALID, error
    else:
        assert (error["Code"], answer["TurkErrorCode"]) == ("RequestError", f"AWS.MechanicalTurk.{code}"), error
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert words in error["Message"], error
    head, _, stamp = error["Message"].rpartition(" (")
    assert head, error
    # The sandbox writes "(1596835865828 s)".
    assert stamp.removesuffix(")").removesuffix(" s").isdigit(), error
