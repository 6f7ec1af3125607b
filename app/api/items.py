"""A Batch's Items with their votes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import LARGEST_ID, Db
from app.api.dependencies import BatchNumber, CanView, ItemNumber
from app.api.error_handlers import documented
from app.domain.vocabulary import BatchId, Category, ConsensusStatus, ItemId, MediaType, Option
from app.pipeline import batches, item_report
from app.pipeline.item_report import LARGEST_PAGE, ItemFilter, ItemRow, ResponseRow

router = APIRouter(prefix="/batches/{batch_id}/items", tags=["Items"])


class ItemOut(BaseModel):
    """An Item with its votes. `category` and `agreement` are null before the first Response."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="Our own number, for paging and `GET …/items/{item_id}`.")
    external_id: str = Field(description="The id of your file, as it was.")
    role: str
    media_type: MediaType
    media_url: str | None
    media_token: str | None = Field(description="An imported file: `/media/{media_token}`.")
    text: str | None
    given_label: str
    guessed_label: str
    votes: dict[Option, int]
    cannot_tell: int
    option: Option | None = Field(description="What won, if something did.")
    category: Category | None
    status: ConsensusStatus
    agreement: float | None = Field(description="The leading option's share of the votes.")


class ItemsOut(BaseModel):
    """One page of Items."""

    items: list[ItemOut]
    next_after: int | None = Field(description="Pass it as `after` for the next page; null on the last one.")


class ItemDetailOut(BaseModel):
    """One Item with every Response; Workers appear by pseudonym."""

    item: ItemOut
    line: int = Field(description="Line of the item file.")
    extra: dict[str, Any] = Field(description="The file's other columns.")
    responses: list[ResponseRow]


@router.get("", summary="List Items", responses=documented(404))
def list_items(
    batch_id: BatchNumber,
    db: Db,
    caller: CanView,
    *,
    only: Annotated[ItemFilter | None, Query(description="Settled Items of one category, or open ones.")] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="`next_after` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> ItemsOut:
    """Items in the order of the file. Pages stay stable while votes come in."""
    batches.get(db, BatchId(batch_id))
    rows = item_report.items_page(db, BatchId(batch_id), only=only, after_id=after, limit=limit)
    return ItemsOut(items=[_item(row) for row in rows], next_after=rows[-1].id if len(rows) == limit else None)


@router.get("/{item_id}", summary="Look at an Item", responses=documented(404))
def get_item(batch_id: BatchNumber, item_id: ItemNumber, db: Db, caller: CanView) -> ItemDetailOut:
    """The Item, its votes and each Response with the order in which its Worker saw the choices."""
    detail = item_report.item_detail(db, BatchId(batch_id), ItemId(item_id))
    return ItemDetailOut(item=_item(detail.item), line=detail.line, extra=detail.extra, responses=detail.responses)


def _item(row: ItemRow) -> ItemOut:
    return ItemOut.model_validate(row)
