"""One seed of the random kills: a Batch, what goes wrong on the wire meanwhile, and when the job runner is killed.

Everything is drawn from the seed. Several lanes work side by side, each an installation with a database, a marketplace and
a job runner of its own, so that a seed that failed can be repeated alone.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import bonus_plans
from app.db.engine import Database
from app.domain.decisions import Ruling
from app.domain.review_policy import ReviewRule
from app.domain.vocabulary import BatchId, PauseReason
from app.errors import MarketplaceError, ServiceError
from app.jobs import housekeeping
from app.marketplace import faults
from app.marketplace.context import utc_now
from app.marketplace.sites.refusals import Refused
from app.marketplace.store import AccessKey
from app.pipeline import batches, bonuses, continuing, dropping, rulings
from app.settings import Settings
from tests.crashing import children
from tests.crashing.fork_server import Child, ForkServer
from tests.crashing.house import CrashHouse
from tests.installation_invariants import broken_promises, watch_caps
from tests.ports import free_ports

WORDS = ("given", "guessed", "both", "neither", "cannot_tell")
WEIGHTS = (50, 35, 7, 4, 4)
POLICIES = ("approve_all", "approve_all", "hold", "agreement:0.5,after=2", "agreement:0.6,after=2,reject_below=0.3")
UNREADABLE = 0.03  # so many answers cannot be read
PEOPLE = tuple(f"Worker {n}" for n in range(1, 31))
# How often, each time she looks, Rita has something to say about somebody's work; and in all.
HABIT, MOST_WORDS = 0.15, 4
RAISED_CAP = Decimal(50)
LOOK_EVERY_S = 0.05
# How much faster than the clock what waits falls due, and how soon after a death its leases end.
TIME_PASSES_EVERY_S = 0.5
DONE_WITHIN_S = 400.0  # seconds, nearly always; on a machine that is busy with other things much longer
READY_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Kill:
    """Once this share of the HITs was published, or of the answers collected or approved; and this much later."""

    of: str
    share: float
    delay_s: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a seed stands for. `stops_at`: the Batch is stopped once so many answers are in; None: never."""

    seed: int
    items: int
    batch: dict[str, Any]
    faults: dict[str, Any]
    kills: tuple[Kill, ...]
    stops_at: int | None

    @classmethod
    def of(cls, seed: int) -> "Drawn":
        rng = random.Random(seed)
        most = rng.choice((2, 3, 3, 5))
        first = rng.randint(1, most) if rng.random() < 0.6 else most
        batch = {
            "name": f"seed {seed}",
            "seed": seed,
            "items_per_hit": rng.choice((1, 1, 2)),
            "assignments_per_item": most,
            "first_assignments": first,
            "quorum": rng.randint(1, most),
            "cap_usd": rng.choice((None, Decimal(5))),
            "review": ReviewRule.parse(rng.choice(POLICIES)),
            **({"pilot_items": 2, "release_agreement": rng.choice((None, 0.1))} if rng.random() < 0.2 else {}),
        }
        wrong = {
            "seed": seed,
            "reply_lost_share": rng.choice((0.0, 0.05, 0.15)),
            "server_error_share": rng.choice((0.0, 0.05, 0.1)),
            "late_error_share": rng.choice((0.0, 0.05, 0.1)),
            "throttle_per_s": rng.choice((None, 20.0, 50.0)),
            "slow_ms": rng.choice((5, 20, 40)),  # some time for a kill to come in the middle of a call
            "list_lag_s": rng.choice((0.0, 0.0, 0.5)),
            "duplicate_notifications": rng.random() < 0.3,
        }
        kinds = rng.choice(
            (["published"], ["collected"], ["approved"], ["published", "collected"], ["published", "approved"])
        )
        kills = tuple(Kill(kind, rng.uniform(0, 0.9), rng.uniform(0, 0.05)) for kind in kinds)
        items = rng.randint(3, 6)
        stops_at = rng.randint(0, items * first) if rng.random() < 0.15 else None
        return cls(seed, items, batch, wrong, kills, stops_at)


_PROGRESS = """
    SELECT b.status, b.pause_reason, b.attention,
        (SELECT count(*) FROM assignments AS a JOIN hits ON hits.id = a.hit_id
            WHERE hits.batch_id = b.id AND a.held_at IS NOT NULL AND a.status = 'submitted') AS held,
        count(h.id) AS hits, count(h.id) FILTER (WHERE h.status NOT IN ('planned', 'publishing')) AS published,
        coalesce(sum(h.max_assignments), 0) AS places,
        (SELECT count(*) FROM operations AS o WHERE o.batch_id = b.id AND o.status = 'acting') AS acting,
        (SELECT count(*) FROM operations AS o WHERE o.batch_id = b.id AND o.status IN ('intended', 'acting')) AS calls,
        (SELECT count(*) FROM items AS i WHERE i.batch_id = b.id AND i.consensus_stale) AS stale,
        (SELECT count(*) FROM assignments AS a JOIN hits ON hits.id = a.hit_id WHERE hits.batch_id = b.id) AS collected,
        (SELECT count(*) FROM assignments AS a JOIN hits ON hits.id = a.hit_id
            WHERE hits.batch_id = b.id AND a.status = 'approved') AS approved
    FROM batches AS b LEFT JOIN hits AS h ON h.batch_id = b.id WHERE b.id = :id GROUP BY b.id
"""


@dataclass
class Lane:
    """One installation at work, seed after seed."""

    house: CrashHouse
    server: ForkServer
    runner: Child
    killed: Counter[str] = field(default_factory=Counter)
    _time_passed_at: float = 0.0
    _words_left: int = 0

    def run(self, seed: int) -> None:
        """Everything that the seed stands for, until its Batch is over; then every promise must hold."""
        drawn = Drawn.of(seed)
        try:
            self._have_faults(drawn.faults)
            batch_id = self.house.draft(drawn.items, **drawn.batch)
            self._launch(batch_id)
            self._until_over(batch_id, drawn)
            self._have_faults(None)
            with self.house.database.transaction() as db:
                broken = broken_promises(db)
            assert not broken, broken
        except BaseException as error:
            error.add_note(f"LABELJURY_KILL_SEEDS={seed} repeats it alone: {drawn}")
            raise

    def _until_over(self, batch_id: BatchId, drawn: Drawn) -> None:
        rng, kills = random.Random(f"people of {drawn.seed}"), list(drawn.kills)
        deadline = time.monotonic() + DONE_WITHIN_S
        stopped, self._words_left = drawn.stops_at is None, MOST_WORDS
        while True:
            seen = self.house.one(_PROGRESS, id=batch_id)
            if seen.status in {"done", "stopped"} and not seen.calls and not seen.stale:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"not over within {DONE_WITHIN_S:.0f} s: {seen}; {self._open(batch_id)}")
            if kills and _is_due(kills[0], seen):
                self._kill(kills.pop(0), batch_id)
            if not stopped and seen.status == "live" and seen.collected >= (drawn.stops_at or 0):
                with self.house.database.transaction() as db:
                    batches.stop(db, batch_id, by="rita")
                stopped = True
            if kills and kills[0].of == "published" and seen.status == "live":
                self._time_passes()
                time.sleep(0.005)  # that is over in a moment: look again at once
                continue
            self._people_answer(batch_id, rng)
            self._rita_decides(batch_id, seen, rng)
            self._time_passes()
            time.sleep(LOOK_EVERY_S)

    def _open(self, batch_id: BatchId) -> list[Any]:
        """What is still to be done, for whoever reads a failure."""
        return [
            *self.house.rows(
                "SELECT kind, status, attempts, error, not_before FROM operations"
                " WHERE batch_id = :id AND status NOT IN ('done', 'cancelled')",
                id=batch_id,
            ),
            *self.house.rows(
                "SELECT h.id, h.status, h.exhausted, h.max_assignments, h.pending, h.marketplace_status, m.status, m.pending,"
                " (SELECT string_agg(a.status || ' ' || a.answer_state, ', ') FROM assignments a WHERE a.hit_id = h.id)"
                " FROM hits h LEFT JOIN marketplace.hits m ON m.id = h.marketplace_hit_id WHERE h.batch_id = :id",
                id=batch_id,
            ),
            *self.house.rows("SELECT task_name, status, count(*) FROM jobs.procrastinate_jobs GROUP BY 1, 2"),
        ]

    def _kill(self, kill: Kill, batch_id: BatchId) -> None:
        """Kill -9, then a fresh runner. Counts the kills that came while there was something under way."""
        time.sleep(kill.delay_s)
        seen = self.house.one(_PROGRESS, id=batch_id)
        self.runner.kill()
        if kill.of == "published":
            self.killed["in publish"] += seen.acting > 0 or seen.published < seen.hits
        else:
            self.killed["in review"] += seen.acting > 0 or seen.approved < seen.collected
        self.killed["in all"] += 1
        self.house.execute(
            "UPDATE operations SET lease_until = now() - interval '1 s' WHERE status = 'acting';"
            "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 h'"
        )
        self.runner = self.server.start(children.run_jobs, self.house.chosen)

    def _people_answer(self, batch_id: BatchId, rng: random.Random) -> None:
        """Some of the HITs on offer get an answer, by somebody who has not given one."""
        offered = self.house.rows(
            "SELECT id FROM marketplace.hits WHERE status = 'Assignable' AND requester_annotation LIKE :ours ORDER BY seq",
            ours=f"label-jury batch={batch_id} %",
        )
        for (hit_id,) in offered:
            if rng.random() < 0.5:
                word = "?" if rng.random() < UNREADABLE else rng.choices(WORDS, WEIGHTS)[0]
                with suppress(Refused):
                    self.house.answer(rng.choice(PEOPLE), hit_id, lambda _, word=word: word)  # type: ignore[misc]

    def _rita_decides(self, batch_id: BatchId, seen: Any, rng: random.Random) -> None:
        """She looks after what waits for a person, rejects and takes back, pays bonuses, drops a Worker now and then.

        Where she may not (any more) she is told so; that is not what is tested here.
        """
        if seen.status == "paused":
            if seen.pause_reason == PauseReason.CAP:
                # What was lost and asked for again has used up what the rest was to cost: resumed as it is, it pauses again.
                self._try(batches.set_cap, batch_id, RAISED_CAP, by="rita")
            go_on = continuing.release if seen.pause_reason == PauseReason.PILOT else batches.resume
            self._try(go_on, batch_id, by="rita")
        if seen.held:
            ruling = rng.choices(list(Ruling)[:3], (6, 2, 1))[0]
            self._try(rulings.rule_on_held, batch_id, ruling, by="rita", now=utc_now(), feedback="As we wrote you.")
        if seen.collected and self._words_left and rng.random() < HABIT:
            self._words_left -= 1
            name = self.house.one(
                "SELECT a.marketplace_assignment_id AS name FROM assignments a JOIN hits h ON h.id = a.hit_id"
                " WHERE h.batch_id = :id ORDER BY md5(a.id || :salt) LIMIT 1",
                id=batch_id,
                salt=str(rng.random()),
            ).name
            self._try(self._interfere, batch_id, name, rng)

    def _interfere(self, db: Session, batch_id: BatchId, name: str, rng: random.Random) -> None:
        """With one Assignment, in one of five ways."""
        match rng.choice(("reject", "soft_reject", "override", "bonus", "drop")):
            case "bonus":
                amount, reason = f"0.0{rng.randint(1, 3)}", "Well explained."
                plan = bonus_plans.plan_one(db, batch_id, assignment_id=name, amount=amount, reason=reason)
                bonuses.pay(db, batch_id, plan, by="rita", settings=self.house.settings)
            case "drop":
                worker = db.execute(
                    text("""SELECT w.pseudonym FROM workers AS w JOIN assignments AS a ON a.worker_id = w.id
                        WHERE a.marketplace_assignment_id = :name"""),
                    {"name": name},
                ).scalar_one()
                dropping.drop(db, batch_id, worker, reason="Clicked without reading.", by="rita")
            case ruling:
                rulings.rule_on(
                    db, batch_id, Ruling(ruling), [name], by="rita", now=utc_now(), feedback="The texts were not read."
                )

    def _try(self, act: Callable[..., object], *arguments: Any, **options: Any) -> None:
        with suppress(ServiceError), self.house.database.transaction() as db:
            act(db, *arguments, **options)

    def _time_passes(self) -> None:
        """The timetable, and what waits for its time, come sooner than by the clock; nothing else differs."""
        if time.monotonic() < self._time_passed_at + TIME_PASSES_EVERY_S:
            return
        self.house.execute(
            "UPDATE operations SET not_before = now() - interval '1 s' WHERE status = 'intended' AND not_before > now();"
            "UPDATE endpoints SET polled_at = NULL"
        )
        # Long after a call that was cut off: what a list will not show by now was never made.
        self.house.execute("""
            UPDATE operations AS o SET first_attempt_at = o.first_attempt_at - interval '1 h',
                not_before = o.not_before - interval '1 h', lease_until = o.lease_until - interval '1 h',
                finished_at = o.finished_at - interval '1 h'
            FROM batches AS b WHERE b.id = o.batch_id AND b.status = 'stopping' AND o.kind IN ('publish', 'extend')
              AND o.status IN ('intended', 'acting', 'failed') AND o.attempts > 0
              AND greatest(o.first_attempt_at, o.not_before, o.finished_at)
                  BETWEEN now() - interval '50 min' AND now() - interval '3 s'
              AND (o.status <> 'acting' OR o.lease_until < now())
        """)
        housekeeping.tick(self.house.runtime)
        self._time_passed_at = time.monotonic()

    def _have_faults(self, wanted: dict[str, Any] | None) -> None:
        """For every call that our service makes; the marketplace reads them once a second."""
        kept = (
            None if wanted is None else faults.stored(faults.parse({k: v for k, v in wanted.items() if v is not None}))
        )
        with self.house.database.transaction() as db:
            for key in db.query(AccessKey).all():
                key.faults = kept

    def _launch(self, batch_id: BatchId) -> None:
        """Until it works: a launch asks for the balance, and that call may go wrong like any other."""
        for _ in range(20):
            with suppress(MarketplaceError):
                self.house.launch(batch_id)
                return
        raise AssertionError("twenty times the balance could not be asked for")


def _is_due(kill: Kill, seen: Any) -> bool:
    whole = {"published": seen.hits, "collected": seen.places, "approved": seen.places}[kill.of]
    return bool(whole and getattr(seen, kill.of) >= kill.share * whole)


@contextmanager
def lane(server: ForkServer, database_url: str, folder: Path) -> Iterator[Lane]:
    """An installation on a migrated database of its own: marketplace and job runner are forked."""
    folder.mkdir()
    (port,) = free_ports(1)
    chosen: dict[str, Any] = {
        "database_url": database_url,
        "data_dir": str(folder / "data"),
        "secret_key": "x" * 32,
        "marketplace_port": port,
        "marketplace_rehearsal": True,
        "calls_per_second": 500,
        "publish_threads": 2,
        "database_pool_size": 4,
        "lease_s": 60,
        "stalled_job_s": 8,
        "log_level": "ERROR",
    }
    settings, database = Settings(_env_file=None, **chosen), Database(database_url, pool_size=2)
    watch_caps(database)
    market = server.start(children.serve_marketplace, chosen)
    runner = server.start(children.run_jobs, chosen)
    one = Lane(CrashHouse(settings, database, chosen, folder), server, runner)
    try:
        _wait_until_it_answers(f"{settings.marketplace_url}/health")
        yield one
    finally:
        one.runner.kill()
        market.kill()
        database.close()


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            with urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            assert time.monotonic() < deadline, f"{url} did not answer within {READY_WITHIN_S:.0f} s"
        time.sleep(0.02)
