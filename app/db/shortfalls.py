"""Items with fewer answers than they should have, and no HIT that could bring more: marked, counted, told."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger
from app.db.locks import lock_items
from app.db.standings import standings
from app.db.tables import Batch
from app.domain.pricing import assignment_price
from app.domain.vocabulary import BatchId, HITId, ItemId, Shortfall

# What the Batch says of them begins so: whoever asks again takes it back.
SAYS = "Items end with fewer answers"
# Beyond this many the cap that would do is not worked out.
_MOST_PRICED = 20_000


def which(db: Session, batch_id: BatchId, shortfall: Shortfall, *, most: int) -> list[ItemId]:
    """The first Items that are short in this way, by id."""
    statement = text("SELECT id FROM items WHERE batch_id = :id AND shortfall = :word ORDER BY id LIMIT :most")
    return [ItemId(item) for item in db.scalars(statement, {"id": batch_id, "word": shortfall, "most": most})]


def mark(db: Session, item_ids: Sequence[ItemId], shortfall: Shortfall) -> None:
    """These Items are short, and why they stay so, or that more will be asked for."""
    if not item_ids:
        return
    lock_items(db, item_ids)
    db.execute(
        text("UPDATE items SET shortfall = :word WHERE id = ANY(:ids) AND shortfall IS DISTINCT FROM :word"),
        {"word": shortfall, "ids": list(item_ids)},
    )


def clear(db: Session, item_ids: Sequence[ItemId]) -> None:
    """More was asked for, or nothing more is needed."""
    if not item_ids:
        return
    short = list(
        db.scalars(text("SELECT id FROM items WHERE id = ANY(:ids) AND shortfall IS NOT NULL"), {"ids": list(item_ids)})
    )
    if short:
        lock_items(db, short)
        db.execute(text("UPDATE items SET shortfall = NULL WHERE id = ANY(:ids)"), {"ids": short})


def counts(db: Session, batch_id: BatchId) -> dict[Shortfall, int]:
    """How many Items of the Batch are short, by what becomes of it."""
    rows = db.execute(
        text("""
            SELECT shortfall, count(*) AS items FROM items
            WHERE batch_id = :id AND shortfall IS NOT NULL GROUP BY shortfall
        """),
        {"id": batch_id},
    )
    return {Shortfall(row.shortfall): row.items for row in rows}


def say(db: Session, batch: Batch) -> None:
    """Tell on the Batch how many Items end with fewer answers, why, and what to do; or that there are none any more."""
    found = counts(db, BatchId(batch.id))
    parts = []
    if capped := found.get(Shortfall.CAP, 0):
        enough = _enough_usd(db, batch)
        cap = f"; ${enough} would do: labeljury batch set-cap {batch.id} {enough}" if enough else ""
        parts.append(f"{capped} since the cap of ${batch.cap_usd}, or the Account's, does not cover more{cap}")
    if limited := found.get(Shortfall.LIMIT, 0):
        parts.append(f"{limited} since this Batch's HITs are offered again {_times(batch.repost_limit)}")
    if parts:
        batch.attention = f"{SAYS}: {'; '.join(parts)}. To ask once more: labeljury batch repost {batch.id}"
    elif batch.attention and batch.attention.startswith(SAYS):
        batch.attention = None


def _times(limit: int) -> str:
    return {0: "never", 1: "once at most"}.get(limit, f"{limit} times at most")


def _enough_usd(db: Session, batch: Batch) -> Decimal | None:
    """The cap under which everything could be asked for that the present one does not cover."""
    capped = which(db, BatchId(batch.id), Shortfall.CAP, most=_MOST_PRICED)
    if len(capped) == _MOST_PRICED:
        return None
    needs: dict[HITId | None, int] = {}
    for standing in standings(db, batch, capped):
        needs[standing.latest] = max(needs.get(standing.latest, 0), standing.need)
    price = assignment_price(
        batch.reward_usd, max_assignments=batch.assignments_per_item, masters=batch.masters
    ).total_usd
    return ledger.committed_usd(db, BatchId(batch.id)) + price * sum(needs.values())
