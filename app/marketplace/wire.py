"""AWS JSON 1.1 as botocore's own service model of MTurk describes it: requests checked, replies serialised.

boto3 checks types, required members and minimums on the client's side; everything else is checked here.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from app.marketplace.wire_errors import (
    MalformedRequest,
    MissingParameter,
    UnknownOperation,
    not_valid,
    out_of_range,
)

TARGET_PREFIX = "MTurkRequesterServiceV20170117."
CONTENT_TYPE = "application/x-amz-json-1.1"
_INTEGER_BITS = {"integer": 31, "long": 63}
_DEEPEST = 20


@cache
def service_model() -> ServiceModel:
    """MTurk's service model, as boto3 carries it."""
    return ServiceModel(Loader().load_service_model("mturk", "service-2", "2017-01-17"))


@cache
def operation_names() -> frozenset[str]:
    """The 39 operations of MTurk."""
    return frozenset(service_model().operation_names)


def operation_of(target: str | None) -> str:
    """The operation that the X-Amz-Target header names. Raises UnknownOperation."""
    name = (target or "").removeprefix(TARGET_PREFIX)
    if target is None or not target.startswith(TARGET_PREFIX) or name not in operation_names():
        raise UnknownOperation("X-Amz-Target must name an operation of MTurkRequesterServiceV20170117.")
    return name


def parse(operation: str, body: bytes) -> dict[str, Any]:
    """The operation's input: checked, timestamps as aware datetimes, null and unknown members left out.

    Raises MalformedRequest, MissingParameter or ParameterValidationError.
    """
    shape = _operation(operation).input_shape
    document = _json(body)
    if not isinstance(document, dict):
        raise MalformedRequest("The body must be one JSON object.")
    checked: dict[str, Any] = {} if shape is None else _check(shape, document, "", 0)
    return checked


def serialise(operation: str, result: Mapping[str, Any]) -> bytes:
    """The operation's output as JSON: timestamps as epoch seconds, members without a value left out."""
    shape = _operation(operation).output_shape
    return b"{}" if shape is None else json.dumps(_emit(shape, result)).encode()


@lru_cache(maxsize=64)
def _operation(name: str) -> OperationModel:
    return service_model().operation_model(name)


def _json(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8") or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not valid JSON in UTF-8.") from None


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _check(shape: Shape, value: object, path: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise MalformedRequest("The body is nested too deeply.")
    return _CHECKS[shape.type_name](shape, value, path, depth)


def _structure(shape: StructureShape, value: object, path: str, depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(path, "a structure")
    missing = [name for name in shape.required_members if value.get(name) is None]
    if missing:
        where = f"{path}.{missing[0]}" if path else missing[0]
        raise MissingParameter(
            f"1 validation error detected: Value null at '{where[0].lower() + where[1:]}'"
            " failed to satisfy constraint: Member must not be null"
        )
    return {
        name: _check(member, value[name], f"{path}.{name}" if path else name, depth + 1)
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _list(shape: ListShape, value: object, path: str, depth: int) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(path, "a list")
    _in_range(shape, len(value), path)
    return [_check(shape.member, entry, f"{path}.{number}", depth + 1) for number, entry in enumerate(value, 1)]


def _map(shape: MapShape, value: object, path: str, depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(path, "a map")
    return {_check(shape.key, k, path, depth + 1): _check(shape.value, v, path, depth + 1) for k, v in value.items()}


def _string(shape: Shape, value: object, path: str, depth: int) -> str:
    if not isinstance(value, str):
        raise _wrong_type(path, "a string")
    # Neither a NUL nor half a surrogate pair is text that can be stored or sent back.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise not_valid(path, value.encode("ascii", "backslashreplace").decode())
    _in_range(shape, len(value), path)
    pattern, allowed = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern is not None and re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value) is None:
        raise not_valid(path, value)
    if allowed is not None and value not in allowed:
        raise not_valid(path, value)
    return value


def _integer(shape: Shape, value: object, path: str, depth: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(path, "an integer")
    limit = 1 << _INTEGER_BITS[shape.type_name]
    if not -limit <= value < limit:
        raise out_of_range(path, value, -limit, limit - 1)
    _in_range(shape, value, path)
    return value


def _boolean(shape: Shape, value: object, path: str, depth: int) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(path, "true or false")
    return value


def _timestamp(shape: Shape, value: object, path: str, depth: int) -> datetime:
    """Epoch seconds; years 1 to 9999."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise _wrong_type(path, "a number of seconds since 1970")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise not_valid(path, value) from None


def _in_range(shape: Shape, measure: int, path: str) -> None:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if (lowest is not None and measure < lowest) or (highest is not None and measure > highest):
        raise out_of_range(path, measure, lowest or 0, highest if highest is not None else "any")


def _wrong_type(path: str, wanted: str) -> MalformedRequest:
    return MalformedRequest(f"{path or 'The body'} must be {wanted}.")


_CHECKS: dict[str, Callable[[Any, object, str, int], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def _emit(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        unknown = value.keys() - shape.members.keys()
        if unknown:
            raise KeyError(f"{shape.name} has no {sorted(unknown)}")
        return {name: _emit(shape.members[name], part) for name, part in value.items() if part is not None}
    if isinstance(shape, ListShape):
        return [_emit(shape.member, part) for part in value]
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    return value
