import inspect
from decimal import Decimal

import pytest

from app import errors
from app.errors import (
    BudgetExceeded,
    Conflict,
    CredentialsRefused,
    DatabaseUnavailable,
    Forbidden,
    IllegalTransition,
    InsufficientFunds,
    InvalidInput,
    MarketplaceBusy,
    MarketplaceError,
    MarketplaceRefused,
    MarketplaceUnreachable,
    NotFound,
    NotSignedIn,
    OutcomeUnknown,
    Problem,
    ServiceError,
    TooManyAttempts,
)

STATUSES = {
    ServiceError: 500,
    NotFound: 404,
    InvalidInput: 422,
    NotSignedIn: 401,
    Forbidden: 403,
    TooManyAttempts: 429,
    DatabaseUnavailable: 503,
    Conflict: 409,
    IllegalTransition: 409,
    BudgetExceeded: 409,
    MarketplaceError: 502,
    MarketplaceRefused: 502,
    InsufficientFunds: 402,
    CredentialsRefused: 502,
    MarketplaceBusy: 503,
    MarketplaceUnreachable: 503,
    OutcomeUnknown: 502,
}


def test_every_error_has_its_status() -> None:
    classes = {found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, ServiceError)}
    assert {found: found.http_status for found in classes} == STATUSES


def test_the_tree_at_the_top_of_the_module_names_every_error() -> None:
    for error in STATUSES:
        assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotFound("Batch", 7), "Batch 7 does not exist"),
        (Forbidden("launch a Batch"), "your account may not launch a Batch; ask an owner"),
        (TooManyAttempts(61), "too many failed sign-ins; try again in 2 min"),
        (TooManyAttempts(1), "too many failed sign-ins; try again in 1 min"),
        (IllegalTransition("Batch 7", "done", "live"), "Batch 7 is done and cannot become live"),
        (
            BudgetExceeded(Decimal("1.20"), Decimal("1.19")),
            "this needs $1.20 and the cap leaves $1.19; raise the cap or publish fewer Items",
        ),
        (MarketplaceBusy("GetHIT", "ThrottlingException", "slow"), "GetHIT: ThrottlingException: slow"),
    ],
)
def test_a_message_names_the_thing_and_the_fix(error: ServiceError, message: str) -> None:
    assert str(error) == message


def test_invalid_input_lists_each_fault_with_its_place() -> None:
    problems = [Problem("is empty", line=3, field="given_label"), Problem("too long", field="name"), Problem("why")]
    assert str(InvalidInput(problems)) == "line 3, given_label: is empty\nname: too long\nwhy"


def test_a_cut_list_says_how_many_faults_there_are() -> None:
    error = InvalidInput([Problem("is empty", line=3)], total=12)
    assert (error.total, len(error.problems)) == (12, 1)
    assert str(error).endswith("… and 11 more")
