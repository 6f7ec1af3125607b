"""What can go wrong for a simulated crowd.

CrowdError ─┬ SiteUnreachable(url, reason)    no page came, after several tries
            ├ EnrolmentClosed(url)            the worker site takes no new Workers
            ├ PageNotUnderstood(url, reason)  a page came, but not one that a Worker could use
            │ └ QuestionNotUnderstood         it is a question, but not one of this service's templates
            ├ BadAnswerKey(problems)          the file with the truth or the votes cannot be used
            └ BadPlan(reason)                 the crowd that was asked for makes no sense
"""

from collections.abc import Sequence

from app.errors import ServiceError

_LONGEST_URL = 100


class CrowdError(ServiceError):
    """Root of the crowd's errors."""

    http_status = 502


class SiteUnreachable(CrowdError):
    """The worker site, or a page that it points to, does not answer."""

    http_status = 503

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(
            f"the marketplace does not answer at {_shortened(url)} ({reason}); start it, or correct the URL"
        )


class EnrolmentClosed(CrowdError):
    """Nobody may enrol, and a simulated Worker has to."""

    http_status = 409

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"enrolment is closed at {url}; start the marketplace with LABELJURY_MARKETPLACE_OPEN_ENROLMENT=true"
        )


class PageNotUnderstood(CrowdError):
    """A page lacks what a Worker needs to go on; `reason` says what."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"the page {_shortened(url)} cannot be used: {reason}")


class QuestionNotUnderstood(PageNotUnderstood):
    """A question of another kind than this service's templates make: no Worker of the crowd can answer it."""


class BadAnswerKey(CrowdError):
    """The answer key is faulty; `problems` lists where and how."""

    http_status = 422

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class BadPlan(CrowdError):
    """A crowd that cannot be: the message names the value and what is allowed."""

    http_status = 422


def _shortened(url: str) -> str:
    """The address as a person reads it: without its query, which in a frame's is longer than all the rest."""
    path, asked, _ = url.partition("?")
    shown = path if len(path) <= _LONGEST_URL else f"{path[:_LONGEST_URL]}…"
    return f"{shown}?…" if asked else shown
