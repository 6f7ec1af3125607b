"""HITs: the list, one HIT with its question and answers, and what can be done to it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from pydantic import AwareDatetime
from sqlalchemy import select
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.context import Marketplace
from app.marketplace.requester_site import answer_tables, calls, hit_lists
from app.marketplace.requester_site.hit_lists import Wanted
from app.marketplace.requester_site.pages import ROWS_A_PAGE, Desk, Id, Notice, Number, Sender, SignedIn, Token
from app.marketplace.sites import frames
from app.marketplace.sites.pages import see_other
from app.marketplace.store import HIT, AssignmentStatus, BonusPayment, HITStatus, ReviewLevel
from app.marketplace.wire_errors import WireError

router = APIRouter()
LISTED = [status.value for status in HITStatus if status is not HITStatus.DISPOSED]
DECIDED = [AssignmentStatus.SUBMITTED.value, AssignmentStatus.APPROVED.value, AssignmentStatus.REJECTED.value]
Status = Annotated[str, Query(pattern=f"^({'|'.join(LISTED)})?$")]
AssignmentsStatus = Annotated[str, Query(pattern=f"^({'|'.join(DECIDED)})?$")]
MaybeId = Annotated[str, Query(pattern="^[A-Za-z0-9]{0,64}$")]
ASSIGNMENTS_A_PAGE = 20
REVIEWS_SHOWN = 100
_LONGEST_EXTENSION_H = 8760
# A HIT's lifetime ends between these.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the list's own form asks for."""

    status: Status = ""
    type_: Annotated[str, Query(alias="type", pattern="^[A-Za-z0-9]{0,64}$")] = ""
    text: Annotated[str, Query(max_length=255)] = ""
    waiting: Annotated[str, Query(pattern="^(on)?$")] = ""

    def wanted(self) -> Wanted:
        """The same for the database."""
        return Wanted(self.status, self.type_.upper(), self.text.replace("\0", "").strip(), bool(self.waiting))


@router.get("/hits")
def hits(desk: SignedIn, chosen: Annotated[Chosen, Depends()], before: Number = None, notice: Notice = "") -> Response:
    """A page of HITs, newest first."""
    bookkeeping.settle(desk.market.database, desk.market.clock())
    wanted = chosen.wanted()
    with desk.market.database.transaction() as db:
        rows = hit_lists.hits(db, desk.requester_id, wanted, before=before, limit=ROWS_A_PAGE + 1)
        of_type = hit_lists.hit_type(db, desk.requester_id, wanted.hit_type_id) if wanted.hit_type_id else None
    return desk.page(
        "hits",
        hits=rows[:ROWS_A_PAGE],
        more=len(rows) > ROWS_A_PAGE,
        wanted=wanted,
        of_type=of_type,
        is_first=before is None,
        statuses=LISTED,
        notice=notice,
    )


@router.get("/hit")
def find_hit(desk: SignedIn, id: MaybeId = "") -> Response:
    """The HIT with this id, which may be one that the list does not show any more."""
    return see_other(f"/requester/hits/{id}") if id else see_other("/requester/hits")


@router.get("/hits/{hit_id}")
def hit(
    desk: SignedIn,
    hit_id: Id,
    *,
    status: AssignmentsStatus = "",
    after: Token = "",
    notice: Notice = "",
    of: MaybeId = "",
) -> Response:
    """One HIT: its properties, its question, its Assignments with their answers. `of`: of which the notice speaks."""
    return show_hit(desk, hit_id, status_wanted=status, after=after, notice=notice, of=of)


@router.post("/hits/{hit_id}/expire")
def expire(desk: Sender, hit_id: Id) -> Response:
    """End the HIT's lifetime now."""
    return _change(desk, hit_id, "expired", "UpdateExpirationForHIT", ExpireAt=0)


@router.post("/hits/{hit_id}/extend")
def extend(
    desk: Sender,
    hit_id: Id,
    hours: Annotated[int, Form(ge=1, le=_LONGEST_EXTENSION_H)],
    start: Annotated[AwareDatetime, Form(gt=_EARLIEST, lt=_LATEST)],
) -> Response:
    """Let Workers accept it for longer. `start` came with the form: sent twice, it extends once."""
    expire_at = start + timedelta(hours=hours)
    return _change(desk, hit_id, "extended", "UpdateExpirationForHIT", ExpireAt=expire_at)


@router.post("/hits/{hit_id}/more")
def more_assignments(
    desk: Sender,
    hit_id: Id,
    number: Annotated[int, Form(ge=1, le=1_000_000_000)],
    token: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Ask for more Assignments. The form's token makes it happen once."""
    operation = "CreateAdditionalAssignmentsForHIT"
    values = {"NumberOfAdditionalAssignments": number, "UniqueRequestToken": token}
    return _change(desk, hit_id, "more", operation, **values)


@router.post("/hits/{hit_id}/reviewing")
def reviewing(desk: Sender, hit_id: Id, revert: Annotated[bool, Form()] = False) -> Response:
    """Mark a Reviewable HIT as Reviewing, or back."""
    return _change(desk, hit_id, "reviewing", "UpdateHITReviewStatus", Revert=revert)


@router.post("/hits/{hit_id}/delete")
def delete(desk: Sender, hit_id: Id) -> Response:
    """Dispose of a HIT whose work is decided."""
    return calls.answer(
        lambda: desk.call("DeleteHIT", HITId=hit_id),
        then="/requester/hits?notice=deleted",
        show=lambda problem: show_hit(desk, hit_id, problem=problem, status=409),
    )


def show_hit(
    desk: Desk,
    hit_id: str,
    *,
    status_wanted: str = "",
    after: str = "",
    status: int = 200,
    **values: Any,
) -> Response:
    """The HIT's page. Raises RequestError HITDoesNotExist, for a stranger's HIT as well."""
    shape = desk.call("GetHIT", HITId=hit_id)["HIT"]
    listed = desk.call(
        "ListAssignmentsForHIT",
        HITId=hit_id,
        AssignmentStatuses=[status_wanted] if status_wanted else None,
        MaxResults=ASSIGNMENTS_A_PAGE,
        NextToken=after,
    )
    shown = [one["AssignmentId"] for one in listed["Assignments"]]
    with desk.market.database.transaction() as db:
        row = db.get_one(HIT, hit_id)
        paid = select(BonusPayment).where(BonusPayment.assignment_id.in_(shown)).order_by(BonusPayment.seq)
        bonuses = db.scalars(paid).all()
    now = desk.market.clock()
    reports, more_reports = _reviews(desk, row)
    return desk.page(
        "hit",
        status=status,
        hit=shape,
        row=row,
        frame=None if row.status == HITStatus.DISPOSED else _frame(row, desk.market),
        assignments=[(one, answer_tables.rows(one["Answer"])) for one in listed["Assignments"]],
        next_token=listed.get("NextToken", "") if listed["NumResults"] == ASSIGNMENTS_A_PAGE else "",
        after=after,
        bonuses=bonuses,
        reports=reports,
        more_reports=more_reports,
        status_wanted=status_wanted,
        statuses=DECIDED,
        start=max(row.expires_at, now),
        is_expired=row.expires_at <= now,
        token=secrets.token_hex(16),
        now=now,
        **values,
    )


def _reviews(desk: Desk, row: HIT) -> tuple[list[tuple[str, str, Mapping[str, Any]]], bool]:
    """For each level with a review policy: the level, the policy's name, its report; and whether there is more."""
    if row.assignment_review_policy is None and row.hit_review_policy is None:
        return [], False
    found = desk.call("ListReviewPolicyResultsForHIT", HITId=row.id, MaxResults=REVIEWS_SHOWN)
    levels = [level.value for level in ReviewLevel if f"{level}ReviewPolicy" in found]
    reports = [(level, found[f"{level}ReviewPolicy"]["PolicyName"], found[f"{level}ReviewReport"]) for level in levels]
    rows = sum(len(part) for _, _, report in reports for part in report.values())
    return reports, rows == REVIEWS_SHOWN


def _frame(row: HIT, market: Marketplace) -> frames.Frame | None:
    try:
        return frames.frame(row, market.settings.marketplace_url)
    except WireError:
        return None  # a question of a kind that this version does not show


def _change(desk: Desk, hit_id: str, notice: str, operation: str, /, **values: Any) -> Response:
    return calls.answer(
        lambda: desk.call(operation, HITId=hit_id, **values),
        then=f"/requester/hits/{hit_id}?notice={notice}",
        show=lambda problem: show_hit(desk, hit_id, problem=problem, status=409),
    )
