"""Assignments: one Worker's attempt at one HIT, with the answer exactly as the marketplace handed it over."""

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, one_of
from app.domain.vocabulary import AnswerState, AssignmentStatus


class Assignment(Base):
    """A submitted Assignment. `raw_answer` holds the bytes (UTF-8) that came, before anything reads them."""

    __tablename__ = "assignments"
    __table_args__ = (
        one_of("status", AssignmentStatus),
        one_of("answer_state", AnswerState),
        Index(None, "hit_id"),
        Index("ix_assignments_raw", "id", postgresql_where="answer_state = 'raw'"),
        Index("ix_assignments_held", "hit_id", postgresql_where="held_at IS NOT NULL"),
        # Undecided work by the moment at which the marketplace decides it by itself.
        Index("ix_assignments_undecided", "auto_approval_at", postgresql_where="status = 'submitted'"),
    )

    id: Mapped[Id]
    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    marketplace_assignment_id: Mapped[str] = mapped_column(String(64), unique=True)
    status: Mapped[str] = mapped_column(server_default=AssignmentStatus.SUBMITTED)
    marketplace_status: Mapped[str]
    answer_state: Mapped[str] = mapped_column(server_default=AnswerState.RAW)
    problem: Mapped[str | None]  # why the answer is quarantined
    raw_answer: Mapped[bytes] = mapped_column(LargeBinary)
    accepted_at: Mapped[At | None]
    submitted_at: Mapped[At | None]
    auto_approval_at: Mapped[At | None]
    decided_at: Mapped[At | None]
    # A person must decide: since when, and what the review policy found.
    held_at: Mapped[At | None]
    held_because: Mapped[str | None]
    # Whether its Responses count. Rejected work does not; soft-rejected work is paid and does not.
    counted: Mapped[bool] = mapped_column(Boolean, server_default="true")
    collected_at: Mapped[CreatedAt]
