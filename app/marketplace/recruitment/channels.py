"""A Requester's channels: made, listed, closed; the link that stands in an advertisement."""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidInput, NotFound, Problem
from app.marketplace.recruitment.completion import target_problem
from app.marketplace.recruitment.platforms import PLATFORMS, PROLIFIC_COMPLETION
from app.marketplace.store import Channel, ChannelKind, HITType

LONGEST_NAME = 200
LONGEST_CODE = 100
MOST_A_VISIT = 10_000
MOST_WORKERS = 1_000_000
# Names of query parameters as other sites use them; they stand in completion links between braces.
PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
_CODE = re.compile(r"[A-Za-z0-9_\-]+")


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What a Requester says of a channel that is to be. Field by field as `store.Channel` describes them.

    Prolific and Connect: give the completion code, or paste the completion URL that they show. Generic: also
    `worker_parameter`. Invite links: neither is needed; is_shared=False admits by single-use invitations alone.
    """

    name: str
    kind: ChannelKind
    worker_parameter: str | None = None
    completion_url: str | None = None
    completion_code: str | None = None
    hit_type_id: str | None = None
    assignments_a_visit: int | None = None
    most_workers: int | None = None
    is_shared: bool = True
    expires_at: datetime | None = None


def create(db: Session, requester_id: str, new: NewChannel, now: datetime) -> Channel:
    """Open a channel. Raises InvalidInput, whose problems name the fields of NewChannel."""
    problems = [*_problems(db, requester_id, new, now)]
    if problems:
        raise InvalidInput(problems)
    channel = Channel(
        token=secrets.token_urlsafe(16),
        requester_id=requester_id,
        name=" ".join(new.name.split()),
        kind=new.kind.value,
        worker_parameter=new.worker_parameter if new.kind is ChannelKind.GENERIC else _platform_parameter(new.kind),
        completion_url=_completion_url(new),
        completion_code=_completion_code(new),
        hit_type_id=new.hit_type_id or None,
        assignments_a_visit=new.assignments_a_visit,
        most_workers=new.most_workers,
        is_shared=new.is_shared or new.kind is not ChannelKind.INVITE,
        created_at=now,
        expires_at=new.expires_at,
    )
    db.add(channel)
    db.flush()
    return channel


def close(db: Session, requester_id: str, channel_id: int, now: datetime) -> Channel:
    """Let nobody new in; who is inside may finish. Closing twice changes nothing. Raises NotFound."""
    channel = channel_of(db, requester_id, channel_id)
    channel.closed_at = channel.closed_at or now
    return channel


def channels_of(db: Session, requester_id: str) -> Sequence[Channel]:
    """The Requester's channels, newest first."""
    return db.scalars(select(Channel).where(Channel.requester_id == requester_id).order_by(Channel.id.desc())).all()


def channel_of(db: Session, requester_id: str, channel_id: int) -> Channel:
    """One channel of this Requester's. Raises NotFound, also for another Requester's."""
    channel = db.get(Channel, channel_id) if 0 < channel_id < 2**63 else None
    if channel is None or channel.requester_id != requester_id:
        raise NotFound("channel", channel_id)
    return channel


def entry_link(channel: Channel, marketplace_url: str) -> str:
    """What to paste into an advertisement: on Prolific and Connect with the placeholders that they fill in."""
    link = f"{marketplace_url}/enter/{channel.token}"
    kind = ChannelKind(channel.kind)
    if kind is ChannelKind.GENERIC:
        return f"{link}?{channel.worker_parameter}="
    platform = PLATFORMS.get(kind)
    return link if platform is None else f"{link}{platform.query}"


def status_of(channel: Channel, now: datetime) -> Literal["open", "closed", "expired"]:
    """Whether new people may come in."""
    if channel.closed_at is not None:
        return "closed"
    return "expired" if channel.expires_at is not None and channel.expires_at <= now else "open"


def _problems(db: Session, requester_id: str, new: NewChannel, now: datetime) -> Iterator[Problem]:
    name = " ".join(new.name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        yield Problem(f"give the channel a name of 1 to {LONGEST_NAME} characters", field="name")
    if new.expires_at is not None and new.expires_at <= now:
        yield Problem("this time is past already", field="expires_at")
    for field, number, most in (
        ("assignments_a_visit", new.assignments_a_visit, MOST_A_VISIT),
        ("most_workers", new.most_workers, MOST_WORKERS),
    ):
        if number is not None and not 1 <= number <= most:
            yield Problem(f"use a number from 1 to {most}, or none for no limit", field=field)
    if new.hit_type_id and not _owns_type(db, requester_id, new.hit_type_id):
        yield Problem("there is no HIT Type of yours with this id", field="hit_type_id")
    yield from _way_out_problems(new)


def _way_out_problems(new: NewChannel) -> Iterator[Problem]:
    if new.kind is ChannelKind.GENERIC and PARAMETER.fullmatch(new.worker_parameter or "") is None:
        yield Problem("name the query parameter that says who comes, such as participant", field="worker_parameter")
    if new.completion_url and (fault := target_problem(new.completion_url)) is not None:
        yield Problem(fault, field="completion_url")
        return
    code = _completion_code(new)
    if code is not None and (len(code) > LONGEST_CODE or _CODE.fullmatch(code) is None):
        yield Problem(f"use up to {LONGEST_CODE} letters, digits, - and _", field="completion_code")
    if code is None and new.completion_url and "{code}" in new.completion_url:
        yield Problem("the completion URL has {code} in it: give the code", field="completion_code")
    if new.kind is not ChannelKind.INVITE and code is None and not new.completion_url:
        yield Problem(
            "give the completion code or the completion URL: people need it to be paid", field="completion_code"
        )


def _completion_url(new: NewChannel) -> str | None:
    if new.kind is ChannelKind.PROLIFIC and not new.completion_url:
        return PROLIFIC_COMPLETION
    return new.completion_url or None


def _completion_code(new: NewChannel) -> str | None:
    """The code as given, else as it stands in a completion URL pasted from Prolific."""
    if new.completion_code or new.kind is not ChannelKind.PROLIFIC or not new.completion_url:
        return new.completion_code or None
    codes = parse_qs(urlsplit(new.completion_url).query).get("cc", [])
    return codes[0] if codes and "{" not in codes[0] else None


def _platform_parameter(kind: ChannelKind) -> str | None:
    platform = PLATFORMS.get(kind)
    return None if platform is None else platform.worker


def _owns_type(db: Session, requester_id: str, hit_type_id: str) -> bool:
    if not (hit_type_id.isascii() and hit_type_id.isalnum()):
        return False
    owner = db.scalar(select(HITType.requester_id).where(HITType.id == hit_type_id))
    return owner == requester_id
