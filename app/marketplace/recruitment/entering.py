"""Through the door: who comes, whether they may, which Worker they are, and which visit this is.

One person is one Worker: a person is known by the id that the link brings (for Prolific and Connect over all channels of
a Requester, since it is the same person there; else within the channel), or by being signed in.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from app.marketplace.ids import new_worker_id
from app.marketplace.recruitment.arrivals import Arrival, NotAdmitted
from app.marketplace.recruitment.channels import status_of
from app.marketplace.recruitment.invitations import hash_of
from app.marketplace.recruitment.platforms import PLATFORMS
from app.marketplace.store import Channel, ChannelKind, ChannelMember, Invitation, Visit, Worker


@dataclass(frozen=True, slots=True)
class Door:
    """What an entry link opens: a channel, by its own link or by an invitation."""

    channel: Channel
    invitation: Invitation | None


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in, and their visit."""

    worker_id: str
    visit_id: int


def door(db: Session, token: str) -> Door:
    """The door to which this link leads. Raises NotAdmitted where there is none."""
    token = token.replace("\0", "")
    channel = db.scalars(select(Channel).where(Channel.token == token)).one_or_none()
    if channel is not None:
        return Door(channel, None)
    statement = select(Channel, Invitation).join(Invitation, Invitation.channel_id == Channel.id)
    row = db.execute(statement.where(Invitation.token_hash == hash_of(token))).one_or_none()
    if row is None:
        raise NotAdmitted(404, "This link leads nowhere. Check that you copied all of it, or ask whoever sent it.")
    return Door(row[0], row[1])


def check_open(db: Session, at: Door, now: datetime) -> None:
    """Raises NotAdmitted when nobody new may come in by this door."""
    channel = at.channel
    status = status_of(channel, now)
    if status != "open":
        raise NotAdmitted(410, f"This link is {status}: nobody new can come in. Ask whoever sent it for another one.")
    if at.invitation is None and not channel.is_shared:
        raise NotAdmitted(403, "People come in here by personal invitation only. Use the link that was sent to you.")
    if at.invitation is not None and at.invitation.used_at is not None:
        raise NotAdmitted(410, "This invitation was used already. If that was you, sign in.", sign_in=True)
    if at.invitation is not None and at.invitation.expires_at is not None and at.invitation.expires_at <= now:
        raise NotAdmitted(410, "This invitation has expired. Ask whoever sent it for another one.")
    if channel.most_workers is not None and _members(db, channel) >= channel.most_workers:
        raise NotAdmitted(409, "All places are taken. Thank you for your interest!")


def is_expected(db: Session, at: Door, comes: Arrival, signed_in_as: str | None) -> bool:
    """Whether this person came through the channel before, so that they may come back even when it is closed."""
    if comes.person is None:
        return signed_in_as is not None and _is_member(db, at.channel, signed_in_as)
    member = select(ChannelMember.worker_id).where(
        ChannelMember.channel_id == at.channel.id, ChannelMember.external_id == comes.person
    )
    return db.scalar(member) is not None


def visit_to_go_on_with(db: Session, at: Door, comes: Arrival, worker_id: str) -> int | None:
    """The visit, open or finished, to which this signed-in Worker would come back; None: another one would begin.

    None as well for a link that names somebody else: nobody is told of a visit by what they put into a link.
    """
    member = select(ChannelMember.external_id).where(
        ChannelMember.channel_id == at.channel.id, ChannelMember.worker_id == worker_id
    )
    if db.scalar(member) != (comes.person or worker_id):
        return None
    visit = _earlier_visit(db, at.channel, worker_id, comes)
    if visit is None or (visit.finished_at is not None and _open_ended(at.channel)):
        return None
    return visit.id


def enter(db: Session, at: Door, comes: Arrival, now: datetime, *, signed_in_as: str | None) -> Entered:
    """Let a person in, or back in: one Worker, and one visit per study. Raises NotAdmitted, and then nothing is written.

    For invite links the person must be signed in. Everybody who enters a channel waits for its lock: so its cap holds,
    an invitation is used once, and two clicks are one entry.
    """
    person = comes.person or signed_in_as
    if person is None:
        raise NotAdmitted(401, "Please sign in, or enrol with your name.", sign_in=True)
    _wait_for_themselves(db, at.channel, person)
    # Locked and read anew: what was read before may be out of date.
    channel = db.get_one(Channel, at.channel.id, with_for_update={"key_share": True}, populate_existing=True)
    if at.invitation is not None:
        db.refresh(at.invitation)
    worker_id = _known(db, channel, person, signed_in_as)
    if worker_id is None or not _is_member(db, channel, worker_id):
        check_open(db, Door(channel, at.invitation), now)
        worker_id = worker_id or signed_in_as or _new_worker(db, ChannelKind(channel.kind), now)
        db.add(ChannelMember(channel_id=channel.id, external_id=person, worker_id=worker_id, joined_at=now))
        if at.invitation is not None:
            at.invitation.used_at, at.invitation.used_by = now, worker_id
        db.flush()
    return Entered(worker_id, _visit(db, channel, worker_id, comes, now).id)


def _wait_for_themselves(db: Session, channel: Channel, person: str) -> None:
    """Until the transaction ends the same person waits at every door of the Requester, so that they become one Worker."""
    who = f"{channel.requester_id}/{channel.kind}/{person}"
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 9))"), {"who": who})


def _known(db: Session, channel: Channel, person: str, signed_in_as: str | None) -> str | None:
    """The Worker who is this person. Raises NotAdmitted where person and signed-in Worker do not fit together."""
    if channel.kind == ChannelKind.INVITE:
        return signed_in_as
    within = select(ChannelMember.worker_id).join(Channel, Channel.id == ChannelMember.channel_id)
    within = within.where(_same_people(channel)).limit(1)
    known = db.scalar(within.where(ChannelMember.external_id == person))
    if signed_in_as is not None and known is None:
        another = db.scalar(within.where(ChannelMember.worker_id == signed_in_as))
        if another is not None:
            raise _another_person()
    if known is None:
        return None
    if signed_in_as is not None and signed_in_as != known:
        raise _another_person()
    if signed_in_as is None and db.scalar(select(Worker.phrase_hash).where(Worker.id == known)) is not None:
        # Who has a secret phrase is not let in by a name in a link.
        raise NotAdmitted(401, "You took part with an account of your own. Sign in to go on.", sign_in=True)
    # A Worker enters further channels signed in, by links that anybody may have written: with the name in such a link
    # its writer could come in as them. Only the name under which they first came opens their account.
    made_them = within.join(Worker, Worker.id == ChannelMember.worker_id).where(
        ChannelMember.external_id == person, ChannelMember.joined_at == Worker.created_at
    )
    if signed_in_as is None and db.scalar(made_them) is None:
        raise NotAdmitted(
            401,
            "You took part here before, and came in by another link. Go on in the browser in which you started, or open"
            " that first link here before this one.",
        )
    return known


def _another_person() -> NotAdmitted:
    return NotAdmitted(
        409,
        "You are signed in as somebody who takes part under another id. Each person can take part once."
        " If the link is yours and the account is not, sign out first.",
        sign_out=True,
    )


def _same_people(channel: Channel) -> ColumnElement[bool]:
    """Members among whom one external id is one person."""
    if ChannelKind(channel.kind) in PLATFORMS:
        return (Channel.requester_id == channel.requester_id) & (Channel.kind == channel.kind)
    return Channel.id == channel.id


def _new_worker(db: Session, kind: ChannelKind, now: datetime) -> str:
    """A Worker without a secret phrase: they come back the way they came."""
    platform = PLATFORMS.get(kind)
    name = f"{platform.name} participant" if platform else "Participant"
    worker = Worker(id=new_worker_id(), name=name, phrase_hash=None, created_at=now)
    db.add(worker)
    db.flush()
    return worker.id


def _visit(db: Session, channel: Channel, worker_id: str, comes: Arrival, now: datetime) -> Visit:
    """The person's visit of this study: theirs for good, even finished. A new session carries an open visit on."""
    last = _earlier_visit(db, channel, worker_id, comes)
    if last is not None and last.finished_at is None:
        # Opened again, the same session changes nothing.
        if comes.person is not None and (comes.session is None or last.external_session_id != comes.session):
            last.external_session_id, last.parameters = comes.session, comes.parameters
        return last
    if last is not None and not _open_ended(channel):
        return last
    if status_of(channel, now) != "open":
        raise NotAdmitted(410, f"This link is {status_of(channel, now)}: nobody can start here any more.")
    visit = Visit(
        channel_id=channel.id,
        worker_id=worker_id,
        external_session_id=comes.session,
        external_study_id=comes.study,
        parameters=comes.parameters,
        started_at=now,
    )
    db.add(visit)
    db.flush()
    return visit


def _earlier_visit(db: Session, channel: Channel, worker_id: str, comes: Arrival) -> Visit | None:
    """The Worker's visit of this session, else the last one of this study."""
    mine = select(Visit).where(Visit.channel_id == channel.id, Visit.worker_id == worker_id).limit(1)
    if comes.session is not None:
        same = db.scalars(mine.where(Visit.external_session_id == comes.session)).one_or_none()
        if same is not None:
            return same
    of_study = mine.where(Visit.external_study_id.is_not_distinct_from(comes.study)).order_by(Visit.id.desc())
    return db.scalars(of_study).one_or_none()


def _open_ended(channel: Channel) -> bool:
    """A door for a team's own raters: no quota and nothing to hand over at the end, so they may come again."""
    return (
        channel.kind == ChannelKind.INVITE
        and channel.assignments_a_visit is None
        and not channel.completion_url
        and not channel.completion_code
    )


def _is_member(db: Session, channel: Channel, worker_id: str) -> bool:
    member = select(ChannelMember.worker_id)
    member = member.where(ChannelMember.channel_id == channel.id, ChannelMember.worker_id == worker_id)
    return db.scalar(member) is not None


def _members(db: Session, channel: Channel) -> int:
    counted = select(func.count()).select_from(ChannelMember).where(ChannelMember.channel_id == channel.id)
    return db.scalar(counted) or 0
