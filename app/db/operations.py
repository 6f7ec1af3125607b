"""Intents: operations written down before anything is called, in the transaction with the change that wants them.

What a call says beside its target is kept with the intent, so that every attempt says the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import bindparam

from app.domain.vocabulary import AssignmentId, BatchId, HitGroupId, HITId, OperationId, OperationKind, WorkerId


@dataclass(frozen=True, slots=True)
class Extension:
    """A HIT shall offer `places` Assignments in all; `expires_at`: and be open until then, if it is not."""

    places: int
    expires_at: datetime | None

    def arguments(self) -> dict[str, Any]:
        """As the operation keeps it."""
        return {"places": self.places, "expires_at": self.expires_at.isoformat() if self.expires_at else None}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """As it was kept."""
        expires_at = arguments["expires_at"]
        return cls(int(arguments["places"]), datetime.fromisoformat(expires_at) if expires_at else None)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the Worker reads with a decision."""

    text: str

    def arguments(self) -> dict[str, Any]:
        """As the operation keeps it."""
        return {"feedback": self.text}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """As it was kept; operations of older versions kept none."""
        return cls(str(arguments.get("feedback", "Thank you for your careful work.")))


@dataclass(frozen=True, slots=True)
class Bonus:
    """A payment beside the reward, and what the Worker reads with it."""

    amount_usd: Decimal
    reason: str
    request_token: UUID

    def arguments(self) -> dict[str, Any]:
        """As the operation keeps it."""
        return {"amount_usd": str(self.amount_usd), "reason": self.reason, "token": str(self.request_token)}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """As it was kept."""
        return cls(Decimal(arguments["amount_usd"]), str(arguments["reason"]), UUID(arguments["token"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One call to be made. Which of the targets are set follows from the kind (`OperationKind`)."""

    hit_id: HITId | None = None
    assignment_id: AssignmentId | None = None
    group_id: HitGroupId | None = None
    worker_id: WorkerId | None = None
    key: str = ""
    arguments: Mapping[str, Any] | None = None


_INTEND = text("""
    INSERT INTO operations (batch_id, kind, hit_id, assignment_id, group_id, worker_id, key, arguments)
    SELECT :batch_id, :kind, r.hit_id, r.assignment_id, r.group_id, r.worker_id, r.key, r.arguments
    FROM jsonb_to_recordset(:rows) AS r (
        hit_id bigint, assignment_id bigint, group_id bigint, worker_id bigint, key text, arguments jsonb)
    ON CONFLICT DO NOTHING
    RETURNING id, hit_id, assignment_id
""").bindparams(bindparam("rows", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Intended:
    """An operation that was written down now."""

    id: OperationId
    hit_id: HITId | None
    assignment_id: AssignmentId | None


def intend(db: Session, kind: OperationKind, batch_id: BatchId, intents: Iterable[Intent]) -> Sequence[Intended]:
    """Write down the intent of one call each. A target that has its intent (and key) already keeps it.

    Returns those that are new.
    """
    rows = [
        {
            "hit_id": intent.hit_id,
            "assignment_id": intent.assignment_id,
            "group_id": intent.group_id,
            "worker_id": intent.worker_id,
            "key": intent.key,
            "arguments": dict(intent.arguments or {}),
        }
        for intent in intents
    ]
    if not rows:
        return []
    new = db.execute(_INTEND, {"batch_id": batch_id, "kind": kind, "rows": rows})
    return [Intended(OperationId(row.id), row.hit_id, row.assignment_id) for row in new]


def waiting(db: Session, kind: OperationKind, batch_id: BatchId) -> int:
    """How many operations of this kind are still to be done."""
    statement = text("""
        SELECT count(*) FROM operations WHERE batch_id = :batch_id AND kind = :kind AND status IN ('intended', 'acting')
    """)
    return int(db.execute(statement, {"batch_id": batch_id, "kind": kind}).scalar_one())
