"""The timetable's look at everything: alerts, balances, Batches that may go on again, and telling the webhook."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.db import funds
from app.db.queue import Job, enqueue
from app.domain.vocabulary import BatchId
from app.errors import CredentialsRefused, MarketplaceBusy, ServiceError
from app.jobs.runtime import Runtime
from app.logs import about, get_logger
from app.pipeline import batches, connection, watch, webhook
from app.pipeline.connection import Asked
from app.settings import MarketplaceProfile

log = get_logger(__name__)

# Seconds between two looks at an account's balance, and while a Batch waits for it to be refilled.
BALANCE_EVERY_S, REFILL_EVERY_S = 60.0, 10.0


def look(runtime: Runtime) -> None:
    """Evaluate the alerts; ask for the balances that are due and for the webhook's turn."""
    settings = runtime.settings
    with runtime.database.transaction() as db:
        profiles = connection.active_profiles(db)
        endpoints = _endpoints(runtime, profiles)
        for profile, url in endpoints.items():
            every_s = REFILL_EVERY_S if connection.waits(db, profile) else BALANCE_EVERY_S
            if funds.ask_now(db, url, every_s=every_s, ceiling=settings.calls_per_second):
                enqueue(db, Job.BALANCE, profile=profile)
    with runtime.database.transaction() as db:
        watch.look(db, endpoints, announce=settings.alert_webhook_url is not None)
    if settings.alert_webhook_url is not None and webhook.pending(runtime.database):
        with runtime.database.transaction() as db:
            enqueue(db, Job.WEBHOOK)


def _endpoints(runtime: Runtime, profiles: list[str]) -> dict[str, str]:
    """The endpoint's URL of each profile, as the settings have it now; a profile without any is said elsewhere."""
    found: dict[str, str] = {}
    for profile in profiles:
        try:
            found[profile] = runtime.settings.endpoint_url(MarketplaceProfile(profile))
        except ValueError:
            log.warning("watch.no_endpoint", profile=profile)
    return found


def run_balance(runtime: Runtime, profile: str) -> None:
    """Ask one account for its balance, and let the Batches go on that waited for it or for our credentials."""
    with about(profile=profile), forgetting_refused(runtime, profile):
        marketplace, pacer = runtime.marketplace(profile)
        available_usd = connection.ask_balance(runtime.database, marketplace, pacer)
        with runtime.database.transaction() as db:
            ready = connection.may_go_on(db, profile, available_usd)
        for batch_id in ready:
            with runtime.database.transaction() as db:
                batches.resume(db, batch_id, by="job runner")
            log.info("batch.resumed", batch_id=batch_id, why="the marketplace has what was missing")


def run_webhook(runtime: Runtime) -> None:
    """Tell the webhook what it does not know yet."""
    receiver = webhook.receiver(runtime.settings)
    if receiver is not None:
        webhook.tell(runtime.database, receiver)


@contextmanager
def minding(
    runtime: Runtime, profile: str, asked: Asked, *, batch_id: BatchId | None = None
) -> Iterator[list[ServiceError]]:
    """Where the block fails, or puts what it met into the list, say so on the profile's Batches; else take that back.

    batch_id: on this Batch alone.
    """
    met: list[ServiceError] = []
    with forgetting_refused(runtime, profile):
        try:
            yield met
        except ServiceError as error:
            _say(runtime, profile, asked, error, batch_id)
            raise
        if met:
            _say(runtime, profile, asked, met[-1], batch_id)
            return
        with runtime.database.transaction() as db:
            connection.well(db, profile, asked, batch_id=batch_id)


def _say(runtime: Runtime, profile: str, asked: Asked, error: ServiceError, batch_id: BatchId | None) -> None:
    """A runner that is stopping, and an endpoint that asks for fewer calls, are no trouble."""
    if runtime.stopping.is_set() or isinstance(error, MarketplaceBusy):
        return
    with runtime.database.transaction() as db:
        connection.in_trouble(db, profile, asked, error, batch_id=batch_id)


@contextmanager
def forgetting_refused(runtime: Runtime, profile: str) -> Iterator[None]:
    """Refused credentials may have been replaced meanwhile: the next job reads them anew."""
    try:
        yield
    except CredentialsRefused:
        runtime.forget(profile)
        raise
