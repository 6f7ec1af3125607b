"""A house at work: the real marketplace over HTTP, a Batch of Rita's, and people who answer it."""

import csv
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.db.engine import Database
from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.jobs.runtime import Runtime
from app.mturk.client import Marketplace, connect
from app.pipeline import batches, item_import
from app.questions import catalogue
from app.questions.order import order_for
from app.settings import MarketplaceProfile, Settings
from tests.marketplace.people import Browser
from tests.marketplace_server import running_marketplace
from tests.wire_proxy import Wire, wire_to


@dataclass(slots=True)
class House:
    """One installation with its marketplace."""

    settings: Settings
    database: Database
    runtime: Runtime
    folder: Path
    site: str  # where Workers are; the gateway goes through `wire`
    wire: Wire
    browsers: dict[str, Browser] = field(default_factory=dict)
    connected: dict[tuple[int, MarketplaceProfile], Marketplace] = field(default_factory=dict)

    @property
    def marketplace(self) -> Any:
        """The gateway's connection to the local profile."""
        return self.runtime.marketplace(MarketplaceProfile.LOCAL)[0]

    @property
    def pacer(self) -> Any:
        return self.runtime.marketplace(MarketplaceProfile.LOCAL)[1]

    def draft(self, rows: int = 4, **settings: Any) -> BatchId:
        """A draft of `rows` texts, each given `cat` and guessed `dog`."""
        path = self.folder / f"items-{len(list(self.folder.iterdir()))}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "text", "given_label", "guessed_label"])
            writer.writerows([f"item-{n}", f"example {n}", "cat", "dog"] for n in range(rows))
        values = {"name": "Rita's Batch", "reward_usd": Decimal("0.05"), "seed": 7, **settings}
        new = batches.NewBatch(template=catalogue.load("text"), profile=MarketplaceProfile.LOCAL, **values)
        with self.database.transaction() as db:
            batch = batches.create(db, new, by="rita")
            item_import.import_items(
                db,
                BatchId(batch.id),
                ItemFile.of(path),
                media_root=self.folder,
                media_dir=self.settings.media_path,
                budget=batches.page_budget(new),
            )
        return BatchId(batch.id)

    def launch(self, batch_id: BatchId) -> None:
        batches.launch(self.database, self.connect, batch_id, by="rita", settings=self.settings)

    def connect(self, profile: MarketplaceProfile) -> Marketplace:
        """The console's connection: one client for all launches, as `app/main.py` has it."""
        key = (id(self.settings), profile)
        if key not in self.connected:
            self.connected[key] = connect(self.settings, profile)
        return self.connected[key]

    def publish(self, batch_id: BatchId) -> None:
        stages.run_publish(self.runtime, batch_id)

    def live(self, rows: int = 4, **settings: Any) -> BatchId:
        """A Batch that is published."""
        batch_id = self.draft(rows, **settings)
        self.launch(batch_id)
        self.publish(batch_id)
        return batch_id

    def collect(self, batch_id: BatchId) -> None:
        """Everything that follows a poll, in the order in which a quiet queue would do it."""
        stages.run_collect(self.runtime, MarketplaceProfile.LOCAL)
        stages.run_review(self.runtime, batch_id)
        stages.run_consensus(self.runtime, batch_id)

    def browser(self, name: str) -> Browser:
        if name not in self.browsers:
            self.browsers[name] = Browser(self.site)
            self.browsers[name].enrol(name)
        return self.browsers[name]

    def answer(self, name: str, hit_id: int, choose: Callable[[int], str]) -> str:
        """`name` accepts our HIT `hit_id` and answers each position with given, guessed, both, neither or cannot_tell."""
        hit = self.one(
            "SELECT h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id WHERE h.id = :id",
            id=hit_id,
        )
        assignment_id = self.browser(name).accept(hit.hit_type_id, hit.marketplace_hit_id)
        fields: dict[str, str] = {}
        for place in self.rows("SELECT * FROM hit_items WHERE hit_id = :id ORDER BY position", id=hit_id):
            word = choose(place.position)
            a, b = ("given", "guessed") if place.a_is_given else ("guessed", "given")
            fields[f"r{place.position}-choice"] = {a: "a", b: "b"}.get(word, word)
            fields[f"r{place.position}-order"] = ",".join(order_for(assignment_id, place.position))
            fields[f"r{place.position}-ms"] = "1500"
            fields[f"r{place.position}-comment"] = "broken" if word == "cannot_tell" else ""
        shown = self.browser(name).submit(assignment_id, **fields)
        assert shown.status_code == 200, shown.text
        return assignment_id

    def answer_all(self, batch_id: BatchId, votes: dict[str, str]) -> None:
        """Each of the people named answers every HIT of the Batch with their word."""
        for hit in self.rows("SELECT id FROM hits WHERE batch_id = :id AND status = 'live' ORDER BY id", id=batch_id):
            for name, word in votes.items():
                self.answer(name, hit.id, lambda _, word=word: word)  # type: ignore[misc]

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.database.transaction() as db:
            return list(db.execute(text(sql), values))

    def one(self, sql: str, **values: Any) -> Any:
        (row,) = self.rows(sql, **values)
        return row

    def execute(self, sql: str, **values: Any) -> None:
        with self.database.transaction() as db:
            db.execute(text(sql), values)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """A house with nothing in it yet."""
    (tmp_path / "files").mkdir()
    base = Settings(data_dir=tmp_path / "data", secret_key="x" * 32, calls_per_second=2000, database_url=database.url)
    with running_marketplace(base, database) as url, wire_to(url) as wire:
        settings = base.model_copy(update={"marketplace_public_url": wire.url})
        settings.__dict__.pop("marketplace_url", None)
        house = House(settings, database, Runtime(settings, database), tmp_path / "files", url, wire)
        yield house
        for browser in house.browsers.values():
            browser.close()


def in_threads(count: int, act: Callable[[], None]) -> None:
    """Do the same thing `count` times at once."""
    threads = [threading.Thread(target=act) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
