"""What waits for a decision, with its evidence, and how the Workers of a Batch do. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.worker_answers import EXPECTED_SQL, WorkerQuality, quality
from app.domain.vocabulary import AnswerState, AssignmentId, AssignmentStatus, BatchId, ItemId, Option, WorkerId

LARGEST_PAGE = 200
# Answers shown of one Assignment: the first of a HIT with very many Items.
SHOWN_ANSWERS = 60


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What nobody has decided yet, and when the marketplace pays the first of it by itself.

    undecided: submitted, held work included, less what is being told to the marketplace. too_late: rejections that came when
    the work was paid already.
    """

    undecided: int
    held: int
    first_paid_at: datetime | None
    too_late: int


def review_deadlines(db: Session, batch_id: BatchId) -> Deadlines:
    """The Batch's undecided work by the clock; zeros for a Batch that is not there."""
    row = db.execute(
        text("""
            SELECT count(*) AS undecided, count(*) FILTER (WHERE a.held_at IS NOT NULL) AS held,
                   min(a.auto_approval_at) AS first_paid_at,
                   (SELECT count(*) FROM operations AS o JOIN assignments AS d ON d.id = o.assignment_id
                    WHERE o.batch_id = :id AND o.kind = 'reject' AND o.status = 'done' AND d.status = 'approved'
                      AND NOT EXISTS (SELECT 1 FROM operations AS v
                                      WHERE v.assignment_id = d.id AND v.kind = 'override')) AS too_late
            FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id
            WHERE h.batch_id = :id AND a.status = 'submitted'
              AND NOT EXISTS (SELECT 1 FROM operations AS o
                              WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))
        """),
        {"id": batch_id},
    ).one()
    return Deadlines(row.undecided, row.held, row.first_paid_at, row.too_late)


class WorkFilter(StrEnum):
    """Which Assignments a list shows. decided: approved and rejected ones; being_decided: the call is under way."""

    HELD = "held"
    UNDECIDED = "undecided"
    REJECTED = "rejected"
    NOT_COUNTED = "not_counted"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer of the Assignment, beside what is known of its Item.

    expected: of a gold Item. others: what the others' counted answers say, by option.
    """

    item_id: ItemId
    external_id: str
    given_label: str
    guessed_label: str
    option: Option | None
    comment: str
    elapsed_ms: int | None
    expected: Option | None
    others: Mapping[Option, int]

    @property
    def leader(self) -> Option | None:
        """What strictly most of the others say."""
        most = max(self.others.values(), default=0)
        leaders = [option for option, count in self.others.items() if count == most]
        return leaders[0] if most and len(leaders) == 1 else None

    @property
    def disagrees(self) -> bool:
        """Whether the answer differs from the right one, or else from most of the others'."""
        right = self.expected or self.leader
        return self.option is not None and right is not None and self.option is not right


@dataclass(frozen=True, slots=True)
class Work:
    """One submitted Assignment with its answers. `under_way`: the decision that the marketplace is being told."""

    id: AssignmentId
    marketplace_assignment_id: str
    worker: str
    status: AssignmentStatus
    counted: bool
    under_way: str | None
    readable: bool
    held_at: datetime | None
    held_because: str | None
    feedback: str | None
    submitted_at: datetime | None
    paid_at: datetime | None
    answers: Sequence[Evidence]


_WHICH = {
    WorkFilter.HELD: "a.status = 'submitted' AND a.held_at IS NOT NULL",
    WorkFilter.UNDECIDED: "a.status = 'submitted' AND o.kind IS NULL",
    WorkFilter.REJECTED: "a.status = 'rejected'",
    WorkFilter.NOT_COUNTED: "NOT a.counted",
    WorkFilter.ALL: "true",
}


def work(
    db: Session,
    batch_id: BatchId,
    *,
    only: WorkFilter = WorkFilter.HELD,
    worker_id: int | None = None,
    after_id: int = 0,
    limit: int = 20,
) -> list[Work]:
    """Up to `limit` Assignments (LARGEST_PAGE at most) with their answers, by our number, starting behind `after_id`."""
    rows = db.execute(
        text(f"""
            SELECT a.id, a.marketplace_assignment_id, w.pseudonym, a.status, a.counted, a.answer_state, a.held_at,
                   a.held_because, a.submitted_at, a.auto_approval_at, o.kind AS under_way,
                   (SELECT d.arguments ->> 'feedback' FROM operations AS d
                    WHERE d.assignment_id = a.id AND d.kind = 'reject') AS feedback
            FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id JOIN workers AS w ON w.id = a.worker_id
            LEFT JOIN LATERAL (
                SELECT kind FROM operations WHERE assignment_id = a.id AND kind IN ('approve', 'reject', 'override')
                  AND status IN ('intended', 'acting', 'failed') LIMIT 1) AS o ON true
            WHERE h.batch_id = :id AND a.id > :after AND {_WHICH[only]}
              AND (CAST(:worker AS bigint) IS NULL OR a.worker_id = :worker)
            ORDER BY a.id LIMIT :limit
        """),
        {"id": batch_id, "after": after_id, "worker": worker_id, "limit": min(limit, LARGEST_PAGE)},
    ).all()
    answers = _evidence(db, [row.id for row in rows])
    return [
        Work(
            id=AssignmentId(row.id),
            marketplace_assignment_id=row.marketplace_assignment_id,
            worker=row.pseudonym,
            status=AssignmentStatus(row.status),
            counted=row.counted,
            under_way=row.under_way,
            readable=row.answer_state != AnswerState.QUARANTINED,
            held_at=row.held_at,
            held_because=row.held_because,
            feedback=row.feedback,
            submitted_at=row.submitted_at,
            paid_at=row.auto_approval_at if row.status == AssignmentStatus.SUBMITTED else None,
            answers=answers.get(row.id, []),
        )
        for row in rows
    ]


_EVIDENCE = text(f"""
    SELECT r.assignment_id, i.id, i.external_id, i.given_label, i.guessed_label, r.option, r.comment, r.elapsed_ms,
           CASE WHEN i.role = 'gold' THEN {EXPECTED_SQL} END AS expected, o.*
    FROM responses AS r JOIN items AS i ON i.id = r.item_id
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE s.option = 'given') AS given, count(*) FILTER (WHERE s.option = 'guessed') AS guessed,
               count(*) FILTER (WHERE s.option = 'both') AS both_labels,
               count(*) FILTER (WHERE s.option = 'neither') AS neither
        FROM responses AS s WHERE s.item_id = i.id AND s.counted AND s.worker_id <> r.worker_id
    ) AS o
    WHERE r.assignment_id = ANY(:ids) ORDER BY r.assignment_id, r.position
""")


def _evidence(db: Session, assignment_ids: Sequence[int]) -> dict[int, list[Evidence]]:
    found: dict[int, list[Evidence]] = {}
    for row in db.execute(_EVIDENCE, {"ids": list(assignment_ids)}):
        shown = found.setdefault(row.assignment_id, [])
        if len(shown) < SHOWN_ANSWERS:
            shown.append(_answer(row))
    return found


def _answer(row: Any) -> Evidence:
    counts = zip(Option, (row.given, row.guessed, row.both_labels, row.neither), strict=True)
    return Evidence(
        item_id=ItemId(row.id),
        external_id=row.external_id,
        given_label=row.given_label,
        guessed_label=row.guessed_label,
        option=Option(row.option) if row.option else None,
        comment=row.comment,
        elapsed_ms=row.elapsed_ms,
        expected=Option(row.expected) if row.expected in set(Option) else None,
        others={option: count for option, count in counts if count},
    )


# --- Workers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """How one Worker does in a Batch. `first_share`: how often their answer was the choice shown first.

    median_ms: over their answers. dropped_because: None unless none of their answers count.
    """

    id: WorkerId
    worker: str
    assignments: int
    submitted: int
    approved: int
    rejected: int
    held: int
    answers: int
    cannot_tell: int
    not_counted: int
    median_ms: int | None
    first_share: float | None
    quality: WorkerQuality
    dropped_because: str | None


_WORKERS = text("""
    WITH page AS (
        SELECT a.worker_id, count(*) AS assignments, count(*) FILTER (WHERE a.status = 'submitted') AS submitted,
               count(*) FILTER (WHERE a.status = 'approved') AS approved,
               count(*) FILTER (WHERE a.status = 'rejected') AS rejected,
               count(*) FILTER (WHERE a.status = 'submitted' AND a.held_at IS NOT NULL) AS held
        FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id
        WHERE h.batch_id = :id AND a.worker_id > :after
        GROUP BY a.worker_id ORDER BY a.worker_id LIMIT :limit
    )
    SELECT p.*, w.pseudonym, said.*, d.reason
    FROM page AS p JOIN workers AS w ON w.id = p.worker_id
    LEFT JOIN dropped_workers AS d ON d.batch_id = :id AND d.worker_id = p.worker_id AND d.restored_at IS NULL
    CROSS JOIN LATERAL (
        SELECT count(*) AS answers, count(*) FILTER (WHERE r.cannot_tell) AS cannot_tell,
               count(*) FILTER (WHERE NOT r.counted) AS not_counted,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY r.elapsed_ms) AS median_ms,
               avg((r.option = r.order_shown[1])::int) FILTER (WHERE r.option IS NOT NULL) AS first_share
        FROM responses AS r JOIN items AS i ON i.id = r.item_id
        WHERE r.worker_id = p.worker_id AND i.batch_id = :id
    ) AS said
    ORDER BY p.worker_id
""")


def workers(db: Session, batch_id: BatchId, *, after_id: int = 0, limit: int = 50) -> list[WorkerRow]:
    """Up to `limit` Workers (LARGEST_PAGE at most) of the Batch, in the order in which they first came."""
    bound = {"id": batch_id, "after": after_id, "limit": min(limit, LARGEST_PAGE)}
    rows = db.execute(_WORKERS, bound).all()
    known = quality(db, batch_id, [WorkerId(row.worker_id) for row in rows])
    return [
        WorkerRow(
            id=WorkerId(row.worker_id),
            worker=row.pseudonym,
            assignments=row.assignments,
            submitted=row.submitted,
            approved=row.approved,
            rejected=row.rejected,
            held=row.held,
            answers=row.answers,
            cannot_tell=row.cannot_tell,
            not_counted=row.not_counted,
            median_ms=None if row.median_ms is None else round(row.median_ms),
            first_share=None if row.first_share is None else float(row.first_share),
            quality=known[WorkerId(row.worker_id)],
            dropped_because=row.reason,
        )
        for row in rows
    ]
