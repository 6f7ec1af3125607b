"""Whether the database answers, has this version's tables, and has job runners at work: cheap enough to ask every second."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.db import migrations
from app.db.engine import Database
from app.domain.alerts import RUNNER_SEEN_WITHIN_S


class Standing(StrEnum):
    """ok · degraded: serves, but something does not go on · unavailable: cannot serve."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation: how it is, and in words what to do about it where it is not well."""

    name: str
    standing: Standing
    said: str


DATABASE, MIGRATIONS, JOB_RUNNERS = "database", "migrations", "job runners"


def look(database: Database) -> list[Part]:
    """How database, migrations and job runners are, in this order; what cannot be known is left out."""
    try:
        return [Part(DATABASE, Standing.OK, "answers"), *_inside(database)]
    except (OperationalError, PoolTimeout) as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        return [
            Part(
                DATABASE, Standing.UNAVAILABLE, f"does not answer ({reason}): start PostgreSQL, or correct DATABASE_URL"
            )
        ]


def _inside(database: Database) -> list[Part]:
    with database.reading() as db:
        try:
            version = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        except ProgrammingError:
            version = None
        if version != _wanted():
            said = f"the tables are of version {version or 'none'}, this program needs {_wanted()}: {migrations.how(version)}"
            return [Part(MIGRATIONS, Standing.UNAVAILABLE, said)]
        runners = db.execute(
            text(
                "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :within_s)"
            ),
            {"within_s": RUNNER_SEEN_WITHIN_S},
        ).scalar_one()
    return [Part(MIGRATIONS, Standing.OK, f"version {version}"), _runners(int(runners))]


def _runners(count: int) -> Part:
    if count:
        return Part(JOB_RUNNERS, Standing.OK, f"{count} at work")
    said = f"none seen for {RUNNER_SEEN_WITHIN_S} s: nothing is published or collected; run `labeljury run-jobs`"
    return Part(JOB_RUNNERS, Standing.DEGRADED, said)


def worst(parts: list[Part]) -> Standing:
    """The standing of the whole."""
    order = list(Standing)
    return max((part.standing for part in parts), key=order.index, default=Standing.OK)


@cache
def _wanted() -> str:
    return migrations.head()
