"""A Batch's Items with their votes, one Item with every Response, and the answers that could not be read. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.consensus.majority import NAME as METHOD
from app.domain.vocabulary import (
    AnswerState,
    AssignmentStatus,
    BatchId,
    Category,
    ConsensusStatus,
    ItemId,
    MediaType,
    Option,
)
from app.errors import NotFound

SHOWN_QUARANTINED = 100
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An Item with its votes. Without any Response yet the counts are 0 and `category` is None."""

    id: ItemId
    external_id: str
    role: str
    media_type: MediaType
    media_url: str | None
    media_token: str | None
    text: str | None
    given_label: str
    guessed_label: str
    votes: dict[Option, int]
    cannot_tell: int
    option: Option | None
    category: Category | None
    status: ConsensusStatus
    agreement: float | None

    @property
    def responses(self) -> int:
        """Responses that name one of the four options."""
        return sum(self.votes.values())


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One Worker's Response. `order_shown` lists the options as that Worker saw them, top to bottom."""

    worker: str
    option: Option | None
    cannot_tell: bool
    comment: str
    order_shown: list[str]
    elapsed_ms: int | None
    assignment_status: AssignmentStatus
    submitted_at: datetime | None


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """An Item with every Response and the other columns of its file."""

    item: ItemRow
    extra: dict[str, Any]
    line: int
    responses: list[ResponseRow]


@dataclass(frozen=True, slots=True)
class QuarantinedAssignment:
    """An answer that could not be read: kept as it came, paid like any other."""

    marketplace_assignment_id: str
    worker: str
    problem: str | None
    raw_answer: str
    submitted_at: datetime | None


class ItemFilter(StrEnum):
    """Which Items a page lists: settled ones of one category, or those still open."""

    NON_ERROR = Category.NON_ERROR
    CORRECTABLE = Category.CORRECTABLE
    MULTI_LABEL = Category.MULTI_LABEL
    NEITHER = Category.NEITHER
    NON_AGREEMENT = Category.NON_AGREEMENT
    OPEN = "open"


_ITEM_COLUMNS = """
    i.id, i.external_id, i.role, i.media_type, i.media_url, i.media_token, i.text, i.given_label, i.guessed_label,
    coalesce(c.given_count, 0) AS given, coalesce(c.guessed_count, 0) AS guessed,
    coalesce(c.both_count, 0) AS both, coalesce(c.neither_count, 0) AS neither,
    coalesce(c.cannot_tell_count, 0) AS cannot_tell, c.option, c.category,
    coalesce(c.status, 'open') AS status, c.agreement
"""
_ITEMS_PAGE = text(f"""
    SELECT {_ITEM_COLUMNS}
    FROM items i LEFT JOIN consensus c ON c.item_id = i.id AND c.method = :method
    WHERE i.batch_id = :id AND i.id > :after
      AND (CAST(:only AS text) IS NULL
           OR (:only = 'open' AND coalesce(c.status, 'open') = 'open')
           OR (c.category = :only AND c.status = 'settled'))
    ORDER BY i.id LIMIT :limit
""")


def items_page(
    db: Session, batch_id: BatchId, *, only: ItemFilter | None = None, after_id: int = 0, limit: int = 50
) -> list[ItemRow]:
    """Up to `limit` Items (LARGEST_PAGE at most) by id, starting behind `after_id`: pages stay stable while votes come in."""
    bound = {"id": batch_id, "method": METHOD, "only": only, "after": after_id, "limit": min(limit, LARGEST_PAGE)}
    return [_item(row) for row in db.execute(_ITEMS_PAGE, bound)]


_ITEM = text(f"""
    SELECT {_ITEM_COLUMNS}, i.extra, i.line
    FROM items i LEFT JOIN consensus c ON c.item_id = i.id AND c.method = :method
    WHERE i.batch_id = :id AND i.id = :item
""")
_ITEM_RESPONSES = text("""
    SELECT w.pseudonym, r.option, r.cannot_tell, r.comment, r.order_shown, r.elapsed_ms, a.status, a.submitted_at
    FROM responses r JOIN assignments a ON a.id = r.assignment_id JOIN workers w ON w.id = r.worker_id
    WHERE r.item_id = :item
    ORDER BY a.submitted_at, a.id
""")


def item_detail(db: Session, batch_id: BatchId, item_id: ItemId) -> ItemDetail:
    """One Item with all its Responses; Workers appear by pseudonym. Raises NotFound, also for another Batch's Item."""
    row = db.execute(_ITEM, {"id": batch_id, "item": item_id, "method": METHOD}).one_or_none()
    if row is None:
        raise NotFound("Item", item_id)
    responses = [
        ResponseRow(
            worker=response.pseudonym,
            option=Option(response.option) if response.option else None,
            cannot_tell=response.cannot_tell,
            comment=response.comment,
            order_shown=list(response.order_shown),
            elapsed_ms=response.elapsed_ms,
            assignment_status=AssignmentStatus(response.status),
            submitted_at=response.submitted_at,
        )
        for response in db.execute(_ITEM_RESPONSES, {"item": item_id})
    ]
    return ItemDetail(item=_item(row), extra=dict(row.extra), line=row.line, responses=responses)


def _item(row: Row[Any]) -> ItemRow:
    return ItemRow(
        id=ItemId(row.id),
        external_id=row.external_id,
        role=row.role,
        media_type=MediaType(row.media_type),
        media_url=row.media_url,
        media_token=row.media_token,
        text=row.text,
        given_label=row.given_label,
        guessed_label=row.guessed_label,
        votes={
            Option.GIVEN: row.given,
            Option.GUESSED: row.guessed,
            Option.BOTH: row.both,
            Option.NEITHER: row.neither,
        },
        cannot_tell=row.cannot_tell,
        option=Option(row.option) if row.option else None,
        category=Category(row.category) if row.category else None,
        status=ConsensusStatus(row.status),
        agreement=row.agreement,
    )


_QUARANTINED = text("""
    SELECT a.marketplace_assignment_id, w.pseudonym, a.problem, a.raw_answer, a.submitted_at
    FROM hits h JOIN assignments a ON a.hit_id = h.id JOIN workers w ON w.id = a.worker_id
    WHERE h.batch_id = :id AND a.answer_state = :state
    ORDER BY a.id LIMIT :limit
""")


def quarantined(db: Session, batch_id: BatchId) -> list[QuarantinedAssignment]:
    """The first SHOWN_QUARANTINED answers of the Batch that could not be read."""
    bound = {"id": batch_id, "state": AnswerState.QUARANTINED, "limit": SHOWN_QUARANTINED}
    return [
        QuarantinedAssignment(
            marketplace_assignment_id=row.marketplace_assignment_id,
            worker=row.pseudonym,
            problem=row.problem,
            raw_answer=row.raw_answer.decode("utf-8", "replace"),
            submitted_at=row.submitted_at,
        )
        for row in db.execute(_QUARANTINED, bound)
    ]
