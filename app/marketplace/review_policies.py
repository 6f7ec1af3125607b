"""ScoreMyKnownAnswers and SimplePlurality: what a HIT's review policies do, and the record of it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.marketplace.changes import Change
from app.marketplace.store import HIT, Assignment


def on_submit(db: Session, hit: HIT, assignment: Assignment, now: datetime) -> list[Change]:
    """Apply the HIT's Assignment review policy to what was just submitted. The HIT is locked; the caller rebooks it."""
    return []


def on_reviewable(db: Session, hit: HIT, now: datetime) -> list[Change]:
    """Apply the HIT's own review policy, now that it has become Reviewable. The HIT is locked; the caller rebooks it."""
    return []
