"""Rows by a cursor that stays on the server: as many as wanted at a time, in flat memory."""

from collections.abc import Generator, Mapping, Sequence
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from app.db.copying import driver_connection

_names = count(1)


def in_groups(
    db: Session, query: str, values: Mapping[str, object], *, size: int
) -> Generator[Sequence[tuple[Any, ...]], None, None]:
    """The rows of `query`, up to `size` at a time. The transaction may be used between two groups."""
    with driver_connection(db).cursor(name=f"groups_{next(_names)}") as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(size):
            yield rows
