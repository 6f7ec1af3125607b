"""Single values of an item file: what they are as text and as JSON, and which cannot be kept or shown."""

import math
import re
from collections.abc import Mapping
from datetime import date, time

DEEPEST_JSON = 50

# What the HTML standard calls a parse error, and what XML 1.0 forbids: MTurk refuses pages with these.
_NONCHARACTERS = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
_NOT_SHOWN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]")
# What PostgreSQL cannot keep.
NOT_KEPT = re.compile("[\x00\ud800-\udfff]")


class Unusable(ValueError):
    """A value that cannot be used; the message says why and what to do about it."""


class LiteralFloat(float):
    """A number of a JSON file that remembers how it was written: as an id, 1e3 is not 1000.0."""

    __slots__ = ("literal",)

    def __init__(self, literal: str) -> None:
        self.literal = literal


def as_text(value: object) -> str:
    """`value` as text: numbers as they were written, nothing for None. Raises Unusable for what is no single value."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        raise Unusable("must be text or a number, not a list or an object")
    return _scalar_as_text(value)


def json_safe(value: object, *, depth: int = 0) -> object:
    """`value` as PostgreSQL's jsonb takes it: numbers stay numbers; dates, decimals and UTF-8 bytes become text.

    NaN and infinities become "NaN", "Infinity" and "-Infinity", as PostgreSQL's own to_jsonb() writes them.
    Raises Unusable for binary data, for NUL characters and lone surrogates, and for nesting beyond 50 levels.
    """
    if depth > DEEPEST_JSON:
        raise Unusable(f"is nested deeper than {DEEPEST_JSON} levels; flatten it")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _spelt(value)
    if isinstance(value, Mapping):
        return {_kept(str(key)): json_safe(inner, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(inner, depth=depth + 1) for inner in value]
    return _kept(value if isinstance(value, str) else _scalar_as_text(value))


def check_shown(text: str) -> None:
    """Raises Unusable naming the first character that no Worker's page may contain. Emoji, tabs, line ends may."""
    # What is printable can be shown; asking that first is three times as fast.
    if not text.isprintable() and (found := _NOT_SHOWN.search(text)):
        raise Unusable(f"contains {_named(found)}, which a page cannot show; remove it")


def _kept(text: str) -> str:
    if found := NOT_KEPT.search(text):
        raise Unusable(f"contains {_named(found)}, which cannot be stored; remove it")
    return text


def _named(found: re.Match[str]) -> str:
    return f"the character U+{ord(found[0]):04X} at position {found.start() + 1}"


def _scalar_as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, LiteralFloat):
        return value.literal
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        # Older Parquet writers do not say which of their byte columns are text.
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Unusable("holds binary data; save it as files and name them in column 'path'") from None
    return str(value)


def _spelt(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
