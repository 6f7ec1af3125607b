"""A Batch of short texts, one Item a HIT, ready to be published."""

import csv
from decimal import Decimal

from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.jobs.runtime import Runtime
from app.pipeline import batches, item_import
from app.pipeline.batches import NewBatch
from app.questions import catalogue
from app.settings import MarketplaceProfile


def launched(runtime: Runtime, rows: int) -> BatchId:
    """A live Batch of `rows` Items with nothing published yet; the client is connected and warm."""
    batch_id = _draft(runtime, rows)
    batches.launch(
        runtime.database,
        lambda profile: runtime.marketplace(profile)[0],
        batch_id,
        by="benchmark",
        settings=runtime.settings,
    )
    return batch_id


def _draft(runtime: Runtime, rows: int) -> BatchId:
    folder = runtime.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "texts.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "given_label", "guessed_label"])
        text = "A film that has everything but a reason to be seen twice."
        writer.writerows([number, f"{text} ({number})", "positive", "negative"] for number in range(rows))
    new = NewBatch(
        name="Benchmark",
        template=catalogue.load("text"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=Decimal("0.05"),
        seed=7,
    )
    with runtime.database.transaction() as db:
        batch_id = BatchId(batches.create(db, new, by="benchmark").id)
        item_import.import_items(
            db,
            batch_id,
            ItemFile.of(path),
            media_root=None,
            media_dir=runtime.settings.media_path,
            budget=batches.page_budget(new),
        )
    return batch_id
