"""The boundaries between two statements that touch the marketplace or the database, each of which a process may die at.

A boundary comes before every statement sent to PostgreSQL (COPY and the queue's own ones too), before every COMMIT and
before every request to the marketplace. What a process did since the boundary before it touched neither, so to die at each
boundary once is to die at every point that makes a difference; after a request's reply the next boundary follows.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.abc import Query
from sqlalchemy import event, text

from app.db.engine import Database
from app.mturk.client import Marketplace

DIED = 137
_PINGS = {";", "SELECT 1"}  # the pool asks whether a connection still stands
_SHOWN = 90


class Boundaries:
    """Counts what this process reaches; dies at the boundary with the number `die_at`, counted from 1."""

    def __init__(self, die_at: int | None = None) -> None:
        self.reached: list[str] = []
        self._die_at = die_at
        self._lock = threading.Lock()

    def reach(self, what: str) -> None:
        """A boundary: `what` comes next."""
        with self._lock:
            self.reached.append(" ".join(what.split())[:_SHOWN])
            if len(self.reached) == self._die_at:
                os._exit(DIED)  # as kill -9 does: nothing is flushed, rolled back or closed


def watch(boundaries: Boundaries, database: Database, marketplace: Marketplace) -> None:
    """Have every statement of this pool and every request of this client reach a boundary."""
    with database.transaction() as db:
        db.execute(text("SELECT 1"))  # SQLAlchemy asks a server once what it is; that is no statement of ours

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Query, *arguments: Any, **options: Any) -> Any:
            if _text(query) not in _PINGS:
                boundaries.reach(_text(query))
            return super().execute(query, *arguments, **options)

        def executemany(self, query: Query, *arguments: Any, **options: Any) -> None:
            boundaries.reach(_text(query))
            super().executemany(query, *arguments, **options)

        @contextmanager
        def copy(self, statement: Query, *arguments: Any, **options: Any) -> Iterator[psycopg.Copy]:
            boundaries.reach(_text(statement))
            with super().copy(statement, *arguments, **options) as copying:
                yield copying

    def use_cursor(connection: psycopg.Connection[Any], *_: object) -> None:
        connection.cursor_factory = Cursor

    event.listen(database.engine, "checkout", use_cursor)
    event.listen(database.engine, "commit", lambda _: boundaries.reach("COMMIT"))

    def before_send(request: Any, **_: object) -> None:
        boundaries.reach(f"call {request.headers['X-Amz-Target'].decode().rpartition('.')[2]}")

    marketplace.client.meta.events.register_first("before-send.mturk.*", before_send)


def _text(query: Query) -> str:
    return query if isinstance(query, str) else str(query)
