"""Questions as Workers see them: of every HIT template, and of one Batch."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.access.dependencies import Db, SettingsOf
from app.domain.vocabulary import BatchId
from app.pipeline import batches, item_report
from app.pipeline.item_report import ItemRow
from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from app.web.dependencies import ABOUT_BATCH, BatchNumber, CanView
from app.web.rendering import page
from app.web.security_headers import QUESTION_HEADERS

router = APIRouter()


@router.get("/questions")
def show_questions(request: Request, here: CanView) -> Response:
    """All HIT templates with their example Items."""
    return page(request, "questions", templates=catalogue.available())


@router.get("/questions/{name}/frame")
def frame_of_template(name: str, here: CanView) -> Response:
    """What a Worker sees of a template's examples, for a sandboxed frame."""
    template = catalogue.load(name)
    items = catalogue.example_items(name)
    return _frame(render(template.source, items, title=template.title, instructions=template.instructions))


@router.get("/batches/{batch_id}/preview", dependencies=[ABOUT_BATCH])
def show_preview(request: Request, batch_id: BatchNumber, db: Db, here: CanView) -> Response:
    """The Batch's first HIT."""
    batch = batches.get(db, BatchId(batch_id))
    return page(request, "preview", batch=batch)


@router.get("/batches/{batch_id}/preview/frame", dependencies=[ABOUT_BATCH])
def frame_of_batch(batch_id: BatchNumber, db: Db, here: CanView, settings: SettingsOf) -> Response:
    """What a Worker sees of the Batch's first Items, for a sandboxed frame."""
    batch = batches.get(db, BatchId(batch_id))
    rows = item_report.items_page(db, BatchId(batch_id), limit=batch.items_per_hit)
    shown = [_shown(row, position, f"{settings.web_url}/media") for position, row in enumerate(rows, start=1)]
    return _frame(render(batch.template_source, shown, title=batch.title, instructions=batch.instructions))


def _shown(row: ItemRow, position: int, media_base_url: str) -> ShownItem:
    """The Item with its labels in alphabetical order: a preview tells no more than the page of a HIT."""
    first, second = sorted([row.given_label, row.guessed_label])
    url = f"{media_base_url}/{row.media_token}" if row.media_token else row.media_url
    return ShownItem(position, row.media_type, first, second, media_url=url, text=row.text)


def _frame(html: str) -> Response:
    return HTMLResponse(html, headers=QUESTION_HEADERS)
