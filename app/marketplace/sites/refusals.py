"""Why a site says no, in words for the person who asked."""


class Refused(Exception):
    """The request cannot be done. `message` says why and what to do instead."""

    def __init__(self, http_status: int, message: str) -> None:
        self.http_status, self.message = http_status, message
        super().__init__(message)


class SignInNeeded(Refused):
    """Only somebody signed in may do this; `then` is the page to come back to."""

    def __init__(self, then: str) -> None:
        self.then = then
        super().__init__(401, "Please sign in first.")


def not_found(what: str) -> Refused:
    """No such thing, or none of this person's."""
    return Refused(404, f"There is no such {what}.")
