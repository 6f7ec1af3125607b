"""The brake on guessing passwords, phrases and invitations, for every door of the marketplace.

A refusal must be committed to be counted, so nothing here raises: ask `wait_s` first, then `note_failure` or `forgive`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from app.marketplace.store import SignInFailure

WINDOW = timedelta(minutes=15)
# Under one name from one address: whoever does not remember. From elsewhere the name's owner still gets in.
FAILURES_PER_NAME = 5
FAILURES_PER_ADDRESS = 20
# Under one name from anywhere: only many machines together come this far, and only they can close the door to its owner.
FAILURES_FROM_ANYWHERE = 100
_LONGEST = 100


def guessers(door: str, name: str, address: str) -> dict[str, int]:
    """Who is guessing at this door (`requester`, `worker` …), with what each may fail: first this name from this
    address, which the right password forgives, then the address under any name and the name from any address.
    """
    name, address = name[:_LONGEST], address[:_LONGEST]
    return {
        f"{door}:{name}@{address}": FAILURES_PER_NAME,
        f"{door}@{address}": FAILURES_PER_ADDRESS,
        f"{door}:{name}": FAILURES_FROM_ANYWHERE,
    }


def wait_s(db: Session, guessers: Mapping[str, int], now: datetime) -> int:
    """For how many seconds these must wait before they may try again; 0: not at all.

    Until the transaction ends others of the same name wait: guesses in parallel would all be counted too late.
    """
    for who in sorted(guessers):
        db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 8))"), {"who": who})
    return max(_wait_s(db, who, allowed, now) for who, allowed in guessers.items())


def note_failure(db: Session, guessers: Mapping[str, int], now: datetime) -> None:
    """Count one failure for each, and forget what is past."""
    db.execute(delete(SignInFailure).where(SignInFailure.at <= now - WINDOW))
    db.execute(insert(SignInFailure), [{"who": who, "at": now} for who in guessers])


def forgive(db: Session, name_of_guesser: str) -> None:
    """The right password was given: the failures of this name from this address no longer count."""
    db.execute(delete(SignInFailure).where(SignInFailure.who == name_of_guesser))


def _wait_s(db: Session, who: str, allowed: int, now: datetime) -> int:
    failures = (
        select(SignInFailure.at)
        .where(SignInFailure.who == who, SignInFailure.at > now - WINDOW)
        .order_by(SignInFailure.at.desc())
        .limit(allowed)
        .subquery()
    )
    count, oldest = db.execute(select(func.count(), func.min(failures.c.at))).one()
    return int((oldest + WINDOW - now).total_seconds()) + 1 if count >= allowed else 0
