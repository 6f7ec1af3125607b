"""A Requester's script with capo-mturk, which signs and serialises by itself: one JSON call a line in, one reply out.

Runs in a virtual environment of its own, so it imports nothing of ours.
"""

import json
import re
import sys
from typing import Any

from capo_mturk import MTurkClient  # type: ignore[import-not-found] # installed in another virtual environment
from capo_mturk.errors import ServiceError  # type: ignore[import-not-found] # as above


def snake(name: str) -> str:
    """MTurk's name as capo-mturk writes it: ListHITs is list_hi_ts."""
    name = name.replace("HITs", "HiTs").replace("HIT", "Hit")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def pascal(value: object) -> object:
    """The output with MTurk's names again: hi_ts is HITs."""
    if isinstance(value, list):
        return [pascal(part) for part in value]
    if not isinstance(value, dict):
        return value
    words = {name: "".join(word.capitalize() for word in name.split("_")) for name in value}
    return {words[name].replace("HiTs", "HITs").replace("Hit", "HIT"): pascal(part) for name, part in value.items()}


def answer(client: MTurkClient, call: dict[str, Any]) -> dict[str, Any]:
    """The output of one operation, or the error by name."""
    try:
        given = {snake(name): value for name, value in call["input"].items()}
        return {"output": pascal(getattr(client, snake(call["operation"]))(**given))}
    except ServiceError as error:
        return {"error": error.code, "message": error.message}


def main() -> None:
    """Answer until the pipe closes."""
    client = MTurkClient()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(client, json.loads(line)), default=str) + "\n")
        sys.stdout.flush()


main()
