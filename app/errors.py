"""The error tree. Each error carries its data and a message that names the thing and the fix.

ServiceError ─┬ NotFound(kind, id)                              404
              ├ InvalidInput(problems)                          422
              ├ NotSignedIn                                     401
              ├ Forbidden(action)                               403
              ├ TooManyAttempts(wait_s)                         429
              ├ DatabaseUnavailable                             503
              ├ Conflict                                        409
              │   ├ IllegalTransition(of, was, to)
              │   └ BudgetExceeded(needed_usd, left_usd)
              └ MarketplaceError(operation, code, message)      502
                  ├ MarketplaceRefused      the request was understood and refused: do not repeat it unchanged
                  │   ├ InsufficientFunds                       402
                  │   └ CredentialsRefused                      502
                  ├ MarketplaceBusy         retry later         503
                  ├ MarketplaceUnreachable  nothing was sent    503
                  └ OutcomeUnknown          it may have happened: look it up before repeating
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


class ServiceError(Exception):
    """Root of everything that Label Jury raises on purpose."""

    http_status = 500


class NotFound(ServiceError):
    """A named thing does not exist."""

    http_status = 404

    def __init__(self, kind: str, id: object) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"{kind} {id} does not exist")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a user's input: where it is, what is wrong and how to mend it. `line` counts from 1."""

    message: str
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = [f"line {self.line}" if self.line is not None else "", self.field or ""]
        prefix = ", ".join(part for part in where if part)
        return f"{prefix}: {self.message}" if prefix else self.message


class InvalidInput(ServiceError):
    """The input cannot be used; `problems` lists what is wrong, `total` how many there are (the list may be cut)."""

    http_status = 422

    def __init__(self, problems: Sequence[Problem], *, total: int | None = None) -> None:
        self.problems = list(problems)
        self.total = len(self.problems) if total is None else total
        shown = "\n".join(str(problem) for problem in self.problems)
        more = self.total - len(self.problems)
        super().__init__(f"{shown}\n… and {more} more" if more > 0 else shown)


class NotSignedIn(ServiceError):
    """The caller did not prove who they are."""

    http_status = 401

    def __init__(self, message: str = "sign in, or send an API key as: Authorization: Bearer lj_…") -> None:
        super().__init__(message)


class Forbidden(ServiceError):
    """The caller is known and may not do this."""

    http_status = 403

    def __init__(self, action: str, message: str | None = None) -> None:
        self.action = action
        super().__init__(message or f"your account may not {action}; ask an owner")


class TooManyAttempts(ServiceError):
    """Too many failed sign-ins; the caller must wait."""

    http_status = 429

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"too many failed sign-ins; try again in {max(1, -(-wait_s // 60))} min")


class DatabaseUnavailable(ServiceError):
    """The embedded PostgreSQL cannot be started or reached; the message says why and what to do."""

    http_status = 503


class Conflict(ServiceError):
    """The request is sound but does not fit the present state."""

    http_status = 409


class IllegalTransition(Conflict):
    """A status may not follow another; `domain/transitions.py` lists which may."""

    def __init__(self, of: str, was: str, to: str, message: str | None = None) -> None:
        self.of, self.was, self.to = of, was, to
        super().__init__(message or f"{of} is {was} and cannot become {to}")


class BudgetExceeded(Conflict):
    """The Batch's cap, or the limit that `of` names, does not cover what was asked for."""

    def __init__(self, needed_usd: Decimal, left_usd: Decimal, of: str = "the cap") -> None:
        self.needed_usd, self.left_usd, self.of = needed_usd, left_usd, of
        super().__init__(f"this needs ${needed_usd} and {of} leaves ${left_usd}; raise {of} or publish fewer Items")


class MarketplaceError(ServiceError):
    """A call to the marketplace did not succeed. `code` is MTurk's TurkErrorCode or the wire's error type."""

    http_status = 502

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation, self.code, self.message = operation, code, message
        super().__init__(f"{operation}: {code}: {message}")


class MarketplaceRefused(MarketplaceError):
    """The marketplace understood the request and refused it; repeating it unchanged cannot help."""


class InsufficientFunds(MarketplaceRefused):
    """The Requester's balance does not cover the HIT."""

    http_status = 402


class CredentialsRefused(MarketplaceRefused):
    """The marketplace does not know our credentials, or no longer lets them in: a person must put them right."""


class MarketplaceBusy(MarketplaceError):
    """Throttled or temporarily out of order; nothing happened, try again later."""

    http_status = 503


class MarketplaceUnreachable(MarketplaceError):
    """No connection was made, so nothing can have happened."""

    http_status = 503


class OutcomeUnknown(MarketplaceError):
    """The request was sent and no answer came: it may have happened, so look it up before repeating."""
