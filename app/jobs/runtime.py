"""What every job of one process shares: settings, database, and one client and pacer per marketplace."""

import os
import socket
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime

from app.db import clock, endpoints, heartbeats
from app.db.endpoints import Slots
from app.db.engine import Database
from app.db.leases import LONGEST_CALL_S
from app.db.tables import Batch
from app.errors import Conflict
from app.mturk.attempts import govern
from app.mturk.client import ATTEMPT_S, Marketplace, connect
from app.mturk.notifications import Queue, connect_queue
from app.mturk.pacer import Pacer, Wish
from app.pipeline import batches
from app.settings import MarketplaceProfile, Settings


@dataclass(slots=True)
class Runtime:
    """The shared things of one job runner. gives_way: a job ends its turn early while others wait in the queue for a place."""

    settings: Settings
    database: Database
    runner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stopping: threading.Event = field(default_factory=threading.Event)
    gives_way: bool = False
    _marketplaces: dict[MarketplaceProfile, tuple[Marketplace, Pacer]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _queue: Queue | None = None

    def marketplace(self, profile: str) -> tuple[Marketplace, Pacer]:
        """The client and the pacer for `profile`, made on first use."""
        known = MarketplaceProfile(profile)
        with self._lock:
            if known not in self._marketplaces:
                marketplace = connect(self.settings, known, governed=True)
                pacer = self._pacer(marketplace.endpoint_url)
                govern(marketplace.client, pacer)
                self._marketplaces[known] = (marketplace, pacer)
            return self._marketplaces[known]

    def notifications(self) -> Queue | None:
        """The queue that the settings name, if they do, connected to on first use."""
        with self._lock:
            self._queue = self._queue or connect_queue(self.settings)
            return self._queue

    def now(self) -> datetime:
        """The moment by the database's clock, which all job runners share: ours may be off."""
        with self.database.reading() as db:
            return clock.now(db)

    def forget(self, profile: str) -> None:
        """Connect anew at the next use: the credentials were refused, and may be others by then."""
        with self._lock:
            self._marketplaces.pop(MarketplaceProfile(profile), None)

    def marketplace_of(self, batch: Batch) -> tuple[Marketplace, Pacer]:
        """The client and the pacer for the endpoint on which the Batch was launched. Raises Conflict where that changed."""
        marketplace, pacer = self.marketplace(batch.profile)
        batches.check_endpoint(batch, marketplace)
        self.check_reconciled(batch.profile)
        return marketplace, pacer

    def check_reconciled(self, profile: str) -> None:
        """Raise Conflict while the marketplace may know more than this database: a restored backup spends nothing yet."""
        try:
            url = self.settings.endpoint_url(MarketplaceProfile(profile))
        except ValueError:
            return  # said where it is connected to
        with self.database.transaction() as db:
            if heartbeats.must_reconcile(db, url):
                raise Conflict(
                    "this database is a restored backup, or was not in use for long: nothing is published or paid before it"
                    " was compared with the marketplace; job runners do it, or `labeljury reconcile --repair`"
                )

    def _pacer(self, url: str) -> Pacer:
        def reserve(wish: Wish) -> Slots:
            with self.database.transaction() as db:
                return endpoints.reserve(db, url, ceiling=self.settings.calls_per_second, **asdict(wish))

        def slow_down(given_at: datetime) -> None:
            with self.database.transaction() as db:
                endpoints.slow_down(db, url, given_at=given_at)

        return Pacer(
            reserve,
            slow_down,
            threads=self.settings.publish_threads,
            stopping=self.stopping,
            longest_act_s=LONGEST_CALL_S - ATTEMPT_S,
        )
