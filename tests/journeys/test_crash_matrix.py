"""The crash matrix: a process dies at every boundary of every stage that calls the marketplace; another one goes on.

A boundary lies between two statements that touch the database or the marketplace (tests/crashing/boundaries.py). Each point
has a Batch of its own, and is a process of its own that ends without a word. Then the ordinary jobs run until nothing
changes any more, and every promise must hold. The Batches then go on into the next stage, to be interrupted there.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.db import bonus_plans, decisions
from app.db.decisions import Decided
from app.db.engine import Database
from app.domain.decisions import Ruling
from app.domain.vocabulary import AssignmentId, BatchId
from app.pipeline import batches, bonuses, deletion
from tests.crashing import children
from tests.crashing.boundaries import DIED
from tests.crashing.fork_server import ForkServer
from tests.crashing.house import CrashHouse, crash_house
from tests.installation_invariants import broken_promises, watch_caps

pytestmark = [pytest.mark.journey, pytest.mark.timeout(2700)]

LANES = 2
# Every boundary by default; `LABELJURY_CRASH_EVERY=7` takes each seventh, for a quick look.
EVERY = int(os.environ.get("LABELJURY_CRASH_EVERY") or 1)
MOST_BOUNDARIES = 140
# Of an override and all that follows; the other Batches stay as they are, which is one more thing to be right about.
MOST_OF_LATER_ONES = 105
PUBLISH = ("CreateQualificationType", "CreateHITType", "CreateHITWithHITType")


@dataclass(slots=True)
class Matrix:
    """An installation, the processes that die in it, and where each Batch's processes died."""

    house: CrashHouse
    server: ForkServer
    died_at: dict[int, list[str]] = field(default_factory=dict)

    def die_everywhere(
        self,
        stage: str,
        job: str,
        there: Sequence[BatchId],
        *,
        calls: set[str],
        argument: str | None = None,
        before: Callable[[BatchId], None] = lambda batch_id: None,
        after: Callable[[], None] = lambda: None,
        lanes: int = LANES,
    ) -> None:
        """One process per boundary of the job, each on a Batch of its own: the n-th dies at the n-th boundary.

        there: Batches in the state that the job takes up; one warms up the processes, one tells the boundaries by passing
        them all. calls: what
        the job must be found to ask of the marketplace on the way.
        argument: the job's, where it is not the Batch. before: what happens to a Batch right before its turn. after: what
        happens right after a death, where one Batch's leftovers would be another one's work.
        """
        warming, passing, *dying = there
        before(warming)
        self.server.prepare(children.warm_up, self.house.chosen, job, argument or warming)
        before(passing)
        passed: list[str] = self.server.run(children.run_job, self.house.chosen, job, argument or passing, None)
        assert calls <= {what.removeprefix("call ") for what in passed if what.startswith("call ")}, passed
        numbers = range(EVERY, len(passed) + 1, EVERY)
        assert len(numbers) <= len(dying), (
            f"{stage} has {len(passed)} boundaries: raise MOST_BOUNDARIES or MOST_OF_LATER_ONES"
        )

        def die(number: int, batch_id: BatchId) -> bool:
            before(batch_id)
            self.died_at.setdefault(batch_id, []).append(
                f"{stage} at {number} of {len(passed)}, `{passed[number - 1]}`"
            )
            ended = self.server.start(children.run_job, self.house.chosen, job, argument or batch_id, number).wait()
            # Who takes longer looks around more often, and asks for room more often: not all have as many boundaries.
            was_over = ended.code == 0 and len(ended.answer) < number
            assert ended.code == DIED or was_over, (
                f"Batch {batch_id} was to die in {self.died_at[batch_id][-1]}: {ended}"
            )
            after()
            return ended.code == DIED

        with ThreadPoolExecutor(lanes) as pool:
            died = sum(pool.map(die, numbers, dying))
        assert died >= 0.8 * len(numbers), f"{stage}: only {died} of {len(numbers)} died"
        for batch_id in dying[len(numbers) :]:
            before(batch_id)
        after()
        self.check(at_rest=False)

    def die_somewhere(self, stage: str, job: str, there: Sequence[BatchId], *, boundaries: int, seed: int) -> None:
        """The same with four threads calling at once, so that boundaries come in any order: each dies at a random one."""
        rng = random.Random(seed)
        chosen = {**self.house.chosen, "publish_threads": 4}

        def die(batch_id: BatchId, number: int) -> None:
            self.died_at.setdefault(batch_id, []).append(f"{stage} with four threads at {number}, seed {seed}")
            ended = self.server.start(children.run_job, chosen, job, batch_id, number).wait()
            assert ended.code in {DIED, 0}, f"Batch {batch_id} in {self.died_at[batch_id][-1]}: {ended}"

        numbers = [rng.randint(1, boundaries) for _ in there]
        with ThreadPoolExecutor(LANES) as pool:
            list(pool.map(die, there, numbers))
        self.check(at_rest=False)

    def recover(self) -> None:
        """A fresh process runs the ordinary jobs until they come to rest; then everything must be in order."""
        self.server.run(
            children.run_until_quiet,
            {**self.house.chosen, "publish_threads": 4},
            timeout_s=1500,
        )
        self.check(at_rest=True)

    def check(self, *, at_rest: bool) -> None:
        """Every promise holds; what is broken is said with where the Batch's processes died."""
        with self.house.database.transaction() as db:
            broken = broken_promises(db, at_rest=at_rest)
        said = [f"Batch {batch_id}: {what}; died in {self.died_at.get(batch_id)}" for batch_id, what in broken[:20]]
        assert not broken, "\n".join([f"{len(broken)} promises broken:", *said])

    def launched(self, count: int, **values: Any) -> list[BatchId]:
        """Batches of two HITs for two answers each, or three where two disagree; launched and not planned yet."""
        wanted = {"assignments_per_item": 3, "first_assignments": 2, "quorum": 2, "cap_usd": Decimal(5), **values}
        made = [self.house.draft(2, **wanted) for _ in range(count // EVERY + 3)]
        for batch_id in made:
            self.house.launch(batch_id)
        return made

    def answer(self, batch_id: BatchId, name: str, *words: str) -> None:
        """Somebody answers the Batch's first HIT with the first word, and so on; nothing says to leave it out."""
        hits = self.house.rows("SELECT marketplace_hit_id FROM hits WHERE batch_id = :id ORDER BY id", id=batch_id)
        for (hit_id,), word in zip(hits, words, strict=False):
            if word:
                self.house.answer(name, hit_id, lambda _, word=word: word)  # type: ignore[misc]

    def work_of(self, batch_id: BatchId, name: str) -> Any:
        """The only Assignment that somebody has handed in for the Batch, as we know it."""
        return self.house.one(
            "SELECT a.id, a.marketplace_assignment_id AS name FROM assignments a JOIN hits h ON h.id = a.hit_id"
            " JOIN workers w ON w.id = a.worker_id WHERE h.batch_id = :id AND w.marketplace_worker_id = :worker",
            id=batch_id,
            worker=self.house.workers[name],
        )

    def rule(self, batch_id: BatchId, name: str, ruling: Ruling) -> None:
        """Rita decides on somebody's only work of the Batch."""
        decided = Decided(AssignmentId(self.work_of(batch_id, name).id), ruling, "The text was not read.")
        with self.house.database.transaction() as db:
            decisions.record_decisions(db, batch_id, [decided], by="rita", now=datetime.now(UTC))

    def bonus(self, batch_id: BatchId, name: str) -> None:
        """Rita pays a bonus of three cents for it."""
        with self.house.database.transaction() as db:
            plan = bonus_plans.plan_one(
                db, batch_id, assignment_id=self.work_of(batch_id, name).name, amount="0.03", reason="Well explained."
            )
            bonuses.pay(db, batch_id, plan, by="rita", settings=self.house.settings)

    def statuses(self, there: Sequence[BatchId]) -> set[str]:
        """Those of the Batches."""
        return {
            row.status for row in self.house.rows("SELECT status FROM batches WHERE id = ANY(:ids)", ids=list(there))
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with ForkServer(tmp_path_factory.mktemp("children") / "children.log") as server:
        yield server


@pytest.fixture
def matrix(server: ForkServer, database: Database, tmp_path: Path) -> Iterator[Matrix]:
    watch_caps(database)
    with crash_house(database, tmp_path, publish_threads=1) as house:
        server.prepare(children.prepare, house.chosen)
        yield Matrix(house, server)


def test_a_death_at_any_boundary_publishes_nothing_twice_and_pays_exactly(matrix: Matrix) -> None:
    house = matrix.house
    (earlier, *_) = matrix.launched(0, assignments_per_item=1, first_assignments=1, quorum=1)
    matrix.recover()
    matrix.answer(earlier, "Eve", "given", "given")
    matrix.recover()
    there = matrix.launched(MOST_BOUNDARIES, excluded_batches=(earlier,))
    matrix.die_everywhere(
        "publish and qualify", "stages.run_publish", there, calls={"AssociateQualificationWithWorker", *PUBLISH}
    )
    matrix.recover()

    for batch_id in there:
        matrix.answer(batch_id, "Ada", "", "given")
        matrix.answer(batch_id, "Bob", "", "guessed")  # they disagree: a third is asked for
    house.collect()
    matrix.die_everywhere(
        "extend and approve",
        "stages.run_review",
        there,
        calls={"CreateAdditionalAssignmentsForHIT", "ApproveAssignment"},
    )
    matrix.recover()

    for batch_id in there:
        matrix.answer(batch_id, "Mallory", "", "both")
    house.collect()
    for batch_id in there:
        matrix.rule(batch_id, "Mallory", Ruling.REJECT)
        matrix.bonus(batch_id, "Mallory")
    matrix.die_everywhere("reject and pay a bonus", "stages.run_review", there, calls={"RejectAssignment", "SendBonus"})
    matrix.recover()

    later = there[: MOST_OF_LATER_ONES // EVERY + 3]
    for batch_id in later:
        matrix.rule(batch_id, "Mallory", Ruling.OVERRIDE)
    matrix.die_everywhere("override", "stages.run_review", later, calls={"ApproveAssignment"})
    matrix.recover()

    for batch_id in later:
        matrix.answer(batch_id, "Ada", "given")
        matrix.answer(batch_id, "Carol", "given", "given")  # the second in place of what was rejected at the time
    matrix.recover()
    assert matrix.statuses(later) == {"done"}
    assert matrix.statuses(there[len(later) :]) <= {"live"}
    for batch_id in later:
        with house.database.transaction() as db:
            deletion.delete_hits(db, batch_id, by="rita", anyway=True)
    matrix.die_everywhere("delete", "deleting.run_delete", later, calls={"DeleteHIT"})
    matrix.recover()


def test_a_death_at_any_boundary_loses_no_answer_and_leaves_a_stopped_batch_with_nothing_open(matrix: Matrix) -> None:
    there = matrix.launched(70)
    matrix.recover()
    matrix.die_everywhere(
        "collect",
        "stages.run_collect",
        there,
        calls={"ListHITs", "ListAssignmentsForHIT"},
        argument="local",
        before=lambda batch_id: matrix.answer(batch_id, "Ada", "given", "given"),
        after=matrix.house.collect,
        lanes=1,  # of several polls at once one would do another one's work
    )
    for batch_id in there:
        with matrix.house.database.transaction() as db:
            batches.stop(db, batch_id, by="rita")
    matrix.die_everywhere("expire", "stages.run_publish", there, calls={"UpdateExpirationForHIT"})
    matrix.recover()
    assert matrix.statuses(there) == {"stopped"}


def test_a_death_anywhere_among_four_calls_at_once_does_no_harm_either(matrix: Matrix) -> None:
    there = matrix.launched(30, assignments_per_item=2)
    matrix.die_somewhere("publish", "stages.run_publish", there, boundaries=80, seed=1)
    matrix.recover()
    for batch_id in there:
        matrix.answer(batch_id, "Ada", "given", "given")
        matrix.answer(batch_id, "Bob", "given", "guessed")
    matrix.house.collect()
    matrix.die_somewhere("approve", "stages.run_review", there, boundaries=120, seed=2)
    matrix.recover()
    assert matrix.statuses(there) == {"done"}
