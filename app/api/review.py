"""Review: what waits for a decision, deciding it, how Workers do, and leaving one out afterwards."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.access.dependencies import LARGEST_ID, Db
from app.api.dependencies import BatchNumber, CanSpend, CanView, SpendersFirst
from app.api.error_handlers import documented
from app.db import clock, worker_names
from app.domain.decisions import Ruling
from app.domain.vocabulary import BatchId, Category
from app.pipeline import batches, dropping, review_report, rulings
from app.pipeline.dropping import ChangedItem, Effect
from app.pipeline.review_report import LARGEST_PAGE, Deadlines, Work, WorkerRow, WorkFilter

router = APIRouter(prefix="/batches/{batch_id}/review", tags=["Review"], route_class=SpendersFirst)

WorkerName = Annotated[str, Path(max_length=64, description="The Worker's pseudonym, or the marketplace's id.")]
After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="`next_after` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]


class ReviewOut(BaseModel):
    """What waits, by the clock, and one page of work with its evidence."""

    deadlines: Deadlines
    work: list[Work]
    next_after: int | None = Field(description="Pass it as `after` for the next page; null on the last one.")


class WorkersOut(BaseModel):
    """One page of Workers."""

    workers: list[WorkerRow]
    next_after: int | None = Field(description="Pass it as `after` for the next page; null on the last one.")


class RulingIn(BaseModel):
    """A decision on named Assignments, on all held work of a Worker, or on all held work."""

    model_config = ConfigDict(extra="forbid")

    ruling: Ruling = Field(description="soft_reject: paid, not counted. override: a rejection is taken back.")
    assignments: list[str] = Field(
        default=[], max_length=rulings.MOST_AT_ONCE, description="The marketplace's ids, or our own numbers."
    )
    worker: str | None = Field(default=None, description="All held (for override: rejected) work of this Worker.")
    all_held: bool = Field(default=False, description="All held work of the Batch.")
    feedback: str = Field(default="", description="What the Worker reads. Required to reject.")

    @model_validator(mode="after")
    def _one_choice(self) -> "RulingIn":
        if sum((bool(self.assignments), self.worker is not None, self.all_held)) != 1:
            raise ValueError("give one of assignments, worker and all_held")
        return self


class RuledOut(BaseModel):
    """How many Assignments were decided; job runners tell the marketplace."""

    decided: int


class DropIn(BaseModel):
    """Why a Worker's answers are left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        description="Kept with the Batch; the Worker is not told.", examples=["always the first choice"]
    )
    repost: bool = Field(
        default=False, description="Of a Batch that is over: ask anew for Items that lack answers now."
    )


class ChangedOut(BaseModel):
    """An Item whose category changes, or that lacks answers then."""

    item_id: int
    external_id: str
    category_before: Category
    category_after: Category
    answers_after: int
    lacking: int

    @classmethod
    def of(cls, item: ChangedItem) -> "ChangedOut":
        """As the API shows it."""
        return cls(
            item_id=item.item_id,
            external_id=item.external_id,
            category_before=item.before.category,
            category_after=item.after.category,
            answers_after=item.after.answers,
            lacking=item.lacking,
        )


class EffectOut(BaseModel):
    """What a drop, or taking it back, changes: of `items` that the Worker answered, those that change."""

    worker: str
    items: int
    changed: list[ChangedOut]

    @classmethod
    def of(cls, effect: Effect) -> "EffectOut":
        """As the API shows it."""
        return cls(worker=effect.worker, items=effect.items, changed=[ChangedOut.of(item) for item in effect.changed])


@router.get("", summary="Look at work", responses=documented(404))
def get_review(
    batch_id: BatchNumber,
    db: Db,
    caller: CanView,
    *,
    only: WorkFilter = WorkFilter.HELD,
    worker: Annotated[str | None, Query(max_length=64, description="Pseudonym or marketplace id.")] = None,
    after: After = 0,
    limit: Limit = 20,
) -> ReviewOut:
    """Submitted work, each answer beside the right one of its gold Item or what the others say."""
    number = BatchId(batch_id)
    batches.get(db, number)
    worker_id = worker_names.find(db, number, worker).id if worker else None
    found = review_report.work(db, number, only=only, worker_id=worker_id, after_id=after, limit=limit)
    deadlines = review_report.review_deadlines(db, number)
    return ReviewOut(deadlines=deadlines, work=found, next_after=found[-1].id if len(found) == limit else None)


@router.post("", summary="Decide work", responses=documented(404, 409))
def decide(batch_id: BatchNumber, body: RulingIn, db: Db, caller: CanSpend) -> RuledOut:
    """Approve, reject, soft-reject or override; all or nothing."""
    number, now = BatchId(batch_id), clock.now(db)
    batches.get(db, number)
    by, feedback = caller.email, body.feedback
    if body.assignments:
        count = rulings.rule_on(db, number, body.ruling, body.assignments, by=by, now=now, feedback=feedback)
    else:
        count = rulings.rule_on_held(db, number, body.ruling, worker=body.worker, by=by, now=now, feedback=feedback)
    return RuledOut(decided=count)


@router.get("/workers", summary="Look at the Workers", responses=documented(404))
def list_workers(batch_id: BatchNumber, db: Db, caller: CanView, *, after: After = 0, limit: Limit = 50) -> WorkersOut:
    """How each Worker does: right answers on gold Items, agreement with the others, speed, first choices."""
    batches.get(db, BatchId(batch_id))
    rows = review_report.workers(db, BatchId(batch_id), after_id=after, limit=limit)
    return WorkersOut(workers=rows, next_after=rows[-1].id if len(rows) == limit else None)


@router.get("/workers/{worker}/drop", summary="See what a drop would change", responses=documented(404))
def preview_drop(batch_id: BatchNumber, worker: WorkerName, db: Db, caller: CanView) -> EffectOut:
    """Which Items change when none of this Worker's answers count; nothing is changed."""
    batches.get(db, BatchId(batch_id))
    return EffectOut.of(dropping.preview(db, BatchId(batch_id), worker))


@router.post("/workers/{worker}/drop", summary="Drop a Worker", responses=documented(404, 409))
def drop_worker(batch_id: BatchNumber, worker: WorkerName, body: DropIn, db: Db, caller: CanSpend) -> EffectOut:
    """Leave out all answers of the Worker in this Batch, from here on too. What they did stays paid."""
    effect = dropping.drop(db, BatchId(batch_id), worker, reason=body.reason, by=caller.email)
    if body.repost:
        batches.reopen(db, BatchId(batch_id), by=caller.email)
    return EffectOut.of(effect)


@router.post("/workers/{worker}/restore", summary="Take a drop back", responses=documented(404, 409))
def restore_worker(batch_id: BatchNumber, worker: WorkerName, db: Db, caller: CanSpend) -> EffectOut:
    """Count the Worker's answers again."""
    return EffectOut.of(dropping.restore(db, BatchId(batch_id), worker, by=caller.email))
