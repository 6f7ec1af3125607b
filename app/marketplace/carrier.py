"""The connections to SQS and SNS, over which the outbox sends notifications."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from app.marketplace.store import OutboxMessage
from app.secrets import local_credentials
from app.settings import Settings

TRANSPORTS = ("SQS", "SNS")
_LONGEST_ERROR = 300
_DEFAULT_REGION = "us-east-1"
_CLIENT = Config(
    connect_timeout=3,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 1},  # the outbox tries again itself
    user_agent_extra="label-jury-marketplace",
)


class Undelivered(Exception):
    """The message did not get there. `reason` is for its Requester; an endpoint that is out of reach is so for all."""

    def __init__(self, reason: str, *, out_of_reach: bool = False) -> None:
        self.reason, self.out_of_reach = reason[:_LONGEST_ERROR], out_of_reach
        super().__init__(self.reason)


class Carrier:
    """The connections to SQS and SNS.

    A Requester names the destination, so its host is never contacted: only the two endpoints of the settings are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._endpoints = {
            "SQS": settings.marketplace_sqs_endpoint_url,
            "SNS": settings.marketplace_sns_endpoint_url,
        }
        self._clients: dict[str, Any] = {}

    def send(self, message: OutboxMessage) -> None:
        """Hand the message over. Raises Undelivered."""
        try:
            client = self._client(message.transport)
            if message.transport == "SQS":
                client.send_message(QueueUrl=message.destination, MessageBody=message.body)
            else:
                subject = str(int(message.created_at.timestamp() * 1000))
                client.publish(TopicArn=message.destination, Message=message.body, Subject=subject)
        except ClientError as refused:
            error = refused.response.get("Error", {})
            raise Undelivered(f"{error.get('Code', 'Error')}: {error.get('Message', '')}") from refused
        except (
            NoConnection,
            HTTPClientError,
        ) as failed:  # its text would name an address that is not the Requester's to know
            reason = f"The {message.transport} endpoint could not be reached ({type(failed).__name__})."
            raise Undelivered(reason, out_of_reach=True) from failed
        except BotoCoreError as failed:
            raise Undelivered(f"The message could not be sent ({type(failed).__name__}).") from failed

    def missing(self) -> list[str]:
        """The transports for which the settings name no endpoint."""
        return [transport for transport, endpoint in self._endpoints.items() if endpoint is None]

    def _client(self, transport: str) -> Any:
        """boto3's client; it is made when it is first needed."""
        endpoint = self._endpoints[transport]
        if endpoint is None:
            raise Undelivered(no_endpoint(transport), out_of_reach=True)
        if transport not in self._clients:
            self._clients[transport] = _connect(self._settings, transport.lower(), endpoint)
        return self._clients[transport]


def _connect(settings: Settings, service: str, endpoint: str) -> Any:
    """A client of the endpoint, with boto3's usual credentials. What stands in for AWS wants some signature, whoever's."""
    core = botocore.session.get_session()
    if not (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".api.aws", ".amazonaws.com.cn")):
        # The machine's role is nobody's business but AWS's, and off AWS the question for it only times out.
        core.get_component("credential_provider").remove("iam-role")
    session = boto3.session.Session(botocore_session=core)
    keys: dict[str, str] = {}
    if session.get_credentials() is None:
        own = local_credentials(settings)
        keys = {"aws_access_key_id": own.access_key_id, "aws_secret_access_key": own.secret_access_key}
    region = session.region_name or _DEFAULT_REGION
    clients: Callable[..., Any] = session.client
    return clients(service, region_name=region, endpoint_url=endpoint, config=_CLIENT, **keys)


def no_endpoint(transport: str) -> str:
    """What a Requester reads whose destination this marketplace cannot speak to."""
    setting = f"LABELJURY_MARKETPLACE_{transport}_ENDPOINT_URL"
    return f"This marketplace has no {transport} endpoint: its operator can name one with {setting}."
