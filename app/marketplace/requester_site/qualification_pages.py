"""My Qualification Types: make one, who has it, who asks for it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from app.marketplace.requester_site import answer_tables, calls
from app.marketplace.requester_site.pages import ROWS_A_PAGE, Desk, Id, Notice, Sender, SignedIn, Text, Token
from app.marketplace.sites.pages import see_other
from app.marketplace.store import QualificationStatus, QualificationType, QualificationTypeStatus
from app.marketplace.wire_errors import WireError, does_not_exist

router = APIRouter()
HOLDERS = [status.value for status in QualificationStatus]
Status = Annotated[str, Query(pattern=f"^({'|'.join(HOLDERS)})$")]
RequestId = Annotated[str, Form(pattern="^[A-Za-z0-9]{1,64}$")]
_MOST_REQUESTS = 20
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class TypeForm:
    """The form for another Qualification Type, as it was sent. Tests come by CreateQualificationType alone."""

    name: Annotated[str, Form(max_length=1000)] = ""
    description: Text = ""
    keywords: Text = ""
    again_hours: Annotated[str, Form(pattern=r"^\s*[0-9]{0,6}\s*$")] = ""
    auto_granted: Annotated[bool, Form()] = False

    def values(self) -> dict[str, Any]:
        """The input of CreateQualificationType."""
        hours = self.again_hours.strip()
        return {
            "Name": " ".join(self.name.split()),
            "Description": self.description.replace("\r\n", "\n").strip(),
            "Keywords": self.keywords.strip(),
            "QualificationTypeStatus": QualificationTypeStatus.ACTIVE.value,
            "RetryDelayInSeconds": int(hours) * _HOUR_S if hours else None,
            "AutoGranted": True if self.auto_granted else None,
        }


@router.get("/qualification-types")
def qualification_types(
    desk: SignedIn,
    after: Token = "",
    text: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """A page of my Qualification Types, and the form for another one."""
    return _list(desk, after=after, text=text)


@router.post("/qualification-types")
def create(desk: Sender, form: Annotated[TypeForm, Depends()]) -> Response:
    """Make a Qualification Type and show it."""
    try:
        made = desk.call("CreateQualificationType", **form.values())["QualificationType"]
    except WireError as error:
        return _list(desk, problem=error.message, given=form, status=422)
    return see_other(f"/requester/qualification-types/{made['QualificationTypeId']}?notice=type_made")


def _list(
    desk: Desk, *, after: str = "", text: str = "", status: int = 200, problem: str = "", given: TypeForm | None = None
) -> Response:
    listed = desk.call(
        "ListQualificationTypes",
        MustBeRequestable=False,
        MustBeOwnedByCaller=True,
        Query=text.replace("\0", "").strip(),
        MaxResults=ROWS_A_PAGE,
        NextToken=after,
    )
    types = listed["QualificationTypes"]
    return desk.page(
        "qualification_types",
        status=status,
        types=types,
        next_token=_next(listed),
        after=after,
        text=text,
        problem=problem,
        given=given or TypeForm(),
    )


@router.get("/qualification-types/{type_id}")
def qualification_type(
    desk: SignedIn,
    type_id: Id,
    status: Status = QualificationStatus.GRANTED.value,
    after: Token = "",
    notice: Notice = "",
) -> Response:
    """One of mine: requests that wait for me, and who has it."""
    return _show(desk, type_id, holders_status=status, after=after, notice=notice)


@router.post("/qualification-types/{type_id}/accept")
def accept(
    desk: Sender,
    type_id: Id,
    request_id: RequestId,
    value: Annotated[int, Form(ge=-(2**31), lt=2**31)] = 1,
) -> Response:
    """Grant what a Worker asks for."""
    values = {"QualificationRequestId": request_id, "IntegerValue": value}
    return _decide(desk, type_id, "request_accepted", "AcceptQualificationRequest", **values)


@router.post("/qualification-types/{type_id}/reject")
def reject(desk: Sender, type_id: Id, request_id: RequestId, reason: Text = "") -> Response:
    """Refuse it; the Worker reads the reason."""
    values = {"QualificationRequestId": request_id, "Reason": reason.strip()}
    return _decide(desk, type_id, "request_rejected", "RejectQualificationRequest", **values)


def _decide(desk: Desk, type_id: str, notice: str, operation: str, /, **values: Any) -> Response:
    return calls.answer(
        lambda: desk.call(operation, **values),
        then=f"/requester/qualification-types/{type_id}?notice={notice}",
        show=lambda problem: _show(desk, type_id, problem=problem, status=409),
    )


def _show(
    desk: Desk,
    type_id: str,
    *,
    holders_status: str = QualificationStatus.GRANTED.value,
    after: str = "",
    status: int = 200,
    **values: str,
) -> Response:
    mine = desk.requester_id
    with desk.market.database.transaction() as db:
        kind = db.get(QualificationType, type_id)
    if kind is None or kind.requester_id != mine or kind.deleted_at is not None:
        raise does_not_exist("QualificationType", type_id)
    of_type = {"QualificationTypeId": type_id}
    requests = desk.call("ListQualificationRequests", **of_type, MaxResults=_MOST_REQUESTS)
    holders = desk.call(
        "ListWorkersWithQualificationType",
        **of_type,
        Status=holders_status,
        MaxResults=ROWS_A_PAGE,
        NextToken=after,
    )
    return desk.page(
        "qualification_type",
        status=status,
        type=kind,
        requests=[(one, answer_tables.rows(one.get("Answer"))) for one in requests["QualificationRequests"]],
        holders=holders["Qualifications"],
        holders_status=holders_status,
        statuses=HOLDERS,
        next_token=_next(holders),
        after=after,
        **values,
    )


def _next(listed: Any) -> str:
    """Every page with rows has a NextToken; only a full one leads on."""
    return str(listed.get("NextToken", "")) if listed["NumResults"] == ROWS_A_PAGE else ""
