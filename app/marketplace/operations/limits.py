"""Ranges that the service model does not carry; MTurk's legacy reference names them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.marketplace.wire_errors import not_valid, out_of_range

YEAR_S = 31_536_000
MONTH_S = 2_592_000
MOST_ASSIGNMENTS = 1_000_000_000
LARGEST_REWARD_USD = Decimal("10000.00")

INTEGERS = {
    "MaxAssignments": (1, MOST_ASSIGNMENTS),
    "NumberOfAdditionalAssignments": (1, MOST_ASSIGNMENTS),
    "LifetimeInSeconds": (30, YEAR_S),
    "AssignmentDurationInSeconds": (30, YEAR_S),
    "AutoApprovalDelayInSeconds": (0, MONTH_S),
}
LENGTHS = {
    "Title": (1, 128),
    "Description": (1, 2000),
    "Keywords": (0, 1000),
    "RequesterAnnotation": (0, 255),
    "RequesterFeedback": (0, 1024),
}


def check(params: Mapping[str, Any]) -> None:
    """Raise ParameterValidationError for a number or a text outside its range."""
    for name, (lowest, highest) in INTEGERS.items():
        if name in params and not lowest <= params[name] <= highest:
            raise out_of_range(name, params[name], lowest, highest)
    for name, (lowest, highest) in LENGTHS.items():
        if name in params and not lowest <= len(params[name]) <= highest:
            raise out_of_range(f"the length of {name}", len(params[name]), lowest, highest)


def reward_usd(params: Mapping[str, Any]) -> Decimal:
    """The Reward, exact; the service model has checked its form."""
    if len(params["Reward"]) > len(str(LARGEST_REWARD_USD)):
        raise not_valid("Reward", params["Reward"])
    reward = Decimal(params["Reward"]).quantize(Decimal("0.01"))
    if reward > LARGEST_REWARD_USD:
        raise out_of_range("Reward", params["Reward"], "0.00", LARGEST_REWARD_USD)
    return reward
