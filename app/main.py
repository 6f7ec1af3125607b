"""Builds the web application: the console with the API mounted into it."""

from functools import cache, partial

from fastapi import FastAPI

from app.api import application as api
from app.db.engine import Database
from app.mturk import client
from app.settings import Settings
from app.web import application as web


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application on a migrated database. Any number of processes may serve the same one."""
    # One client for each profile and process: making one takes boto3 a second.
    connect = cache(partial(client.connect, settings))
    app = web.create(settings, database, connect)
    interface = api.create(settings, database, connect)
    app.state.openapi = interface.openapi
    app.mount("/api", interface)
    return app
