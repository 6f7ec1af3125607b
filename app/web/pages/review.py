"""Review of a Batch: work that waits with its evidence, the Workers, and leaving one out afterwards."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette import status

from app.access.dependencies import LARGEST_ID, Db
from app.db import clock, worker_names
from app.domain.decisions import Ruling
from app.domain.review_policy import ReviewPolicy, ReviewRule
from app.domain.vocabulary import BatchId
from app.errors import InvalidInput, Problem
from app.pipeline import batches, dropping, review_report, rulings
from app.pipeline.review_report import WorkFilter
from app.web.dependencies import ABOUT_BATCH, OUR_FORM, BatchNumber, CanSpend, CanView
from app.web.rendering import page

router = APIRouter(prefix="/batches/{batch_id}/review", dependencies=[ABOUT_BATCH])

PAGE_SIZE, WORKERS_PAGE_SIZE = 20, 50
SHOWN_CHANGES = 200
_POLICY = {
    ReviewPolicy.APPROVE_ALL: "All submitted work is approved",
    ReviewPolicy.HOLD: "You decide all submitted work",
    ReviewPolicy.GOLD: "Approved: {at_least:.0%} right on gold Items, judged after {after}",
    ReviewPolicy.AGREEMENT: "Approved: {at_least:.0%} agreement with most of the others, judged after {after}",
}
_REJECTED = "; rejected below {reject_below:.0%}"

WorkerName = Annotated[str, Path(max_length=64)]
After = Annotated[int, Query(ge=0, le=LARGEST_ID)]


def _said(rule: ReviewRule) -> str:
    """The rule in words."""
    said = _POLICY[rule.policy] + ("" if rule.reject_below is None else _REJECTED)
    return said.format(at_least=rule.at_least, after=rule.after, reject_below=rule.reject_below)


@router.get("")
def show_review(
    request: Request,
    batch_id: BatchNumber,
    db: Db,
    here: CanView,
    *,
    only: WorkFilter = WorkFilter.HELD,
    worker: Annotated[str, Query(max_length=64)] = "",
    after: After = 0,
) -> Response:
    """One page of work, held work unless asked otherwise."""
    number = BatchId(batch_id)
    batch = batches.get(db, number)
    found = worker_names.find(db, number, worker) if worker else None
    work = review_report.work(
        db, number, only=only, worker_id=found.id if found else None, after_id=after, limit=PAGE_SIZE + 1
    )
    return page(
        request,
        "review",
        batch=batch,
        rule=_said(ReviewRule.of(batch.review_policy, batch.review_settings)),
        deadlines=review_report.review_deadlines(db, number),
        work=work[:PAGE_SIZE],
        more=len(work) > PAGE_SIZE,
        after=after,
        only=only,
        filters=list(WorkFilter),
        worker=found.pseudonym if found else "",
    )


@router.post("", dependencies=[OUR_FORM])
def decide(
    batch_id: BatchNumber,
    db: Db,
    here: CanSpend,
    ruling: Annotated[Ruling, Form()],
    *,
    assignment: Annotated[str, Form()] = "",
    worker: Annotated[str, Form()] = "",
    all_held: Annotated[bool, Form()] = False,
    feedback: Annotated[str, Form()] = "",
) -> Response:
    """Decide one Assignment, all held work of a Worker, or all held work."""
    number, by, now = BatchId(batch_id), here.caller.email, clock.now(db)
    text = feedback.replace("\r\n", "\n")
    if assignment:
        rulings.rule_on(db, number, ruling, [assignment], by=by, now=now, feedback=text)
    elif worker or all_held:
        rulings.rule_on_held(db, number, ruling, worker=worker or None, by=by, now=now, feedback=text)
    else:
        raise InvalidInput([Problem("say which Assignment, or whose held work", field="assignment")])
    shown = WorkFilter.REJECTED if ruling is Ruling.OVERRIDE else WorkFilter.HELD
    return _to(f"/batches/{batch_id}/review?only={shown}")


@router.get("/workers")
def show_workers(request: Request, batch_id: BatchNumber, db: Db, here: CanView, *, after: After = 0) -> Response:
    """One page of Workers."""
    batch = batches.get(db, BatchId(batch_id))
    workers = review_report.workers(db, BatchId(batch_id), after_id=after, limit=WORKERS_PAGE_SIZE + 1)
    more = len(workers) > WORKERS_PAGE_SIZE
    return page(request, "review_workers", batch=batch, workers=workers[:WORKERS_PAGE_SIZE], more=more, after=after)


@router.get("/workers/{worker}/drop")
def ask_to_drop(request: Request, batch_id: BatchNumber, worker: WorkerName, db: Db, here: CanView) -> Response:
    """What dropping this Worker would change, and the form that does it."""
    batch = batches.get(db, BatchId(batch_id))
    effect = dropping.preview(db, BatchId(batch_id), worker)
    return page(request, "review_drop", batch=batch, effect=effect, dropped=False, shown=SHOWN_CHANGES)


@router.post("/workers/{worker}/drop", dependencies=[OUR_FORM])
def drop(
    request: Request,
    batch_id: BatchNumber,
    worker: WorkerName,
    db: Db,
    here: CanSpend,
    *,
    reason: Annotated[str, Form()] = "",
    repost: Annotated[bool, Form()] = False,
) -> Response:
    """Drop the Worker and show what that changed."""
    number, by = BatchId(batch_id), here.caller.email
    effect = dropping.drop(db, number, worker, reason=reason, by=by)
    if repost:
        batches.reopen(db, number, by=by)
    batch = batches.get(db, number)
    return page(request, "review_drop", batch=batch, effect=effect, dropped=True, shown=SHOWN_CHANGES)


@router.post("/workers/{worker}/restore", dependencies=[OUR_FORM])
def restore(batch_id: BatchNumber, worker: WorkerName, db: Db, here: CanSpend) -> Response:
    """Count the Worker's answers again."""
    dropping.restore(db, BatchId(batch_id), worker, by=here.caller.email)
    return _to(f"/batches/{batch_id}/review/workers")


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=status.HTTP_303_SEE_OTHER)
