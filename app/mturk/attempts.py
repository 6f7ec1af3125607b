"""Every attempt of every call under the pacer's rule: a slot before it, its answer counted after it.

boto3's own retries would hide throttle answers from those who set the pace, so a governed client makes one attempt a call
(`mturk/client.py`), and what may be repeated at once is repeated here, as botocore's retry handlers do. A call that was
throttled, or that no connection was made for, has not happened: it is repeated whatever it does, as long as there is time.
What may have happened is repeated at once only where it reads. All else goes back to the table of operations.
"""

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from app.mturk.pacer import Answer, Attempt, Pacer
from app.mturk.translation import SERVER_FAULT, is_throttle

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# How often a call is made where the endpoint fails otherwise, and the pauses between: seconds.
ATTEMPTS = 3
PAUSES_S = (0.1, 0.5)
_READING = ("Get", "List")


def govern(client: "MTurkClient", pacer: Pacer) -> None:
    """From now on each attempt of this client waits for the pacer, and tells it what came of it."""
    attempts = _Attempts(pacer)
    client.meta.events.register("before-send.mturk", attempts.before)
    client.meta.events.register("needs-retry.mturk", attempts.after)  # type: ignore[arg-type]  # this event's answer counts


class _Attempts:
    """botocore's events of one client. Each thread has one request under way at most."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._threads = threading.local()

    def before(self, **_: Any) -> None:
        """A request is about to be sent. Raises what Pacer.wait does, which is then the call's outcome."""
        self._threads.attempt = None
        self._threads.attempt = self._pacer.before_attempt()

    def after(
        self, *, response: Any, caught_exception: Exception | None, attempts: int, operation: Any, **_: Any
    ) -> float | None:
        """An attempt ended: after how many seconds there shall be another; None where there shall not."""
        attempt: Attempt | None = getattr(self._threads, "attempt", None)
        if attempt is None:
            return None  # nothing was sent
        status, code = _read(response)
        answer = _answer_of(status, code, caught_exception)
        self._pacer.after_attempt(attempt, answer)
        if not self._pacer.has_time():
            return None
        if answer is Answer.THROTTLED:
            return 0.0
        failed = answer in (Answer.NOT_SENT, Answer.UNKNOWN) or status >= SERVER_FAULT
        harmless = answer is Answer.NOT_SENT or operation.name.startswith(_READING)
        return PAUSES_S[attempts - 1] if failed and harmless and attempts < ATTEMPTS else None


def _read(response: Any) -> tuple[int, str]:
    """HTTP status and error code; 0 and nothing where there was no answer."""
    if response is None:
        return 0, ""
    http, parsed = response
    return int(http.status_code), str(parsed.get("Error", {}).get("Code", ""))


def _answer_of(status: int, code: str, error: Exception | None) -> Answer:
    if is_throttle(status, code):
        return Answer.THROTTLED
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return Answer.NOT_SENT
    return Answer.GIVEN if error is None else Answer.UNKNOWN
