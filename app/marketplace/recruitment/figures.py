"""What a Requester reads of a channel: how many came, how far they got, what is approved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.marketplace.recruitment.channels import channel_of
from app.marketplace.store import Assignment, AssignmentStatus, Channel, ChannelMember, Visit

VISITS_A_PAGE = 100
SUBMITTED_WORDS = (AssignmentStatus.SUBMITTED, AssignmentStatus.APPROVED, AssignmentStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """Sums over one channel. `submitted` counts all that was handed in, whatever was decided on it since."""

    channel: Channel
    workers: int
    visits: int
    finished: int
    submitted: int
    approved: int
    rejected: int


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One visit in a channel's table. `external_id` is the person's id over there, or the Worker's own."""

    visit_id: int
    worker_id: str
    external_id: str
    external_session_id: str | None
    external_study_id: str | None
    started_at: datetime
    finished_at: datetime | None
    submitted: int
    approved: int
    rejected: int


def figures(db: Session, requester_id: str) -> list[ChannelFigures]:
    """All channels of the Requester with their sums, newest first: three statements, however many there are."""
    mine = select(Channel).where(Channel.requester_id == requester_id)
    channels = db.scalars(mine.order_by(Channel.id.desc())).all()
    ids = [channel.id for channel in channels]
    members = select(ChannelMember.channel_id, func.count()).where(ChannelMember.channel_id.in_(ids))
    workers = {row[0]: row[1] for row in db.execute(members.group_by(ChannelMember.channel_id))}
    visits = select(Visit.channel_id, func.count(), func.count(Visit.finished_at)).where(Visit.channel_id.in_(ids))
    came = {row[0]: (row[1], row[2]) for row in db.execute(visits.group_by(Visit.channel_id))}
    work = (
        select(Visit.channel_id, *_counts())
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(Visit.channel_id.in_(ids))
        .group_by(Visit.channel_id)
    )
    done = {row[0]: (row[1], row[2], row[3]) for row in db.execute(work)}
    return [
        ChannelFigures(
            channel, workers.get(channel.id, 0), *came.get(channel.id, (0, 0)), *done.get(channel.id, (0, 0, 0))
        )
        for channel in channels
    ]


def visits_of(
    db: Session, requester_id: str, channel_id: int, *, before: int | None = None, limit: int = VISITS_A_PAGE
) -> Sequence[VisitRow]:
    """The channel's visits, newest first; `before` is the last visit_id of the page before. Raises NotFound."""
    channel = channel_of(db, requester_id, channel_id)
    page = select(Visit).where(Visit.channel_id == channel.id)
    if before is not None:
        page = page.where(Visit.id < before)
    visit = page.order_by(Visit.id.desc()).limit(limit).subquery()
    statement = (
        select(
            visit.c.id,
            visit.c.worker_id,
            func.coalesce(func.min(ChannelMember.external_id), visit.c.worker_id),
            visit.c.external_session_id,
            visit.c.external_study_id,
            visit.c.started_at,
            visit.c.finished_at,
            *_counts(),
        )
        .outerjoin(
            ChannelMember,
            (ChannelMember.channel_id == visit.c.channel_id) & (ChannelMember.worker_id == visit.c.worker_id),
        )
        .outerjoin(Assignment, Assignment.visit_id == visit.c.id)
        .group_by(*visit.c)
        .order_by(visit.c.id.desc())
    )
    return [VisitRow(*row) for row in db.execute(statement)]


def _counts() -> tuple[ColumnElement[int], ColumnElement[int], ColumnElement[int]]:
    def count(*words: AssignmentStatus) -> ColumnElement[int]:
        return func.count(Assignment.id).filter(Assignment.status.in_([word.value for word in words]))

    return count(*SUBMITTED_WORDS), count(AssignmentStatus.APPROVED), count(AssignmentStatus.REJECTED)
