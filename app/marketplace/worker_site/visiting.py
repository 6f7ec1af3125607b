"""A Worker's way through a visit: from one HIT to the next, until it is finished."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.orm import Session

from app.db.engine import Database
from app.marketplace import bookkeeping
from app.marketplace.recruitment import visits
from app.marketplace.recruitment.visits import Stay
from app.marketplace.sites.refusals import Refused, not_found
from app.marketplace.worker_site import browsing, working
from app.marketplace.worker_site.refusals import NotQualified
from app.marketplace.worker_site.sessions import Visitor


def open_stay(db: Session, visitor: Visitor | None) -> Stay | None:
    """The visit in which the Worker is now."""
    return stay_of(db, visitor, visitor.visit_id if visitor else None)


def stay_of(db: Session, visitor: Visitor | None, visit_id: int | None) -> Stay | None:
    """The Worker's visit with this id."""
    return None if visitor is None or visit_id is None else visits.stay(db, visitor.worker_id, visit_id)


def go_on(database: Database, worker_id: str, visit_id: int, now: datetime) -> str:
    """The page that comes next: an accepted HIT, the next one, or the end of the visit, which is then finished.

    Raises Refused, above all NotQualified where all that is left asks for a Qualification.
    """
    bookkeeping.settle(database, now)
    with database.transaction() as db:
        stay = visits.locked(db, worker_id, visit_id)
        if stay is None:
            raise not_found("visit")
        if not stay.is_open:
            return _page_of(stay)
        if held := visits.held(db, stay.visit, now):
            return f"/assignments/{held[0]}"
        if stay.is_done:
            visits.finish(stay, now)
            return _page_of(stay)
    return _next_hit(database, worker_id, stay, now)


def leave(database: Database, worker_id: str, visit_id: int, now: datetime) -> str:
    """End the visit as the Worker asks: what they hold of it is returned. The visit's page, which says how it went."""
    with database.transaction() as db:
        stay = visits.stay(db, worker_id, visit_id)
        held = visits.held(db, stay.visit, now) if stay and stay.is_open else []
    if stay is None:
        raise not_found("visit")
    for assignment_id in held:
        # Refused where it was handed in meanwhile, from another window.
        with suppress(Refused), database.transaction() as db:
            working.give_back(db, worker_id, assignment_id, now)
    with database.transaction() as db:
        stay = visits.locked(db, worker_id, visit_id)
        ended = stay is not None and visits.finish(stay, now)
    return f"/visits/{visit_id}" if ended else f"/visits/{visit_id}?notice=nothing_done"


def _next_hit(database: Database, worker_id: str, stay: Stay, now: datetime) -> str:
    lacking: NotQualified | None = None
    with database.transaction() as db:
        groups = browsing.groups(db, worker_id, now, within=stay.scope)
    for group in groups:
        try:
            with database.transaction() as db:
                accepted = working.accept_any(db, worker_id, group.hit_type, now, visit_id=stay.visit.id)
        except NotQualified as refused:
            lacking = refused
            continue
        if accepted is not None:
            return f"/assignments/{accepted}"
    if lacking is not None and not stay.done:
        raise lacking
    if lacking is not None:
        return f"{_page_of(stay)}?notice=none_left"
    with database.transaction() as db:
        locked = visits.locked(db, worker_id, stay.visit.id)
        # With groups on the list others were only faster just now: there may be more in a moment.
        ended = not groups and locked is not None and locked.done > 0 and visits.finish(locked, now)
    return _page_of(stay) if ended else f"{_page_of(stay)}?notice=none_left"


def _page_of(stay: Stay) -> str:
    return f"/visits/{stay.visit.id}"
