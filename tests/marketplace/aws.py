"""moto's server: SQS and SNS as AWS answers them, in a process of its own on a loopback port."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

_STARTS_WITHIN_S = 120
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}


@contextmanager
def running_moto(port: int) -> Iterator[str]:
    """Serve SQS and SNS on this port until the block ends; the endpoint's URL. What it held is gone then."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "MOTO_ACCOUNT_ID": "123456789012"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            _wait_for(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


class Aws:
    """What a Requester has at AWS: queues, topics, and a way to see what came."""

    def __init__(self, url: str) -> None:
        self.url = url
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=60)
        self.sqs: Any = boto3.client("sqs", endpoint_url=url, config=config, **KEYS)  # type: ignore[call-overload]
        self.sns: Any = boto3.client("sns", endpoint_url=url, config=config, **KEYS)  # type: ignore[call-overload]

    def queue(self, name: str) -> str:
        """The URL of a new queue."""
        return str(self.sqs.create_queue(QueueName=name)["QueueUrl"])

    def topic(self, name: str, queue_name: str) -> str:
        """The ARN of a new topic whose messages go on to a queue that exists."""
        arn = str(self.sns.create_topic(Name=name)["TopicArn"])
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:123456789012:{queue_name}")
        return arn

    def waiting(self, queue_url: str) -> list[str]:
        """The bodies that wait in the queue; they are taken out."""
        bodies: list[str] = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return bodies
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])

    def kept(self, queue_url: str) -> int:
        """How many messages the queue holds, those included that somebody has received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def received(self, queue_url: str, number: int, *, within_s: float = 60) -> list[dict[str, Any]]:
        """The documents of the first `number` messages that arrive, or of fewer when the time is up."""
        deadline = time.monotonic() + within_s
        bodies = self.waiting(queue_url)
        while len(bodies) < number and time.monotonic() < deadline:
            time.sleep(0.05)
            bodies += self.waiting(queue_url)
        return [json.loads(body) for body in bodies]


def kinds(documents: list[dict[str, Any]]) -> list[str]:
    """The types of all events in these documents, in order."""
    return [event["EventType"] for document in documents for event in document["Events"]]


def _wait_for(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("moto's server did not start")
        time.sleep(0.05)
