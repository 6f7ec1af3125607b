"""What a Batch that was stopped still waits for, and until when. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.vocabulary import BatchId, BatchStatus
from app.errors import NotFound

_SHOWN_CALLS = 20


@dataclass(frozen=True, slots=True)
class OpenCall:
    """Calls of one kind that are still to be made, or were refused. `error`: what the last attempts met, if anything."""

    kind: str
    waiting: int
    failed: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a Batch is not over yet.

    perhaps_published: HITs whose call may have happened. still_offered: HITs not taken back yet. working: Workers at HITs,
    at most until `working_until`. undecided: submitted work, `held` of it for a person; the first of it is paid by the
    marketplace itself at `auto_approval_at`. unspent_usd: reserved and not paid.
    """

    batch_id: BatchId
    status: BatchStatus
    perhaps_published: int
    still_offered: int
    working: int
    working_until: datetime | None
    to_collect: int
    undecided: int
    held: int
    auto_approval_at: datetime | None
    unread: int
    calls: tuple[OpenCall, ...]
    unspent_usd: Decimal

    @property
    def sentences(self) -> list[str]:
        """The same for people: one sentence a reason; none when there is nothing to wait for."""
        return list(_sentences(self))

    @property
    def can_be_given_up(self) -> bool:
        """Whether `giving_up.give_up` could be asked: only a Batch that was stopped."""
        return self.status is BatchStatus.STOPPING


def _sentences(waiting: Waiting) -> Iterator[str]:
    if waiting.perhaps_published:
        yield f"{_counted(waiting.perhaps_published, 'HIT')} may have been published and will be looked up"
    if waiting.still_offered:
        yield f"{_counted(waiting.still_offered, 'HIT')} to be taken back"
    if waiting.working:
        until = f", until {_at(waiting.working_until)} at the latest" if waiting.working_until else ""
        yield f"{_counted(waiting.working, 'Worker')} still at work{until}"
    if waiting.to_collect:
        yield f"{_counted(waiting.to_collect, 'HIT')} to be looked at once more for late work"
    if waiting.unread:
        yield f"{_counted(waiting.unread, 'answer')} to be read"
    if waiting.held:
        when = f"; the first is approved by the marketplace itself at {_at(waiting.auto_approval_at)}"
        yield f"{_counted(waiting.held, 'Assignment')} held for your decision{when if waiting.auto_approval_at else ''}"
    if waiting.undecided - waiting.held:
        yield f"{_counted(waiting.undecided - waiting.held, 'Assignment')} to be approved or rejected"
    for call in waiting.calls:
        if call.error:
            refused = f", {call.failed} of them refused for good" if call.failed else ""
            yield f"{_counted(call.waiting + call.failed, f'call to {call.kind}')} did not succeed yet{refused}: {call.error}"


def _counted(number: int, thing: str) -> str:
    if thing.startswith("call "):
        return f"{number} {thing}" if number == 1 else f"{number} calls{thing.removeprefix('call')}"
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"


_WAITING = text("""
    WITH live AS (
        SELECT h.id, h.pending, o.taken_back_at,
               -- Expired, nobody can begin any more: the last who did has the whole time for one HIT from then on.
               least(h.expires_at, o.taken_back_at) + make_interval(secs => b.assignment_duration_s) AS last_deadline
        FROM hits AS h JOIN batches AS b ON b.id = h.batch_id
        LEFT JOIN LATERAL (SELECT max(finished_at) AS taken_back_at FROM operations
                           WHERE hit_id = h.id AND kind = 'expire' AND status = 'done') AS o ON true
        WHERE h.batch_id = :id AND h.status = 'live' AND NOT h.exhausted
    ), submitted AS (
        SELECT a.held_at, a.auto_approval_at FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
        WHERE h.batch_id = :id AND a.status = 'submitted'
    )
    SELECT b.status,
        (SELECT count(*) FROM hits WHERE batch_id = b.id AND status = 'publishing') AS perhaps_published,
        (SELECT count(*) FROM live WHERE taken_back_at IS NULL) AS still_offered,
        (SELECT coalesce(sum(pending), 0) FROM live) AS working,
        (SELECT max(last_deadline) FROM live WHERE pending > 0) AS working_until,
        (SELECT count(*) FROM live WHERE taken_back_at IS NOT NULL AND pending = 0) AS to_collect,
        (SELECT count(*) FROM submitted) AS undecided,
        (SELECT count(*) FROM submitted WHERE held_at IS NOT NULL) AS held,
        (SELECT min(auto_approval_at) FROM submitted WHERE held_at IS NOT NULL) AS auto_approval_at,
        (SELECT count(*) FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
         WHERE h.batch_id = b.id AND a.answer_state = 'raw') AS unread,
        (SELECT coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')
                             OR (kind IN ('bonus', 'bonus_fee') AND status <> 'cancelled')), 0)
              - coalesce(sum(amount_usd) FILTER (WHERE status = 'paid'), 0)
         FROM payments WHERE batch_id = b.id) AS unspent_usd
    FROM batches AS b WHERE b.id = :id
""")
_CALLS = text("""
    SELECT kind, count(*) FILTER (WHERE status <> 'failed') AS waiting, count(*) FILTER (WHERE status = 'failed') AS failed,
           (array_agg(error ORDER BY (status = 'failed') DESC, id) FILTER (WHERE error IS NOT NULL))[1] AS error
    FROM operations WHERE batch_id = :id AND kind <> 'delete' AND status IN ('intended', 'acting', 'failed')
    GROUP BY kind ORDER BY kind LIMIT :most
""")


def waiting(db: Session, batch_id: BatchId) -> Waiting:
    """What the Batch waits for. Raises NotFound."""
    row = db.execute(_WAITING, {"id": batch_id}).one_or_none()
    if row is None:
        raise NotFound("Batch", batch_id)
    calls = db.execute(_CALLS, {"id": batch_id, "most": _SHOWN_CALLS})
    return Waiting(
        batch_id=batch_id,
        status=BatchStatus(row.status),
        perhaps_published=row.perhaps_published,
        still_offered=row.still_offered,
        working=row.working,
        working_until=row.working_until,
        to_collect=row.to_collect,
        undecided=row.undecided,
        held=row.held,
        auto_approval_at=row.auto_approval_at,
        unread=row.unread,
        calls=tuple(OpenCall(call.kind, call.waiting, call.failed, call.error) for call in calls),
        unspent_usd=row.unspent_usd,
    )
