"""The engine, the transaction and the base class of our tables. Commit happens at the edge: see `Database`."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Session

# The job queue lives in its own schema; its functions are called by name, so they must be on the path.
SEARCH_PATH = "public,jobs"

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base class of the service's tables. Relations, where there are any, are `lazy="raise"`."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Database:
    """A pool of connections. One per process; safe to use from several threads."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = with_driver(url)
        self.engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=2,
            pool_pre_ping=True,
            hide_parameters=True,  # values of a failing statement (Worker ids, answers) stay out of logs
            connect_args={"options": f"-csearch_path={SEARCH_PATH} -ctimezone=UTC"},
        )
        # The same pool.
        self._each_for_itself = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Statements that only read, each for itself: without the two round trips that begin and end a transaction."""
        with Session(self._each_for_itself, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` both mean psycopg 3 here."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url
