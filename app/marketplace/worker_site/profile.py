"""What a Worker says of themselves: it feeds Worker_Locale and Worker_Adult, and no Requester reads it."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.marketplace.sites.refusals import Refused
from app.marketplace.store import Worker
from app.marketplace.worker_site.countries import COUNTRIES, STATES


@dataclass(frozen=True, slots=True)
class Profile:
    """A Worker's name and what they say of themselves; None is unsaid."""

    name: str
    country: str | None
    subdivision: str | None
    is_adult: bool


def of(db: Session, worker_id: str) -> Profile:
    """The Worker's profile."""
    worker = db.get_one(Worker, worker_id)
    return Profile(worker.name, worker.country, worker.subdivision, worker.is_adult)


def keep(db: Session, worker_id: str, said: Profile) -> None:
    """Keep the profile; a state is kept for the US alone. Raises Refused for places that there are not."""
    if said.country is not None and said.country not in COUNTRIES:
        raise Refused(422, "Please choose a country from the list.")
    if said.subdivision is not None and said.subdivision not in STATES:
        raise Refused(422, "Please choose a state from the list.")
    db.execute(
        update(Worker)
        .where(Worker.id == worker_id)
        .values(
            name=said.name,
            country=said.country,
            subdivision=said.subdivision if said.country == "US" else None,
            is_adult=said.is_adult,
        )
    )
