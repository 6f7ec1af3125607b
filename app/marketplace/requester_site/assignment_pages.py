"""Decide on submitted work: approve, reject, approve after all, pay a bonus."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from pydantic import StringConstraints
from starlette.responses import Response

from app.marketplace.requester_site import calls
from app.marketplace.requester_site.bonus_form import BonusForm
from app.marketplace.requester_site.hit_pages import ASSIGNMENTS_A_PAGE, show_hit
from app.marketplace.requester_site.pages import Desk, Id, Sender, SignedIn, Text
from app.marketplace.sites.pages import see_other

router = APIRouter()
_OneId = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]{1,64}$")]
Ids = Annotated[list[_OneId], Form(max_length=ASSIGNMENTS_A_PAGE)]


@router.get("/assignments/{assignment_id}")
def assignment(desk: SignedIn, assignment_id: Id) -> Response:
    """Its place on the page of its HIT."""
    return see_other(_place(desk, assignment_id))


@router.post("/assignments/{assignment_id}/approve")
def approve(
    desk: Sender,
    assignment_id: Id,
    feedback: Text = "",
    override: Annotated[bool, Form()] = False,
) -> Response:
    """Pay for submitted work; with `override` for work that was rejected before."""
    values = {"RequesterFeedback": feedback.strip(), "OverrideRejection": override or None}
    return _decide(desk, assignment_id, "approved", "ApproveAssignment", **values)


@router.post("/assignments/{assignment_id}/reject")
def reject(desk: Sender, assignment_id: Id, feedback: Text = "") -> Response:
    """Refuse submitted work; the Worker reads the reason."""
    if not feedback.strip():
        show = _show(desk, assignment_id)
        return show("Say why you reject the work: the Worker reads it.")
    values = {"RequesterFeedback": feedback.strip()}
    return _decide(desk, assignment_id, "rejected", "RejectAssignment", **values)


@router.post("/assignments/{assignment_id}/bonus")
def bonus(desk: Sender, assignment_id: Id, form: Annotated[BonusForm, Depends()]) -> Response:
    """Pay the Worker a bonus for this work."""
    found = desk.call("GetAssignment", AssignmentId=assignment_id)["Assignment"]
    return _decide(desk, assignment_id, "bonus", "SendBonus", WorkerId=found["WorkerId"], **form.values())


@router.post("/hits/{hit_id}/approve")
def approve_several(desk: Sender, hit_id: Id, assignment_ids: Ids) -> Response:
    """Approve the work that a page of the HIT shows, one by one; the first that cannot be approved ends it."""

    def all_of_them() -> None:
        for assignment_id in assignment_ids:
            desk.call("ApproveAssignment", AssignmentId=assignment_id)

    return calls.answer(
        all_of_them,
        then=f"/requester/hits/{hit_id}?notice=approved",
        show=lambda problem: show_hit(desk, hit_id, problem=problem, status=409),
    )


def _decide(
    desk: Desk,
    assignment_id: str,
    notice: str,
    operation: str,
    /,
    **values: Any,
) -> Response:
    place, _, anchor = _place(desk, assignment_id).partition("#")
    return calls.answer(
        lambda: desk.call(operation, AssignmentId=assignment_id, **values),
        then=f"{place}?notice={notice}&of={assignment_id}#{anchor}",
        show=_show(desk, assignment_id),
    )


def _show(desk: Desk, assignment_id: str) -> Callable[[str], Response]:
    hit_id = _hit_id(desk, assignment_id)
    return lambda problem: show_hit(desk, hit_id, problem=problem, status=409)


def _place(desk: Desk, assignment_id: str) -> str:
    return f"/requester/hits/{_hit_id(desk, assignment_id)}#{assignment_id}"


def _hit_id(desk: Desk, assignment_id: str) -> str:
    """Raises RequestError AssignmentDoesNotExist, for a stranger's as well."""
    found = desk.call("GetAssignment", AssignmentId=assignment_id)
    return str(found["Assignment"]["HITId"])
