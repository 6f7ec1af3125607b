"""Builds the web application: the console with the API mounted into it."""

from functools import cache, partial

from fastapi import FastAPI

from app.api import application as api
from app.db.engine import Database
from app.errors import Conflict
from app.mturk import client
from app.mturk.client import Marketplace
from app.settings import MarketplaceProfile, Settings
from app.web import application as web


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application on a migrated database. Any number of processes may serve the same one."""
    # One client for each profile and process: making one takes boto3 a second.
    connect = cache(partial(_connect, settings))
    app = web.create(settings, database, connect)
    interface = api.create(settings, database, connect)
    app.state.openapi = interface.openapi
    app.mount("/api", interface)
    return app


def _connect(settings: Settings, profile: MarketplaceProfile) -> Marketplace:
    """The marketplace of a profile. Raises Conflict where a Batch's profile has no endpoint in these settings any more."""
    try:
        return client.connect(settings, profile)
    except ValueError as fault:
        raise Conflict(str(fault)) from fault
