"""Every setting, typed, read once at start and handed down. Nothing else reads the environment.

docs/settings.md describes each of them; a test compares the two.
"""

import re
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX_ENDPOINT = "https://mturk-requester-sandbox.us-east-1.amazonaws.com"
PRODUCTION_ENDPOINT = "https://mturk-requester.us-east-1.amazonaws.com"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SHORTEST_SECRET = 32
# Every region, FIPS and dual-stack name of the endpoint.
_AWS_MTURK = re.compile(r"mturk-requester.*\.(amazonaws\.com|api\.aws)")


class MarketplaceProfile(StrEnum):
    """Where HITs are published. Only `production` spends real money."""

    LOCAL = "local"
    SANDBOX = "sandbox"
    PRODUCTION = "production"
    CUSTOM = "custom"

    @property
    def is_public(self) -> bool:
        """Whether AWS runs it: its pages come by https, so browsers load nothing into them that comes by http."""
        return self in {MarketplaceProfile.SANDBOX, MarketplaceProfile.PRODUCTION}


class Settings(BaseSettings):
    """The settings of one process. Construct with `Settings()`; a fault raises pydantic's ValidationError."""

    model_config = SettingsConfigDict(
        env_prefix="LABELJURY_",
        env_file=".env",
        env_ignore_empty=True,  # set to nothing is as good as not set
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "LABELJURY_DATABASE_URL"),
        repr=False,  # it may hold a password
        description="PostgreSQL 15-18 to use. Unset: the embedded PostgreSQL under `data_dir`.",
    )
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("labeljury"),
        description="Where the embedded PostgreSQL, imported media and the generated secret live.",
    )
    media_dir: Path | None = Field(
        default=None,
        description="Where imported media files are kept; shared by all web hosts. Unset: `<data_dir>/media`.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Keys the pseudonyms of Workers and the local marketplace's credentials; at least 32 characters."
        " Unset: generated once into `<data_dir>/secret.key`. Must be set for profile `production`.",
    )
    marketplace_profile: MarketplaceProfile = Field(
        default=MarketplaceProfile.LOCAL,
        description="Where new Batches are published: `local`, `sandbox`, `production` or `custom`.",
    )
    mturk_endpoint_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_MTURK", "LABELJURY_MTURK_ENDPOINT_URL"),
        description="The endpoint of profile `custom`: any MTurk-compatible URL.",
    )
    allow_production: bool = Field(
        default=False, description="Must be true before profile `production` may publish (it spends real money)."
    )
    spending_limit_usd: Decimal | None = Field(
        default=None, ge=0, description="Upper limit of any Batch's cap, in USD. Required for profile `production`."
    )
    calls_per_second: float = Field(
        default=100.0, gt=0, le=10_000, description="Ceiling of marketplace calls per second over all job runners."
    )
    publish_threads: int = Field(default=24, ge=1, le=64, description="Simultaneous marketplace calls per job runner.")
    poll_interval_s: int = Field(default=5, ge=1, le=3600, description="Seconds between two polls of the marketplace.")
    notifications_queue_url: str | None = Field(
        default=None,
        description="The SQS queue that the marketplace notifies and job runners read, so that answers are collected at once"
        " (docs/notifications.md). Unset: by polling alone.",
    )
    notifications_sqs_endpoint_url: str | None = Field(
        default=None, description="Where that queue is reached. Unset: AWS, in the region of the queue's URL."
    )
    notified_poll_interval_s: int = Field(
        default=60, ge=1, le=3600, description="Seconds between two polls while notifications arrive."
    )
    reconcile_interval_s: int = Field(
        default=3600,
        ge=60,
        le=86_400,
        description="Seconds between two comparisons of our tables with the marketplace (docs/reconcile.md).",
    )
    lease_s: int = Field(
        default=240,
        ge=4,
        le=3600,
        description="Seconds after which operations claimed by a dead runner are free again.",
    )
    job_concurrency: int = Field(default=4, ge=1, le=32, description="Jobs that one job runner works on at a time.")
    stalled_job_s: int = Field(
        default=15, ge=2, le=3600, description="Seconds without a heartbeat after which a runner's jobs are retried."
    )
    database_pool_size: int = Field(default=8, ge=1, le=64, description="Database connections per process.")
    web_host: str = Field(default="127.0.0.1", description="Address the console and API listen on.")
    web_port: int = Field(default=8700, ge=0, le=65535, description="Port of the console and API.")
    web_public_url: str | None = Field(
        default=None, description="How browsers reach the console and imported media. Unset: from host and port."
    )
    marketplace_host: str = Field(default="127.0.0.1", description="Address the own marketplace listens on.")
    marketplace_port: int = Field(default=8701, ge=0, le=65535, description="Port of the own marketplace.")
    marketplace_public_url: str | None = Field(
        default=None, description="How Workers and the gateway reach the own marketplace. Unset: from host and port."
    )
    marketplace_internal_url: str | None = Field(
        default=None,
        description="How job runners reach the own marketplace where that differs from the public URL (containers).",
    )
    marketplace_opening_balance_usd: Decimal = Field(
        default=Decimal("10000.00"), ge=0, description="Balance of the own marketplace's first Requester, in USD."
    )
    marketplace_open_enrolment: bool = Field(
        default=True, description="Whether anybody who reaches the worker site may enrol as a Worker."
    )
    marketplace_rehearsal: bool = Field(
        default=False,
        description="Whether the own marketplace's clock may be moved, and things may be made to go wrong on purpose, by"
        " `labeljury marketplace clock` and `faults`. Never with profile `production`.",
    )
    marketplace_sqs_endpoint_url: str | None = Field(
        default=None,
        description="Where the own marketplace delivers notifications to SQS queues: the only host that it contacts for"
        " them, whatever a Requester names. Unset: they are kept and not delivered.",
    )
    marketplace_sns_endpoint_url: str | None = Field(
        default=None, description="The same for notifications to SNS topics."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses or networks of the reverse proxies whose `X-Forwarded-For` and `-Proto` are believed,"
        " separated by commas.",
    )
    max_upload_mb: int = Field(default=200, ge=1, le=10_000, description="Largest upload that the API accepts, in MB.")
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Who sends it as `Authorization: Bearer …` may read `/metrics` from anywhere; from this machine itself"
        " everybody may. At least 32 characters.",
    )
    alert_webhook_url: str | None = Field(
        default=None,
        repr=False,  # its path may be a secret
        description="Where job runners post alerts as JSON when they are raised and when they are over (docs/watching.md).",
    )
    alert_webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs those posts: `X-LabelJury-Signature`. At least 32 characters. Unset: they are not signed.",
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(default=False, description="One JSON object a line instead of key=value text.")

    @field_validator("log_level")
    @classmethod
    def _known_log_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("use DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("secret_key", "metrics_token", "alert_webhook_secret")
    @classmethod
    def _long_enough_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"needs at least {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        # uvicorn takes a mistyped address for a host's name and believes nobody, without a word.
        for address in value.split(","):
            ip_network(address.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, value: str | None) -> str | None:
        if not value:  # set to nothing is as good as not set
            return None
        if urlsplit(value).scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise ValueError("must be a postgresql:// URL")
        return value

    @field_validator(
        "mturk_endpoint_url",
        "web_public_url",
        "marketplace_public_url",
        "marketplace_internal_url",
        "marketplace_sqs_endpoint_url",
        "marketplace_sns_endpoint_url",
        "notifications_queue_url",
        "notifications_sqs_endpoint_url",
        "alert_webhook_url",
    )
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value:
            found = urlsplit(value)
            _ = found.port  # raises ValueError where it is no number
            if found.scheme not in {"http", "https"} or not found.hostname or any(c.isspace() for c in value):
                raise ValueError("must be a URL such as https://jury.example.org")
            if _AWS_MTURK.fullmatch(found.hostname.rstrip(".").lower()):
                raise ValueError("this is AWS itself: choose profile production (real money) or sandbox instead")
        return value

    @model_validator(mode="after")
    def _safe_to_spend(self) -> Self:
        if self.marketplace_profile is MarketplaceProfile.PRODUCTION:
            if self.secret_key is None:
                raise ValueError("profile production needs LABELJURY_SECRET_KEY (openssl rand -hex 32)")
            if self.spending_limit_usd is None:
                raise ValueError("profile production needs LABELJURY_SPENDING_LIMIT_USD")
            if self.marketplace_rehearsal:
                raise ValueError("profile production is no rehearsal: unset LABELJURY_MARKETPLACE_REHEARSAL")
        if self.marketplace_profile is MarketplaceProfile.CUSTOM and not self.mturk_endpoint_url:
            raise ValueError("profile custom needs AWS_ENDPOINT_URL_MTURK, the URL of the endpoint")
        return self

    @cached_property
    def web_url(self) -> str:
        """The console's URL as browsers see it, without a trailing slash."""
        return (self.web_public_url or _url(self.web_host, self.web_port)).rstrip("/")

    @cached_property
    def marketplace_url(self) -> str:
        """The own marketplace's URL, without a trailing slash."""
        return (self.marketplace_public_url or _url(self.marketplace_host, self.marketplace_port)).rstrip("/")

    @cached_property
    def media_path(self) -> Path:
        """The folder of imported media."""
        return self.media_dir or self.data_dir / "media"

    def missing_for_production(self) -> list[str]:
        """What must be set before real money may be spent; empty when all of it is."""
        wanted = {
            "LABELJURY_ALLOW_PRODUCTION=true": self.allow_production,
            "LABELJURY_SPENDING_LIMIT_USD": self.spending_limit_usd is not None,
            "LABELJURY_SECRET_KEY": self.secret_key is not None,
        }
        return [setting for setting, there in wanted.items() if not there]

    def endpoint_url(self, profile: MarketplaceProfile) -> str:
        """The endpoint that `profile` speaks to. Raises ValueError for `custom` without a URL."""
        match profile:
            case MarketplaceProfile.LOCAL:
                return (self.marketplace_internal_url or self.marketplace_url).rstrip("/")
            case MarketplaceProfile.SANDBOX:
                return SANDBOX_ENDPOINT
            case MarketplaceProfile.PRODUCTION:
                return PRODUCTION_ENDPOINT
            case MarketplaceProfile.CUSTOM:
                if not self.mturk_endpoint_url:
                    raise ValueError("profile custom needs AWS_ENDPOINT_URL_MTURK")
                return self.mturk_endpoint_url


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} | _LOOPBACK else host  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"
