import threading

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.queue import Job, enqueue, others_wait


def jobs(database: Database) -> list[tuple[str, dict[str, object]]]:
    with database.transaction() as db:
        found = db.execute(text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
        return [(name, args) for name, args in found]


class Regret(Exception):
    """Something went wrong after the job was written."""


def regret(database: Database) -> None:
    with database.transaction() as db:
        enqueue(db, Job.PUBLISH, batch_id=7)
        raise Regret


def test_a_commit_leaves_one_job(database: Database) -> None:
    with database.transaction() as db:
        assert enqueue(db, Job.PUBLISH, batch_id=7)
        assert jobs(database) == []
    assert jobs(database) == [("publish", {"batch_id": 7})]


def test_a_rollback_leaves_no_job(database: Database) -> None:
    with pytest.raises(Regret):
        regret(database)
    assert jobs(database) == []
    with database.transaction() as db:
        assert enqueue(db, Job.PUBLISH, batch_id=7)


def test_the_same_job_with_the_same_ids_waits_once(database: Database) -> None:
    with database.transaction() as db:
        asked = [enqueue(db, Job.PUBLISH, batch_id=7), enqueue(db, Job.PUBLISH, batch_id=7)]
    with database.transaction() as db:
        asked.append(enqueue(db, Job.PUBLISH, batch_id=7))
    assert asked == [True, False, False]
    assert len(jobs(database)) == 1


def test_other_ids_and_other_jobs_wait_beside_it(database: Database) -> None:
    with database.transaction() as db:
        assert enqueue(db, Job.PUBLISH, batch_id=7)
        assert enqueue(db, Job.PUBLISH, batch_id=8)
        assert enqueue(db, Job.REVIEW, batch_id=7)
        assert enqueue(db, Job.COLLECT, profile="local")
    assert len(jobs(database)) == 4


def test_a_job_under_way_does_not_keep_the_next_from_waiting(database: Database) -> None:
    with database.transaction() as db:
        enqueue(db, Job.PUBLISH, batch_id=7)
    with database.transaction() as db:
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    with database.transaction() as db:
        assert enqueue(db, Job.PUBLISH, batch_id=7)


def test_a_job_holds_a_lock_of_its_own_while_it_runs(db: Session) -> None:
    enqueue(db, Job.PUBLISH, batch_id=7)
    enqueue(db, Job.PUBLISH, batch_id=8)
    locks = db.execute(text("SELECT lock FROM procrastinate_jobs ORDER BY id")).scalars().all()
    assert locks == ["publish:7", "publish:8"]


def test_polling_goes_before_the_stages_that_it_feeds(db: Session) -> None:
    enqueue(db, Job.PUBLISH, batch_id=7)
    enqueue(db, Job.COLLECT, profile="local")
    first = db.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY priority DESC, id LIMIT 1")).scalar_one()
    assert first == "collect"


def test_the_callers_work_goes_on_after_a_job_that_waited_already(database: Database) -> None:
    with database.transaction() as db:
        enqueue(db, Job.PUBLISH, batch_id=7)
    with database.transaction() as db:
        assert not enqueue(db, Job.PUBLISH, batch_id=7)
        assert db.execute(text("SELECT 1")).scalar_one() == 1
        assert enqueue(db, Job.REVIEW, batch_id=7)


def test_two_transactions_that_ask_at_once_leave_one_job_and_neither_waits_for_the_other(database: Database) -> None:
    with database.transaction() as first, database.transaction() as second:
        first.execute(text("SET LOCAL lock_timeout = '5s'"))
        second.execute(text("SET LOCAL lock_timeout = '5s'"))
        # In opposite orders: with a lock that is waited for, each would wait for the other.
        asked = [enqueue(first, Job.REVIEW, batch_id=7), enqueue(second, Job.CONSENSUS, batch_id=7)]
        asked += [enqueue(first, Job.CONSENSUS, batch_id=7), enqueue(second, Job.REVIEW, batch_id=7)]
    assert asked == [True, True, False, False]
    assert len(jobs(database)) == 2


def test_many_threads_that_ask_at_once_leave_one_job(database: Database) -> None:
    barrier, written = threading.Barrier(6), []

    def ask() -> None:
        barrier.wait()
        for _ in range(5):
            with database.transaction() as db:
                written.append(enqueue(db, Job.PUBLISH, batch_id=7))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(written) == len(jobs(database)) == 1


def test_a_job_waits_for_a_place_where_it_could_run_and_nobody_took_it(database: Database) -> None:
    with database.transaction() as db:
        assert not others_wait(db)
        enqueue(db, Job.PUBLISH, batch_id=7)
        assert others_wait(db)
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
        assert not others_wait(db)


def test_a_job_that_waits_for_its_own_forerunner_needs_no_place(database: Database) -> None:
    with database.transaction() as db:
        enqueue(db, Job.PUBLISH, batch_id=7)
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing', queueing_lock = NULL"))
        assert enqueue(db, Job.PUBLISH, batch_id=7)
        assert not others_wait(db)
