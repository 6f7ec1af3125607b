"""Why the worker site says no, in words for a Worker."""

from collections.abc import Sequence

from app.marketplace.qualifying import Unmet


class Refused(Exception):
    """The request cannot be done. `message` says why and what to do instead."""

    def __init__(self, http_status: int, message: str) -> None:
        self.http_status, self.message = http_status, message
        super().__init__(message)


class SignInNeeded(Refused):
    """Only a signed-in Worker may do this; `then` is the page to come back to."""

    def __init__(self, then: str) -> None:
        self.then = then
        super().__init__(401, "Please sign in first.")


class NotQualified(Refused):
    """These HITs are not for this Worker. `unmet`: the Qualifications they lack."""

    def __init__(self, message: str, unmet: Sequence[Unmet] = ()) -> None:
        self.unmet = unmet
        super().__init__(403, message)


def not_found(what: str) -> Refused:
    """No such thing, or none of this Worker's."""
    return Refused(404, f"There is no such {what}.")
