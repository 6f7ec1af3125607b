"""An endpoint that answers nonsense at any stage, and clocks that are hours apart: each ends in a state that a person can
read, from which the Batch is continued to its end with nothing twice and nothing lost."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, text

from app.db.engine import Database
from app.errors import ServiceError
from app.jobs import stages, watching
from app.jobs.runtime import Runtime
from app.pipeline import alert_report
from app.settings import MarketplaceProfile, Settings
from tests.conftest import copied_database, psycopg_url
from tests.marketplace_server import running_marketplace
from tests.pipeline.conftest import House
from tests.wire_proxy import wire_to

LOCAL = MarketplaceProfile.LOCAL
# What stands between a program and its endpoint answers like this: proxies, captive portals, half-dead servers.
NONSENSE = {
    "an HTML page": (200, b"<html><body>Please sign in to the airport's network</body></html>"),
    "JSON cut short": (200, b'{"HITs": [{"HITId": "3'),
    "wrong types": (
        200,
        b'{"HIT": 7, "HITs": "many", "Assignments": {"a": 1}, "AvailableBalance": [], "HITTypeId": {}, "QualificationType": 0,'
        b' "NumResults": "x"}',
    ),
    "nothing at all": (200, b""),
    "JSON that is no object": (200, b"[1, 2, 3]"),
    "an error page with 200": (200, b'{"Message": "Service Unavailable"}'),
    "an error page with 503": (503, b"<h1>503 Service Temporarily Unavailable</h1>"),
}


def due(house: House) -> None:
    """Waiting operations are due now."""
    house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")


def turn(house: House, batch_id: int) -> None:
    """One turn of everything, as the queue would do it: what cannot be done now is asked for again later."""
    due(house)
    for job in (stages.run_publish, stages.run_review, stages.run_consensus):
        with suppress(ServiceError):
            job(house.runtime, batch_id)  # type: ignore[arg-type]  # a number will do
        if job is stages.run_publish:
            with suppress(ServiceError):
                stages.run_collect(house.runtime, LOCAL)


def whole(house: House) -> None:
    """The Batch is done: nothing twice, nothing lost, the ledger is the marketplace's."""
    batch = house.one("SELECT status, attention FROM batches")
    assert (batch.status, batch.attention) == ("done", None)
    assert house.one("SELECT count(*) AS n FROM marketplace.hits").n == 2
    assert house.one("SELECT count(*) AS n FROM responses").n == 2
    money = house.one("""
        SELECT (SELECT sum(amount_usd) FROM payments WHERE status = 'paid') AS paid,
               (SELECT sum(amount_usd) FROM payments WHERE kind IN ('reservation', 'release')) AS kept,
               (SELECT available_usd FROM marketplace.requesters) AS available,
               (SELECT on_hold_usd FROM marketplace.requesters) AS on_hold
    """)
    assert money.paid == money.kept == house.settings.marketplace_opening_balance_usd - money.available
    assert money.on_hold == 0


@pytest.mark.parametrize(
    "operation",
    [
        "CreateQualificationType",
        "CreateHITType",
        "CreateHITWithHITType",
        "ListHITs",
        "ListAssignmentsForHIT",
        "ApproveAssignment",
        "GetAccountBalance",
    ],
)
def test_nonsense_at_any_stage_is_said_and_the_batch_goes_on_when_it_ends(house: House, operation: str) -> None:
    batch_id = house.draft(2, assignments_per_item=1, quorum=1)
    house.launch(batch_id)
    for name, answer in NONSENSE.items():
        house.wire.refuse[operation] = answer
        turn(house, batch_id)
        with suppress(ServiceError):
            watching.run_balance(house.runtime, LOCAL)
        watching.look(house.runtime)
        answerable = house.rows("SELECT id FROM hits WHERE status = 'live' AND NOT exhausted ORDER BY id")
        if name == "an HTML page" and answerable:
            for hit in answerable:
                house.answer("Ada", hit.id, lambda _: "given")
    with house.database.transaction() as db:
        (alert,) = alert_report.alerts_seen(db)
    assert alert.kind == "attention"
    assert operation in alert.message
    house.wire.refuse.clear()
    turn(house, batch_id)
    for hit in house.rows(
        "SELECT h.id FROM hits AS h WHERE NOT EXISTS (SELECT 1 FROM assignments WHERE hit_id = h.id)"
    ):
        with suppress(AssertionError):  # it was answered while the answers could not be collected
            house.answer("Ada", hit.id, lambda _: "given")
    for _ in range(3):
        turn(house, batch_id)
    with suppress(ServiceError):
        watching.run_balance(house.runtime, LOCAL)
    whole(house)


# --- clocks --------------------------------------------------------------------------------------------------------------


class Elsewhen(Database):
    """A database whose clock is hours off from ours: its `now()` and `clock_timestamp()` are shifted."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        engine: Engine = self.engine
        event.listen(engine, "connect", lambda connection, _: connection.execute(_SHIFTED_FIRST))


_SHIFTED_FIRST = "SET search_path = elsewhen, public, jobs, pg_catalog"


def shift(url: str, hours: int) -> None:
    """Give the database functions of its clock that are `hours` ahead of the real one, and have its defaults use them."""
    with psycopg.connect(psycopg_url(url), autocommit=True) as admin:
        admin.execute("CREATE SCHEMA elsewhen")
        for name in ("now", "clock_timestamp"):
            admin.execute(
                f"CREATE FUNCTION elsewhen.{name}() RETURNS timestamptz LANGUAGE sql AS"
                f" $$ SELECT pg_catalog.{name}() + interval '{hours} hours' $$"
            )
        defaults = admin.execute("""
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_default = 'now()'
        """).fetchall()
        for table, column in defaults:
            admin.execute(f"ALTER TABLE public.{table} ALTER {column} SET DEFAULT elsewhen.now()")


@pytest.fixture(params=[5, -5], ids=["our clock is behind", "our clock is ahead"])
def elsewhen(
    request: pytest.FixtureRequest, postgres_url: str, template_database: str, tmp_path: Path
) -> Iterator[House]:
    """A house whose database is five hours ahead of, or behind, the processes that work on it."""
    with copied_database(postgres_url, template_database) as url:
        shift(url, request.param)
        (tmp_path / "files").mkdir()
        database = Elsewhen(url)
        base = Settings(
            data_dir=tmp_path / "data", secret_key="x" * 32, calls_per_second=2000, database_url=database.url
        )
        plain = Database(url)
        with running_marketplace(base, plain) as site, wire_to(site) as wire:
            settings = base.model_copy(update={"marketplace_public_url": wire.url})
            settings.__dict__.pop("marketplace_url", None)
            house = House(settings, database, Runtime(settings, database), tmp_path / "files", site, wire)
            yield house
            for browser in house.browsers.values():
                browser.close()
        database.close()
        plain.close()


def test_a_batch_runs_to_its_end_on_a_database_whose_clock_is_hours_off(elsewhen: House) -> None:
    batch_id = elsewhen.live(2, assignments_per_item=1, quorum=1)
    for hit in elsewhen.rows("SELECT id FROM hits ORDER BY id"):
        elsewhen.answer("Ada", hit.id, lambda _: "given")
    elsewhen.collect(batch_id)
    elsewhen.collect(batch_id)
    whole(elsewhen)


def test_a_call_that_failed_is_tried_again_in_seconds_not_in_hours_and_not_at_once(elsewhen: House) -> None:
    batch_id = elsewhen.draft(1)
    elsewhen.launch(batch_id)
    elsewhen.wire.refuse["CreateHITWithHITType"] = (503, b"<h1>503</h1>")
    elsewhen.publish(batch_id)
    elsewhen.wire.refuse.clear()
    wait = elsewhen.one("SELECT extract(epoch FROM not_before - now()) AS s FROM operations WHERE kind = 'publish'").s
    assert 0 <= wait < 60
    elsewhen.execute("UPDATE operations SET not_before = now()")
    elsewhen.publish(batch_id)
    assert elsewhen.one("SELECT count(*) AS n FROM marketplace.hits").n == 1


def test_a_token_that_the_marketplace_has_forgotten_is_not_trusted_whatever_our_own_clock_says(elsewhen: House) -> None:
    batch_id = elsewhen.draft(1)
    elsewhen.launch(batch_id)
    elsewhen.wire.lose_reply["CreateHITWithHITType"] = 10
    elsewhen.publish(batch_id)
    assert elsewhen.one("SELECT count(*) AS n FROM marketplace.hits").n == 1
    elsewhen.wire.lose_reply.clear()
    # A day and two hours later by the database's clock; by ours it may be less than a day.
    elsewhen.execute(
        "UPDATE operations SET first_attempt_at = now() - interval '26 hours', not_before = now() WHERE kind = 'publish'"
    )
    elsewhen.execute("DELETE FROM marketplace.request_tokens")
    elsewhen.publish(batch_id)
    assert elsewhen.one("SELECT count(*) AS n FROM marketplace.hits").n == 1
    assert elsewhen.one("SELECT status FROM hits").status == "live"


def test_alerts_balances_and_leases_do_not_mind(elsewhen: House) -> None:
    batch_id = elsewhen.live(1)
    watching.look(elsewhen.runtime)
    watching.run_balance(elsewhen.runtime, LOCAL)
    watching.look(elsewhen.runtime)
    with elsewhen.database.transaction() as db:
        assert alert_report.alerts_seen(db) == []
        asked = text(
            "SELECT abs(extract(epoch FROM balance_at - now())) < 60 FROM endpoints WHERE balance_at IS NOT NULL"
        )
        assert db.execute(asked).scalar_one()
    assert elsewhen.one("SELECT status FROM batches WHERE id = :id", id=batch_id).status == "live"
