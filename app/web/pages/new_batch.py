"""A new Batch from a file: the form, and the draft with its cost."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette import status

from app.access.dependencies import DatabaseOf, SettingsOf
from app.access.permissions import Caller
from app.db import uploads
from app.domain.vocabulary import BatchId
from app.errors import InvalidInput, Problem
from app.pipeline import batches, item_import, wages
from app.pipeline.batches import NewBatch
from app.questions import catalogue
from app.settings import MarketplaceProfile, Settings
from app.web.dependencies import OUR_FORM, CanSpend, SpendersFirst
from app.web.form_values import FormReader
from app.web.rendering import page

router = APIRouter(route_class=SpendersFirst)

MINUTE_S, DAY_S = 60, 86_400
SHOWN_PROBLEMS = 200


class BatchForm(BaseModel):
    """The form as people filled it in: text, in their units."""

    name: str = ""
    template: str = "image"
    reward_usd: str = "0.05"
    hourly_usd: str = ""
    top_up: bool = False
    assignments_per_item: str = "5"
    first_assignments: str = ""
    repost_limit: str = "3"
    pilot_items: str = ""
    release_agreement: str = ""
    masters: bool = False
    excluded_batches: str = ""
    items_per_hit: str = "1"
    quorum: str = "3"
    cap_usd: str = ""
    title: str = ""
    description: str = ""
    instructions: str = ""
    minutes_per_hit: str = "30"
    days_offered: str = "7"
    days_until_approval: str = "7"
    seed: str = ""
    review: str = "approve_all"
    csrf_token: str = ""


class UploadForm(BatchForm):
    """The form and its file."""

    file: UploadFile | None = None


@router.get("/batches/new")
def show_new_batch(request: Request, here: CanSpend) -> Response:
    """The form with the study's settings filled in."""
    return _form_page(request, BatchForm())


@router.post("/batches/new", dependencies=[OUR_FORM])
def create_batch(
    request: Request,
    form: Annotated[UploadForm, Form(media_type="multipart/form-data")],
    database: DatabaseOf,
    here: CanSpend,
    settings: SettingsOf,
) -> Response:
    """Import the file as a draft and show what it costs; or show the form again with every fault of form and file."""
    try:
        with database.transaction() as db:
            batch_id = _create(db, form, here.caller, settings)
    except InvalidInput as refused:
        return _form_page(request, form, refused)
    return RedirectResponse(f"/batches/{batch_id}", status_code=status.HTTP_303_SEE_OTHER)


def _form_page(request: Request, form: BatchForm, refused: InvalidInput | None = None) -> Response:
    return page(
        request,
        "new_batch",
        status=status.HTTP_422_UNPROCESSABLE_CONTENT if refused else status.HTTP_200_OK,
        form=form,
        templates=catalogue.available(),
        problems=refused.problems[:SHOWN_PROBLEMS] if refused else [],
        total=refused.total if refused else 0,
        faulty={problem.field for problem in refused.problems if problem.line is None} if refused else set(),
    )


def _create(db: Session, form: UploadForm, caller: Caller, settings: Settings) -> int:
    new = _with_reward(db, form, _new_batch(form, settings.marketplace_profile))
    if form.file is None or not form.file.filename:
        raise InvalidInput([Problem("choose the file of doubtful labels", field="file")])
    limit = settings.spending_limit_usd
    with uploads.opened(form.file.file, form.file.filename) as upload:
        batch = batches.create(db, new, by=caller.email, account_id=caller.account_id, spending_limit_usd=limit)
        item_import.import_items(
            db,
            BatchId(batch.id),
            upload.items,
            media_root=upload.media_root,
            media_dir=settings.media_path,
            budget=batches.page_budget(new),
            https_only=new.profile.is_public,
        )
        batches.check_items(db, BatchId(batch.id))
    return batch.id


def _with_reward(db: Session, form: UploadForm, new: NewBatch) -> NewBatch:
    """An empty reward is what the hourly wage comes to. Raises InvalidInput where both are empty."""
    reward_usd = wages.reward_for(
        db,
        new.template,
        profile=new.profile,
        items_per_hit=new.items_per_hit,
        reward_usd=new.reward_usd if form.reward_usd.strip() else None,
        hourly_usd=new.hourly_usd,
    )
    return replace(new, reward_usd=reward_usd)


def _new_batch(form: UploadForm, profile: MarketplaceProfile) -> NewBatch:
    """What the pipeline takes. Raises InvalidInput with every field that cannot be read."""
    read = FormReader()
    new = NewBatch(
        name=form.name,
        template=catalogue.load(form.template),
        profile=profile,
        reward_usd=read.money("reward_usd", form.reward_usd or "0"),
        hourly_usd=read.money("hourly_usd", form.hourly_usd) if form.hourly_usd.strip() else None,
        top_up=form.top_up,
        assignments_per_item=read.whole("assignments_per_item", form.assignments_per_item),
        items_per_hit=read.whole("items_per_hit", form.items_per_hit),
        first_assignments=read.optional_whole("first_assignments", form.first_assignments),
        repost_limit=read.whole("repost_limit", form.repost_limit),
        pilot_items=read.optional_whole("pilot_items", form.pilot_items),
        release_agreement=read.share("release_agreement", form.release_agreement),
        masters=form.masters,
        excluded_batches=read.numbers("excluded_batches", form.excluded_batches),
        quorum=read.whole("quorum", form.quorum),
        cap_usd=read.money("cap_usd", form.cap_usd) if form.cap_usd.strip() else None,
        title=form.title.strip() or None,
        description=form.description.strip() or None,
        instructions=form.instructions.strip() or None,
        assignment_duration_s=read.span_s("assignment_duration_s", form.minutes_per_hit, unit_s=MINUTE_S),
        lifetime_s=read.span_s("lifetime_s", form.days_offered, unit_s=DAY_S),
        auto_approval_delay_s=read.span_s("auto_approval_delay_s", form.days_until_approval, unit_s=DAY_S),
        seed=read.whole("seed", form.seed) if form.seed.strip() else None,
        review=read.review("review", form.review),
    )
    read.check()
    return new
