"""An installation for crashes: our own marketplace over HTTP, Batches of Rita's, people who answer at once."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app import logs
from app.db.engine import Database
from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.jobs.runtime import Runtime
from app.marketplace import answers
from app.marketplace.context import utc_now
from app.marketplace.ids import new_worker_id
from app.marketplace.store import Worker
from app.marketplace.worker_site import working
from app.pipeline import batches, item_import
from app.questions import catalogue
from app.questions.order import order_for
from app.settings import MarketplaceProfile, Settings
from tests.marketplace_server import running_marketplace

REWARD = Decimal("0.05")


@dataclass
class CrashHouse:
    """One installation. `chosen` are its settings for processes of their own."""

    settings: Settings
    database: Database
    chosen: dict[str, Any]
    folder: Path
    workers: dict[str, str] = field(default_factory=dict)

    def draft(self, items: int, **values: Any) -> BatchId:
        """A draft of `items` texts, each given `cat` and guessed `dog`."""
        path = self.folder / f"items-{items}.csv"
        if not path.exists():
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["id", "text", "given_label", "guessed_label"])
                writer.writerows([f"item-{n}", f"example {n}", "cat", "dog"] for n in range(items))
        defaults = {"name": "Rita's Batch", "reward_usd": REWARD, "seed": 7}
        new = batches.NewBatch(
            template=catalogue.load("text"), profile=MarketplaceProfile.LOCAL, **{**defaults, **values}
        )
        with self.database.transaction() as db:
            batch_id = BatchId(batches.create(db, new, by="rita").id)
            item_import.import_items(
                db,
                batch_id,
                ItemFile.of(path),
                media_root=None,
                media_dir=self.settings.media_path,
                budget=batches.page_budget(new),
            )
        return batch_id

    @cached_property
    def runtime(self) -> Runtime:
        """For what this very process does as a job runner."""
        return Runtime(self.settings, self.database)

    def launch(self, batch_id: BatchId) -> None:
        marketplace, _ = self.runtime.marketplace(MarketplaceProfile.LOCAL)
        batches.launch(self.database, lambda _: marketplace, batch_id, by="rita", settings=self.settings)

    def collect(self) -> None:
        """Poll once."""
        stages.run_collect(self.runtime, MarketplaceProfile.LOCAL)

    def answer(self, name: str, marketplace_hit_id: str, choose: Callable[[int], str]) -> None:
        """`name` accepts the HIT and answers each position with given, guessed, both, neither or cannot_tell."""
        places = self.rows(
            "SELECT hi.position, hi.a_is_given FROM hit_items hi JOIN hits h ON h.id = hi.hit_id"
            " WHERE h.marketplace_hit_id = :id ORDER BY hi.position",
            id=marketplace_hit_id,
        )
        with self.database.transaction() as db:
            assignment_id = working.accept(db, self._worker(name), marketplace_hit_id, utc_now())
            fields: dict[str, str] = {}
            for place in places:
                word = choose(place.position)
                a, b = ("given", "guessed") if place.a_is_given else ("guessed", "given")
                fields[f"r{place.position}-choice"] = {a: "a", b: "b"}.get(word, word)
                fields[f"r{place.position}-order"] = ",".join(order_for(assignment_id, place.position))
                fields[f"r{place.position}-ms"] = "1500"
                fields[f"r{place.position}-comment"] = "broken" if word == "cannot_tell" else ""
            working.submit(db, assignment_id, answers.answer_xml(fields), utc_now(), signed_in_as=None)

    def _worker(self, name: str) -> str:
        if name not in self.workers:
            worker_id = new_worker_id()
            with self.database.transaction() as db:
                db.add(Worker(id=worker_id, name=name, created_at=utc_now()))
            self.workers[name] = worker_id
        return self.workers[name]

    def rows(self, sql: str, **values: Any) -> Sequence[Any]:
        with self.database.transaction() as db:
            return db.execute(text(sql), values).all()

    def one(self, sql: str, **values: Any) -> Any:
        (row,) = self.rows(sql, **values)
        return row

    def execute(self, sql: str, **values: Any) -> None:
        with self.database.transaction() as db:
            db.execute(text(sql), values)


@contextmanager
def crash_house(database: Database, folder: Path, **values: Any) -> Iterator[CrashHouse]:
    """An installation on `database`, its marketplace served from a thread of this process; `values` are settings."""
    chosen = {
        "database_url": database.url,
        "data_dir": str(folder / "data"),
        "secret_key": "x" * 32,
        "calls_per_second": 2000,
        "database_pool_size": 12,
        "log_level": "ERROR",
        **values,
    }
    base = Settings(_env_file=None, **chosen)
    logs.configure(base)  # the marketplace's, which is in this process
    with running_marketplace(base, database) as url:
        chosen["marketplace_public_url"] = url
        yield CrashHouse(Settings(_env_file=None, **chosen), database, chosen, folder)
