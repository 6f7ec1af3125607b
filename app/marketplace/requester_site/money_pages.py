"""Money: every transaction with what it left, and all of them as a file."""

import csv
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from app.marketplace.context import Marketplace
from app.marketplace.requester_site import money
from app.marketplace.requester_site.money import Movement
from app.marketplace.requester_site.pages import ROWS_A_PAGE, Number, SignedIn
from app.marketplace.store import TransactionKind

router = APIRouter()
# The page's form sends an empty kind for all of them.
Kind = Annotated[str, Query(pattern=f"^({'|'.join(TransactionKind)})?$")]
_COLUMNS = (
    "transaction", "at", "kind", "available_change_usd", "on_hold_change_usd",
    "available_after_usd", "on_hold_after_usd", "hit_id", "assignment_id",
)  # fmt: skip
_PIECE = 64 * 1024
_KEPT_IN_MEMORY = 1024 * 1024


@router.get("/transactions")
def transactions(desk: SignedIn, kind: Kind = "", before: Number = None) -> Response:
    """A page of transactions, newest first."""
    with desk.market.database.transaction() as db:
        now = money.balances(db, desk.requester_id)
        rows = money.movements(db, desk.requester_id, kind=_kind(kind), before=before, limit=ROWS_A_PAGE + 1)
    shown, more = rows[:ROWS_A_PAGE], len(rows) > ROWS_A_PAGE
    return desk.page(
        "transactions",
        balances=now,
        movements=shown,
        more=more,
        kind=kind,
        kinds=list(TransactionKind),
        is_first=before is None,
    )


@router.get("/transactions.csv")
def transactions_file(desk: SignedIn, kind: Kind = "") -> Response:
    """All transactions, oldest first, as CSV."""
    return StreamingResponse(
        _lines(desk.market, desk.requester_id, _kind(kind)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="transactions.csv"', "Cache-Control": "no-store"},
    )


def _kind(kind: str) -> TransactionKind | None:
    return TransactionKind(kind) if kind else None


def _lines(
    market: Marketplace, requester_id: str, kind: TransactionKind | None, *, piece_size: int = _PIECE
) -> Iterator[str]:
    """The file in pieces. It is written before the first is sent: who fetches it slowly holds no connection meanwhile."""
    with SpooledTemporaryFile(_KEPT_IN_MEMORY, mode="w+", encoding="utf-8", newline="") as kept:
        writer = csv.writer(kept)
        writer.writerow(_COLUMNS)
        with market.database.transaction() as db:
            writer.writerows(map(_row, money.all_movements(db, requester_id, kind)))
        kept.seek(0)
        while piece := kept.read(piece_size):
            yield piece


def _row(movement: Movement) -> tuple[object, ...]:
    one, after = movement, movement.after
    return (
        one.id,
        one.at.isoformat(),
        one.kind,
        one.available_delta_usd,
        one.on_hold_delta_usd,
        "" if after is None else after.available_usd,
        "" if after is None else after.on_hold_usd,
        one.hit_id or "",
        one.assignment_id or "",
    )
