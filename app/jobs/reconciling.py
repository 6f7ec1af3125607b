"""Comparing with the marketplace: on a timetable, at once after a break, and when somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.calls.walk import Turn
from app.db import heartbeats, known_differences, our_side
from app.db.known_differences import KnownDifference
from app.db.queue import Job, enqueue
from app.domain.differences import SETTLES_WITHIN, Finding
from app.domain.vocabulary import BatchId
from app.jobs.runtime import Runtime
from app.logs import about, get_logger
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.pipeline import collect, reconcile, repairs
from app.pipeline.reconcile import Comparison, Watch
from app.secrets import installation_secret
from app.settings import MarketplaceProfile

log = get_logger(__name__)

# A repair may uncover another difference: a HIT that is known has places, a HIT that is collected has bonuses.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it. `left`: what a person must decide; `comparison`: the last one."""

    endpoint_url: str
    comparison: Comparison
    repaired: Sequence[Finding]
    left: Sequence[KnownDifference]


def reconcile_now(
    runtime: Runtime,
    profile: str,
    *,
    batch_id: BatchId | None = None,
    deep: bool = False,
    repair: bool = False,
    even_so: bool = False,
    watch: Watch = lambda done, total: None,
) -> Reconciled:
    """Compare, keep what differs and, if asked to, repair what is safe until nothing more can be. Raises MarketplaceError.

    After a break in this database's use (`db/heartbeats.py`) it is deep, whatever was asked.
    even_so: it counts as done although the work of some HITs could not be read.
    """
    marketplace, pacer = runtime.marketplace(profile)
    with runtime.database.transaction() as db:
        after_break = heartbeats.must_reconcile(db, marketplace.endpoint_url)
    deep = deep or after_break
    # After a break nothing of ours is under way: however young, it is not on its way here.
    patience = timedelta() if after_break else SETTLES_WITHIN
    this = _Run(runtime, marketplace, pacer, batch_id, deep, patience, watch)
    comparison, repaired = this.look(()), list[Finding]()
    for _ in range(_ROUNDS if repair else 0):
        done = this.repair(comparison)
        if not done:
            break
        repaired += done
        comparison = this.look(repaired)
    with runtime.database.transaction() as db:
        if batch_id is None and repair and (even_so or not comparison.not_looked_into):
            interval_s = runtime.settings.reconcile_interval_s
            heartbeats.reconciled(db, marketplace.endpoint_url, interval_s=interval_s)
        left = known_differences.open_ones(db, endpoint_url=marketplace.endpoint_url, batch_id=batch_id)
    return Reconciled(marketplace.endpoint_url, comparison, repaired, left)


@dataclass(frozen=True, slots=True)
class _Run:
    """One comparison and what it needs, to be made again after each round of repairs."""

    runtime: Runtime
    marketplace: Marketplace
    pacer: Pacer
    batch_id: BatchId | None
    deep: bool
    patience: timedelta
    watch: Watch

    def look(self, repaired: Sequence[Finding]) -> Comparison:
        """Compare and keep what differs, `repaired` being what was put right before."""
        database = self.runtime.database
        comparison = reconcile.compare(
            database,
            self.marketplace,
            self.pacer,
            batch_id=self.batch_id,
            deep=self.deep,
            patience=self.patience,
            watch=self.watch,
        )
        with database.transaction() as db:
            known_differences.keep(
                db,
                self.marketplace.endpoint_url,
                comparison.findings,
                batch_id=self.batch_id,
                complete=not comparison.not_looked_into,
                repaired=repaired,
            )
        return comparison

    def repair(self, comparison: Comparison) -> list[Finding]:
        """Put right what is safe, expire what should be over, and collect what the repairs have opened."""
        runtime, marketplace, pacer = self.runtime, self.marketplace, self.pacer
        done = repairs.repair(runtime.database, comparison.findings)
        turn = Turn(runner=runtime.runner, lease_s=runtime.settings.lease_s)
        for batch_id in sorted({finding.batch_id for finding in done if finding.batch_id is not None}):
            repairs.expire(runtime.database, marketplace, pacer, batch_id, turn)
        if done:
            secret = installation_secret(runtime.settings)
            collect.collect_hinted(runtime.database, marketplace, pacer, secret=secret)
            collect.collect(runtime.database, marketplace, pacer, secret=secret)
        return done


def expire_strays(runtime: Runtime, profile: str, comparison: Comparison) -> int:
    """Expire HITs with our annotation that no row of ours is for. Returns how many. Somebody has asked for exactly this."""
    marketplace, pacer = runtime.marketplace(profile)
    expired = 0
    names = [hit.hit_id for hit in comparison.strays]
    for hit_id, outcome in pacer.each(lambda name: repairs.expire_one(marketplace, name), names):
        if outcome is None:
            expired += 1
            log.info("stray.expired", hit_id=hit_id)
        else:
            log.warning("stray.not_expired", hit_id=hit_id, error=str(outcome))
    return expired


def run_reconcile(runtime: Runtime, profile: str) -> None:
    """The job: compare and repair what is safe; what is left is kept for a person."""
    with about(profile=profile):
        done = reconcile_now(runtime, profile, repair=True)
        for finding in done.left:
            log.warning("difference.open", kind=finding.kind, subject=finding.subject, batch_id=finding.batch_id)


def ask_if_due(runtime: Runtime) -> int:
    """The timetable's part: write the heartbeats, and ask for the comparisons that are due. Returns how many."""
    settings = runtime.settings
    asked = 0
    with runtime.database.transaction() as db:
        for profile in our_side.launched_profiles(db):
            try:
                url = settings.endpoint_url(MarketplaceProfile(profile))
            except ValueError:
                continue  # its Batches say by themselves that the endpoint is not set
            if heartbeats.beat(db, url, ceiling=settings.calls_per_second, interval_s=settings.reconcile_interval_s):
                log.warning("heartbeat.resumed", profile=profile, endpoint_url=url)
            if heartbeats.due_for_reconcile(db, url):
                asked += enqueue(db, Job.RECONCILE, profile=profile)
    return asked
