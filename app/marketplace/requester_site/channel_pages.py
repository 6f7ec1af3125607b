"""Recruitment channels: open one, the link to paste, invitations, who came, close it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path
from sqlalchemy import select
from starlette.responses import Response

from app.errors import InvalidInput
from app.logs import get_logger
from app.marketplace import recruitment
from app.marketplace.recruitment import NewChannel
from app.marketplace.requester_site.pages import Desk, Notice, Number, Sender, SignedIn, Text
from app.marketplace.sites.pages import see_other
from app.marketplace.store import ChannelKind, HITType

log = get_logger(__name__)
router = APIRouter()
ChannelId = Annotated[int, Path(ge=1, lt=2**63)]
Short = Annotated[str, Form(max_length=2000)]
Count = Annotated[str, Form(pattern=r"^\s*[0-9]{0,9}\s*$")]
KINDS = {
    ChannelKind.INVITE: "Invite links: people you know",
    ChannelKind.PROLIFIC: "Prolific",
    ChannelKind.CONNECT: "CloudResearch Connect",
    ChannelKind.GENERIC: "Another site",
}
_LONGEST_DAYS = 3650
_MOST_TYPES = 200
_VISITS_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class ChannelForm:
    """The form as it was sent."""

    kind: Annotated[ChannelKind, Form()]
    name: Short = ""
    hit_type_id: Short = ""
    assignments: Count = ""
    people: Count = ""
    days: Count = ""
    completion_code: Short = ""
    completion_url: Short = ""
    worker_parameter: Short = ""
    single_use: Annotated[bool, Form()] = False

    def meant(self, now: datetime) -> NewChannel:
        """The channel that it asks for."""
        return NewChannel(
            name=_text(self.name),
            kind=self.kind,
            worker_parameter=_text(self.worker_parameter) or None,
            completion_url=_text(self.completion_url) or None,
            completion_code=_text(self.completion_code) or None,
            hit_type_id=_text(self.hit_type_id) or None,
            assignments_a_visit=_number(self.assignments),
            most_workers=_number(self.people),
            is_shared=not self.single_use,
            expires_at=_in_days(_number(self.days), now),
        )


@router.get("/channels")
def channels(
    desk: SignedIn,
) -> Response:
    """All channels in numbers, and the form for another one."""
    return _list(desk)


@router.post("/channels")
def create(desk: Sender, form: Annotated[ChannelForm, Depends()]) -> Response:
    """Open a channel and show its link."""
    now = desk.market.clock()
    try:
        with desk.market.database.transaction() as db:
            channel = recruitment.create(db, desk.requester_id, form.meant(now), now)
    except InvalidInput as error:
        return _list(desk, problem=str(error), given=form, status=422)
    log.info("channel.opened", channel_id=channel.id, kind=channel.kind, requester_id=desk.requester_id)
    return see_other(f"/requester/channels/{channel.id}")


@router.get("/channels/{channel_id}")
def channel(
    desk: SignedIn,
    channel_id: ChannelId,
    before: Number = None,
    notice: Notice = "",
) -> Response:
    """One channel: its link, its invitations, its visits."""
    return _show(desk, channel_id, before=before, notice=notice)


@router.post("/channels/{channel_id}/invite")
def invite(desk: Sender, channel_id: ChannelId, notes: Text = "", days: Count = "") -> Response:
    """Make a single-use link for each line; the links are shown this once."""
    now = desk.market.clock()
    lines = [line.strip() for line in notes.splitlines() if line.strip()] or [""]
    try:
        with desk.market.database.transaction() as db:
            made = recruitment.invite(
                db,
                desk.requester_id,
                channel_id,
                lines,
                now,
                marketplace_url=desk.market.settings.marketplace_url,
                expires_at=_in_days(_number(days), now),
            )
    except InvalidInput as error:
        return _show(desk, channel_id, problem=str(error), status=422)
    log.info("channel.invited", channel_id=channel_id, invitations=len(made))
    return desk.page("new_invitations", channel_id=channel_id, invitations=made)


@router.post("/channels/{channel_id}/close")
def close(desk: Sender, channel_id: ChannelId) -> Response:
    """Let nobody new in."""
    with desk.market.database.transaction() as db:
        recruitment.close(db, desk.requester_id, channel_id, desk.market.clock())
    log.info("channel.closed", channel_id=channel_id)
    return see_other(f"/requester/channels/{channel_id}?notice=channel_closed")


def _list(desk: Desk, *, given: ChannelForm | None = None, **values: Any) -> Response:
    now = desk.market.clock()
    with desk.market.database.transaction() as db:
        found = recruitment.figures(db, desk.requester_id)
        mine = select(HITType).where(HITType.requester_id == desk.requester_id)
        types = db.scalars(mine.order_by(HITType.created_at.desc()).limit(_MOST_TYPES)).all()
    rows = [(figures, recruitment.status_of(figures.channel, now)) for figures in found]
    return desk.page("channels", channels=rows, types=types, kinds=KINDS, given=given, **values)


def _show(
    desk: Desk,
    channel_id: int,
    *,
    before: int | None = None,
    **values: Any,
) -> Response:
    mine = desk.requester_id
    with desk.market.database.transaction() as db:
        found = recruitment.channel_of(db, mine, channel_id)
        visits = recruitment.visits_of(db, mine, channel_id, before=before, limit=_VISITS_A_PAGE + 1)
        invited = found.kind == ChannelKind.INVITE
        invitations = recruitment.invitations_of(db, mine, channel_id, limit=200) if invited else []
        of_type = db.get(HITType, found.hit_type_id) if found.hit_type_id else None
    return desk.page(
        "channel",
        channel=found,
        kind=KINDS[ChannelKind(found.kind)],
        state=recruitment.status_of(found, desk.market.clock()),
        link=recruitment.entry_link(found, desk.market.settings.marketplace_url),
        of_type=of_type,
        visits=visits[:_VISITS_A_PAGE],
        more=len(visits) > _VISITS_A_PAGE,
        before=before,
        invitations=invitations,
        **values,
    )


def _text(given: str) -> str:
    return given.replace("\0", "").strip()


def _number(given: str) -> int | None:
    return int(given) if given.strip() else None


def _in_days(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now + timedelta(days=min(days, _LONGEST_DAYS))
