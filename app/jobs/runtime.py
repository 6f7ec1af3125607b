"""What every job of one process shares: settings, database, and one client and pacer per marketplace."""

import os
import socket
import threading
from dataclasses import dataclass, field

from app.db import endpoints
from app.db.endpoints import Slots
from app.db.engine import Database
from app.db.tables import Batch
from app.mturk.client import Marketplace, connect
from app.mturk.pacer import Pacer
from app.pipeline import batches
from app.settings import MarketplaceProfile, Settings


@dataclass(slots=True)
class Runtime:
    """The shared things of one job runner."""

    settings: Settings
    database: Database
    runner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stopping: threading.Event = field(default_factory=threading.Event)
    _marketplaces: dict[MarketplaceProfile, tuple[Marketplace, Pacer]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def marketplace(self, profile: str) -> tuple[Marketplace, Pacer]:
        """The client and the pacer for `profile`, made on first use."""
        known = MarketplaceProfile(profile)
        with self._lock:
            if known not in self._marketplaces:
                marketplace = connect(self.settings, known)
                self._marketplaces[known] = (marketplace, self._pacer(marketplace.endpoint_url))
            return self._marketplaces[known]

    def marketplace_of(self, batch: Batch) -> tuple[Marketplace, Pacer]:
        """The client and the pacer for the endpoint on which the Batch was launched. Raises Conflict where that changed."""
        marketplace, pacer = self.marketplace(batch.profile)
        batches.check_endpoint(batch, marketplace)
        return marketplace, pacer

    def _pacer(self, url: str) -> Pacer:
        def reserve(calls: int) -> Slots:
            with self.database.transaction() as db:
                return endpoints.reserve(db, url, calls=calls, ceiling=self.settings.calls_per_second)

        def slow_down() -> None:
            with self.database.transaction() as db:
                endpoints.slow_down(db, url)

        return Pacer(reserve, slow_down, threads=self.settings.publish_threads, stopping=self.stopping)
