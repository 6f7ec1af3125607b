"""A Batch's Items with their votes, and one Item with each Response."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.access.dependencies import LARGEST_ID, Db
from app.domain.vocabulary import BatchId, ItemId
from app.pipeline import batches, item_report
from app.pipeline.item_report import ItemFilter
from app.web.dependencies import ABOUT_BATCH, BatchNumber, CanView, ItemNumber
from app.web.rendering import page

router = APIRouter(prefix="/batches/{batch_id}/items", dependencies=[ABOUT_BATCH])

PAGE_SIZE = 50


@router.get("")
def show_items(
    request: Request,
    batch_id: BatchNumber,
    db: Db,
    here: CanView,
    *,
    only: ItemFilter | None = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
) -> Response:
    """One page of Items, by category if the visitor chose one."""
    batch = batches.get(db, BatchId(batch_id))
    items = item_report.items_page(db, BatchId(batch_id), only=only, after_id=after, limit=PAGE_SIZE + 1)
    return page(
        request,
        "items",
        batch=batch,
        items=items[:PAGE_SIZE],
        more=len(items) > PAGE_SIZE,
        after=after,
        only=only,
        filters=list(ItemFilter),
    )


@router.get("/{item_id}")
def show_item(request: Request, batch_id: BatchNumber, item_id: ItemNumber, db: Db, here: CanView) -> Response:
    """One Item with each Response."""
    batch = batches.get(db, BatchId(batch_id))
    detail = item_report.item_detail(db, BatchId(batch_id), ItemId(item_id))
    return page(request, "item", batch=batch, detail=detail)
