"""What every part of the running marketplace needs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from app.db.engine import Database
from app.marketplace.faults import TroubleMaker
from app.marketplace.requesters import KeyRing
from app.settings import Settings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One process's settings, pool, clock and access keys; in a rehearsal also what is to go wrong."""

    settings: Settings
    database: Database
    clock: Clock
    keys: KeyRing
    trouble: TroubleMaker | None = None


def marketplace_of(request: Request) -> Marketplace:
    """The marketplace that serves this request."""
    market: Marketplace = request.app.state.marketplace
    return market
