"""Qualifications change hands: granted and revoked, with word to the Worker."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace import messages
from app.marketplace.store import Qualification, QualificationStatus, QualificationType


def grant(db: Session, type_id: str, worker_id: str, value: int, now: datetime) -> None:
    """Give the Worker this score, whatever they had before."""
    fresh = insert(Qualification).values(
        qualification_type_id=type_id,
        worker_id=worker_id,
        status=QualificationStatus.GRANTED,
        integer_value=value,
        granted_at=now,
    )
    kept = ("status", "integer_value", "granted_at", "reason")
    again = fresh.on_conflict_do_update(
        index_elements=["qualification_type_id", "worker_id"], set_={name: fresh.excluded[name] for name in kept}
    )
    db.execute(again, execution_options={"synchronize_session": False})


def held(db: Session, type_id: str, worker_id: str, *, lock: bool = False) -> Qualification | None:
    """The Worker's Qualification, revoked ones too."""
    statement = select(Qualification).where(
        Qualification.qualification_type_id == type_id, Qualification.worker_id == worker_id
    )
    statement = statement.with_for_update(key_share=True) if lock else statement
    return db.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def tell_granted(db: Session, kind: QualificationType, worker_id: str, value: int, now: datetime) -> None:
    """A message: the Worker has the Qualification now."""
    text = f'You now have the Qualification "{kind.name}" with the score {value}.'
    subject = f"Qualification granted: {kind.name}"
    messages.send(db, [worker_id], subject=subject, text=text, now=now, requester_id=kind.requester_id)


def tell_refused(db: Session, kind: QualificationType, worker_id: str, reason: str | None, now: datetime) -> None:
    """A message: the Worker's request was rejected."""
    text = f'Your request for the Qualification "{kind.name}" was not granted.'
    subject = f"Qualification not granted: {kind.name}"
    messages.send(
        db, [worker_id], subject=subject, text=_with_reason(text, reason), now=now, requester_id=kind.requester_id
    )


def tell_revoked(db: Session, kind: QualificationType, worker_id: str, reason: str, now: datetime) -> None:
    """A message: the Worker has the Qualification no more."""
    text = f'You no longer have the Qualification "{kind.name}".'
    subject = f"Qualification revoked: {kind.name}"
    messages.send(
        db, [worker_id], subject=subject, text=_with_reason(text, reason), now=now, requester_id=kind.requester_id
    )


def _with_reason(text: str, reason: str | None) -> str:
    return f"{text}\n\nThe Requester writes: {reason}" if reason else text
