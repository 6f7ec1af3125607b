"""UniqueRequestTokens: within 24 hours the same operation with the same token happens once."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace.lifecycle import TOKEN_LIFETIME
from app.marketplace.store import RequestToken


def claim(db: Session, *, requester_id: str, operation: str, token: str, result_id: str, now: datetime) -> str | None:
    """Use the token for `result_id`. None: it is ours; else the result of the earlier use, and nothing is written.

    Two calls at once: the unique key makes the second wait for the first one's commit.
    """
    used = insert(RequestToken).values(
        requester_id=requester_id, operation=operation, token=token, result_id=result_id, used_at=now
    )
    won = db.execute(
        used.on_conflict_do_update(
            index_elements=["requester_id", "operation", "token"],
            set_={"result_id": result_id, "used_at": now},
            where=RequestToken.used_at <= now - TOKEN_LIFETIME,
        ).returning(RequestToken.result_id)
    ).scalar_one_or_none()
    if won is not None:
        return None
    earlier = result_of(db, requester_id=requester_id, operation=operation, token=token, now=now)
    if earlier is None:  # forgotten in this very moment, by a process whose clock is ahead
        return claim(db, requester_id=requester_id, operation=operation, token=token, result_id=result_id, now=now)
    return earlier


def result_of(db: Session, *, requester_id: str, operation: str, token: str, now: datetime) -> str | None:
    """What the token was used for within the last 24 hours; None: for nothing."""
    used = select(RequestToken.result_id).where(
        RequestToken.requester_id == requester_id,
        RequestToken.operation == operation,
        RequestToken.token == token,
        RequestToken.used_at > now - TOKEN_LIFETIME,
    )
    return db.scalar(used)


def forget(db: Session, now: datetime) -> None:
    """Drop the tokens that may be used again."""
    db.execute(delete(RequestToken).where(RequestToken.used_at <= now - TOKEN_LIFETIME))
