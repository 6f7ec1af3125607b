"""Row locks taken in one order by everybody, so that two transactions never wait for each other."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session


def lock_items(db: Session, item_ids: Collection[int]) -> None:
    """Lock Items by ascending id until the transaction ends; Responses may still be added to them meanwhile."""
    statement = text("SELECT 1 FROM items WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
    db.execute(statement, {"ids": sorted(item_ids)})
