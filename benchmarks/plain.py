"""Boto3 as a plain script uses it: one client with boto3's own defaults."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from app.mturk.client import REGION
from app.secrets import local_credentials
from benchmarks.ground import Market

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def plain_client(market: Market, url: str, *, connections: int = 10) -> "MTurkClient":
    """A client of the marketplace's first Requester, through the wire or round it; 10 connections are boto3's default."""
    keys = local_credentials(market.settings)
    return boto3.Session().client(
        "mturk",
        region_name=REGION,
        endpoint_url=url,
        config=Config(max_pool_connections=connections),
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
    )
