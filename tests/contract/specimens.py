"""An input for every operation with every parameter in it, each of the right form, and ways to spoil one of them."""

import copy
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from app.marketplace import wire

AN_ID = "3" + "X" * 29
_BY_NAME: dict[str, Any] = {
    "WorkerId": "A2NOBODY",
    "WorkerIds": ["A2NOBODY"],
    "UniqueRequestToken": "token",
    "NextToken": "token",
    "Country": "US",
    "Subdivision": "CA",
    "Reward": "0.05",
    "BonusAmount": "0.05",
    "LifetimeInSeconds": 3600,
    "AssignmentDurationInSeconds": 600,
    "ExpireAt": 0,
    "MaxResults": 10,
}
_BY_TYPE: dict[str, Any] = {"integer": 1, "long": 60, "boolean": True, "timestamp": 0}
# What each kind of member is not. Numbers for a timestamp may be whole or broken; all else must fit exactly.
_OTHER_TYPES: dict[str, list[Any]] = {
    "string": [5, 1.5, True, [], {}],
    "integer": ["5", 1.5, True, [], {}],
    "long": ["5", 1.5, True, [], {}],
    "boolean": ["true", 1, [], {}],
    "timestamp": [True, [], {}],
    "list": ["x", 5, {}],
    "structure": ["x", 5, []],
}


def specimen(operation: str) -> dict[str, Any]:
    """Every parameter, nested ones too, in a form that the service model takes."""
    shape = wire.service_model().operation_model(operation).input_shape
    made: dict[str, Any] = {} if shape is None else _example("", shape)
    return made


def _example(name: str, shape: Shape) -> Any:
    if name in _BY_NAME:
        return copy.deepcopy(_BY_NAME[name])
    if isinstance(shape, StructureShape):
        return {member: _example(member, part) for member, part in shape.members.items()}
    if isinstance(shape, ListShape):
        return [_example("", shape.member)]
    if shape.type_name == "string":
        allowed = shape.metadata.get("enum")
        return allowed[0] if allowed else AN_ID if shape.name == "EntityId" else "text"
    return _BY_TYPE[shape.type_name]


def spoiled(operation: str, path: str, value: Any) -> dict[str, Any]:
    """The specimen with one member replaced; `path` is as in recording.parameters."""
    document = specimen(operation)
    holder, name = _holder(document, path)
    holder[name] = value
    return document


def without(operation: str, path: str) -> dict[str, Any]:
    """The specimen without one member."""
    document = specimen(operation)
    holder, name = _holder(document, path)
    del holder[name]
    return document


def _holder(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *steps, last = path.split(".")
    here: Any = document
    for step in steps:
        here = here[step.removesuffix("[]")]
        here = here[0] if step.endswith("[]") else here
    return here, last


def other_types(shape: Shape) -> list[Any]:
    """Values of the wrong JSON type."""
    return _OTHER_TYPES[shape.type_name]


def beyond_the_model(shape: Shape) -> Iterator[Any]:
    """Values of the right type that break a length, range, pattern or list of words of the model."""
    known = shape.metadata
    if shape.type_name == "string":
        if "min" in known:
            yield "A" * (known["min"] - 1)
        if "max" in known:
            yield "A" * (known["max"] + 1)
        if "pattern" in known:
            yield from ("a b", "ä", "-1", "A\n")
        if "enum" in known:
            yield from ("Unheard", known["enum"][0].upper(), "")
        yield from ("\0", "\ud800")
    if shape.type_name == "integer":
        yield from (known.get("min", -(2**31)) - 1, known.get("max", 2**31 - 1) + 1)
    if shape.type_name == "long":
        yield from (-(2**63) - 1, 2**63)
    if shape.type_name == "timestamp":
        yield from (1e18, -1e18)
    if isinstance(shape, ListShape):
        # A list of the right things with a wrong one among them.
        yield [None]
