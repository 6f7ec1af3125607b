"""The database's clock: the one that all processes of one installation share, however far their own are off."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def now(db: Session) -> datetime:
    """The moment by the database's clock, in UTC; later within one transaction where asked again later."""
    moment: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment
