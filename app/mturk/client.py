"""The connection to one marketplace: endpoint, credentials, time-outs, retries. One per process and profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader, create_loader

from app.errors import Forbidden, MarketplaceRefused
from app.mturk import genuine
from app.secrets import local_credentials
from app.settings import MarketplaceProfile, Settings

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

REGION = "us-east-1"  # the only one MTurk has
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 20
ATTEMPT_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One MTurk-compatible endpoint and a client for it. The client is thread-safe."""

    profile: MarketplaceProfile
    endpoint_url: str
    client: MTurkClient = field(repr=False)


# How whoever launches a Batch gets at the marketplace of its profile, when everything else is checked.
Connect = Callable[[MarketplaceProfile], Marketplace]


def connect(settings: Settings, profile: MarketplaceProfile, *, governed: bool = False) -> Marketplace:
    """A client for `profile`. Nothing is called yet.

    governed: each call makes one attempt: whoever governs the client (`attempts.govern`) says which are repeated. Otherwise
    boto3 repeats as it does by itself, which is for the few calls that somebody waits for.

    The endpoint is always named to boto3, so that no variable of the environment can turn a rehearsal into a purchase.
    Credentials: the local marketplace's are derived from our own secret; elsewhere boto3's usual chain (AWS_* variables, …).
    Raises Forbidden for profile production unless the settings allow it: whoever connects, a runner too, is asked.
    Raises MarketplaceRefused where AWS_PROFILE names a profile that is not there, or AWS's configuration cannot be read.
    """
    if profile is MarketplaceProfile.PRODUCTION and (missing := settings.missing_for_production()):
        raise Forbidden("use production", f"production spends real money: set {' and '.join(missing)} to allow it")
    try:
        endpoint_url = settings.endpoint_url(profile)
    except ValueError as error:
        raise MarketplaceRefused("connect", "NoEndpoint", str(error)) from error
    keys = local_credentials(settings) if profile is MarketplaceProfile.LOCAL else None
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 1 if governed else 3},
        # Several jobs of one runner may each have that many calls under way.
        max_pool_connections=settings.publish_threads * settings.job_concurrency + 4,
        user_agent_extra="label-jury",
    )
    try:
        client = _session(profile).client(
            "mturk",
            region_name=REGION,
            endpoint_url=endpoint_url,
            config=config,
            aws_access_key_id=keys.access_key_id if keys else None,
            aws_secret_access_key=keys.secret_access_key if keys else None,
        )
    except BotoCoreError as error:
        raise MarketplaceRefused("connect", type(error).__name__, f"{error}; mend it or unset AWS_PROFILE") from error
    genuine.insist(client)
    return Marketplace(profile, endpoint_url, client)


def _session(profile: MarketplaceProfile) -> boto3.session.Session:
    # Our own marketplace has nothing to do with AWS: an AWS_PROFILE of the user's other work must not stand in its way.
    no_profile = {"profile": (None, None, None, None)} if profile is MarketplaceProfile.LOCAL else None
    core = botocore.session.Session(session_vars=no_profile)
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    return boto3.session.Session(botocore_session=core)


@cache
def _models(search_path: str | None) -> Loader:
    """What boto3 knows of AWS's services, kept for every client of this process: reading it is most of what a client takes."""
    return create_loader(search_path)
