"""Enqueue a job inside the caller's transaction, by the job's name: both the change and its job are written, or neither.

Tried with procrastinate 3.10 and SQLAlchemy 2.1: a second, blocking queue application may defer through our own
connection; the job runner's asynchronous one cannot.
"""

from enum import StrEnum

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import text
from sqlalchemy.orm import Session

SCHEMA = "jobs"
# Tells our advisory locks from others: the seed of the hash of a job's key.
_ENQUEUEING = 7_268_902


class Job(StrEnum):
    """The coarse jobs. Each re-reads the state, may run twice and may run late. None is ever made per Item."""

    PUBLISH = "publish"
    COLLECT = "collect"
    REVIEW = "review"
    CONSENSUS = "consensus"
    BALANCE = "balance"
    WEBHOOK = "webhook"
    LISTEN = "listen"
    DELETE_HITS = "delete_hits"
    RECONCILE = "reconcile"


# Polling feeds all other stages of all Batches: it goes first.
_PRIORITY = {Job.COLLECT: 5}

_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def enqueue(db: Session, job: Job, **ids: int | str) -> bool:
    """Write a job row into the open transaction `db`. Returns whether a row was written.

    The same job with the same ids waits at most once, and runs once at a time: a long one must not fill every runner's
    places. A job that waited already may have been fetched before this transaction commits, and then has not seen it; the
    timetable's tick asks again for whatever is outstanding, so nothing is lost, only late. Never waits for another
    transaction that enqueues the same job: two that ask for the same jobs in different orders would lock each other out.
    """
    key = ":".join([job, *(str(value) for value in ids.values())])
    mine = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, :kind))")
    if not db.execute(mine, {"key": key, "kind": _ENQUEUEING}).scalar_one():
        return False
    waiting = text("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :key AND status = 'todo'")
    if db.execute(waiting, {"key": key}).first() is not None:
        return False
    try:
        with db.begin_nested():  # a unique violation (a stalled job came back just now) must not end the caller's work
            _deferring.configure_task(
                job,
                queueing_lock=key,
                lock=key,
                priority=_PRIORITY.get(job, 0),
                connection=db.connection().connection.driver_connection,
            ).defer(**ids)
    except AlreadyEnqueued:
        return False
    return True


def others_wait(db: Session) -> bool:
    """Whether a job could run now and has not found a place in any runner."""
    waiting = text("""
        SELECT EXISTS (
            SELECT 1 FROM procrastinate_jobs AS j
            WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
              AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS o WHERE o.lock = j.lock AND o.status = 'doing'))
    """)
    return bool(db.execute(waiting).scalar_one())
