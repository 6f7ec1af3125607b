"""What stands inside the frame: the Requester's question, and the reply to its form.

The frame is sandboxed into an origin of its own, so browsers send no cookie with what it sends. The AssignmentId, known
only to its Worker, is the permission; where a cookie comes all the same, it must be that Worker's.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import answers, bodies, question_forms, questions
from app.marketplace.context import Marketplace, marketplace_of
from app.marketplace.question_forms import Filled, QuestionForm
from app.marketplace.questions import ExternalQuestion, HTMLQuestion
from app.marketplace.sites import frames
from app.marketplace.sites.pages import Market
from app.marketplace.sites.refusals import Refused, not_found
from app.marketplace.store import HIT, Assignment, AssignmentStatus, HITStatus, constant
from app.marketplace.worker_site import stand_ins, working
from app.marketplace.worker_site.pages import MaybeVisitor, frame_page, visitor_of
from app.marketplace.worker_site.sessions import Visitor

log = get_logger(__name__)
router = APIRouter()
Fields = list[tuple[str, str]]
_FRAME_HEADERS = {
    # Opened outside its frame, the question still gets no access to the worker site.
    "Content-Security-Policy": f"sandbox {frames.SANDBOX}",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TOO_MANY = 2000
# Inside the page: the frame's origin is none, so it could not load the file.
_FORM_STYLE = (Path(__file__).parent / "static" / "question_form.css").read_text(encoding="utf-8")


@router.get("/frame/{hit_id}")
def question(
    request: Request,
    hit_id: str,
    market: Market,
    visitor: MaybeVisitor,
    assignment_id: Annotated[str, Query(alias="assignmentId", max_length=64)] = frames.PREVIEW_ID,
) -> Response:
    """The HTMLQuestion's page, or the QuestionForm: for its pending Assignment or as a preview.

    The page is served byte for byte, but for MTurk's own addresses (`stand_ins`).
    """
    shown = _question(market, _clean(hit_id), _clean(assignment_id), visitor)
    if isinstance(shown, QuestionForm):
        return _form_page(request, shown, _clean(assignment_id), None)
    page = stand_ins.at_home(shown.html, market.settings.marketplace_url)
    return Response(page.encode(), media_type="text/html; charset=utf-8", headers=_FRAME_HEADERS)


@router.post("/frame/{hit_id}")
def form_without_address(hit_id: str) -> Response:
    """Where a form goes that has no action: on MTurk such an answer was lost as well, but nobody said so."""
    message = "The form of this question has no address to send answers to, so yours was not taken."
    raise Refused(405, f"{message} Its Requester has to mend it: please return the HIT.")


def _form_page(request: Request, form: QuestionForm, assignment_id: str, filled: Filled | None) -> Response:
    """The form, empty, or as it was filled in with what is wrong."""
    fields = (
        question_forms.fields_html(form)
        if filled is None
        else question_forms.fields_html(form, given=filled.given, problems=filled.problems)
    )
    return frame_page(
        request,
        "question_form",
        status=200 if filled is None else 422,
        policy=f"{question_forms.MEDIA_POLICY}; sandbox {frames.SANDBOX}",
        fields=fields,
        style=Markup(_FORM_STYLE),  # noqa: S704 - our own style sheet
        assignment_id=assignment_id,
        preview=assignment_id == frames.PREVIEW_ID,
    )


async def posted_fields(request: Request) -> Fields:
    """The form's fields in their order. Raises Refused for a body that is too large, broken or holds files.

    Those in the address count too: many pages post to `externalSubmit?assignmentId=…`, some of them nothing besides.
    """
    fields: Fields = [*request.query_params.multi_items()]
    if request.method == "GET":
        return fields
    if await bodies.read(request) is None:
        raise Refused(413, "There was a problem submitting your results: the answer is larger than 1 MB.")
    try:
        async with request.form(max_files=_TOO_MANY, max_fields=_TOO_MANY) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile) and not value.filename:
                    continue  # a file field in which nothing was chosen
                if isinstance(value, UploadFile):
                    raise Refused(400, "There was a problem submitting your results: files cannot be submitted.")
                fields.append((name, value))
    except HTTPException as error:
        raise Refused(400, "There was a problem submitting your results: the form could not be read.") from error
    return fields


async def external_submit(request: Request) -> Response:
    """MTurk's externalSubmit: the answers of one Assignment, from the form in the frame."""
    try:
        fields = await posted_fields(request)
        return await run_in_threadpool(_submit, request, fields)
    except Refused as refused:
        return frame_page(request, "not_taken", status=refused.http_status, message=refused.message)


# Requesters' pages that join the URL by hand arrive with two slashes.
for _path in ("/mturk/externalSubmit", "//mturk/externalSubmit"):
    router.add_route(_path, external_submit, methods=["GET", "POST"])


def _submit(request: Request, fields: Fields) -> Response:
    market = marketplace_of(request)
    visitor = visitor_of(request, market)
    assignment_id = dict(fields).get("assignmentId", "")
    if not assignment_id:
        raise Refused(400, "There was a problem submitting your results for this HIT: the form lost its assignmentId.")
    with market.database.transaction() as db:
        signed_in_as, now = visitor.worker_id if visitor else None, market.clock()
        form = _form_of(db, _clean(assignment_id))
        if form is not None:
            filled = question_forms.read(form, fields)
            if filled.problems:
                working.submittable(db, _clean(assignment_id), now, signed_in_as=signed_in_as)
                return _form_page(request, form, _clean(assignment_id), filled)
            answer: str | None = question_forms.answer_xml(filled)
        else:
            given = answers.answered(fields)
            answer = answers.answer_xml(given) if given else None
        working.submit(db, _clean(assignment_id), answer, now, signed_in_as=signed_in_as)
    log.info("assignment.submitted", assignment_id=assignment_id)
    return frame_page(request, "submitted")


def _form_of(db: Session, assignment_id: str) -> QuestionForm | None:
    """The QuestionForm of the Assignment's HIT; None when it has none, or is over."""
    statement = select(HIT.question).join(Assignment, Assignment.hit_id == HIT.id)
    pending = Assignment.status == constant(AssignmentStatus.PENDING)
    found = db.scalar(statement.where(Assignment.id == assignment_id, pending))
    question = None if found is None else questions.read(found)
    return question if isinstance(question, QuestionForm) else None


def _question(
    market: Marketplace, hit_id: str, assignment_id: str, visitor: Visitor | None
) -> HTMLQuestion | QuestionForm:
    with market.database.reading() as db:
        hit = db.get(HIT, hit_id)
        mine = None if assignment_id == frames.PREVIEW_ID else db.get(Assignment, assignment_id)
    if hit is None or hit.status == HITStatus.DISPOSED:
        raise not_found("HIT")
    if assignment_id != frames.PREVIEW_ID and (
        mine is None
        or mine.hit_id != hit_id
        or (visitor is not None and mine.worker_id != visitor.worker_id)
        or mine.status != AssignmentStatus.PENDING
        or mine.deadline < market.clock()
    ):
        raise not_found("assignment")
    question = questions.read(hit.question)
    if isinstance(question, ExternalQuestion):
        raise not_found("page of this HIT here")
    return question


def _clean(id: str) -> str:
    return id.replace("\0", "")[:64]
