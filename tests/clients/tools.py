"""The four independent tools, each behind the same few verbs, so that one journey leads through all of them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from app.secrets import Credentials
from tests.clients import pipes
from tests.clients.pipes import JsonPipe


class Refused(Exception):
    """The tool reported an error of the marketplace's; its text."""


class Tool(Protocol):
    """A Requester's tool that can call operations by name."""

    def call(self, operation: str, **given: Any) -> Mapping[str, Any]:
        """The operation's output in MTurk's own names. Raises Refused."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(self, *_: object) -> None:
        """End it."""


class PipedSdk:
    """An SDK behind a script of ours that only passes calls on (sdk.cjs, capo.py)."""

    def __init__(self, command: list[str], env: dict[str, str], home: Path) -> None:
        self._pipe = JsonPipe(command, env, home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.__exit__(None, None, None)

    def call(self, operation: str, **given: Any) -> Mapping[str, Any]:
        answer = self._pipe.ask({"operation": operation, "input": given})
        if "error" in answer:
            raise Refused(f"{answer['error']}: {answer['message']} {answer.get('code', '')}")
        output: Mapping[str, Any] = answer["output"]
        return output


@dataclass(slots=True)
class AwsCli:
    """`aws mturk`, one process a call."""

    program: str
    env: dict[str, str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs between calls."""

    def call(self, operation: str, **given: Any) -> Mapping[str, Any]:
        command = [self.program, "mturk", hyphenated(operation), "--output", "json"]
        command += ["--cli-input-json", json.dumps(given)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            raise Refused(done.stderr)
        answer: Mapping[str, Any] = json.loads(done.stdout or "{}")
        return answer


def hyphenated(operation: str) -> str:
    """ListHITs is list-hits."""
    words = operation.replace("HITs", "Hits").replace("HIT", "Hit")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in words).removeprefix("-")


def aws_cli(url: str, credentials: Credentials, home: Path) -> Tool:
    """The aws command line, from PyPI."""
    program = pipes.installed(pipes.AWS_CLI / "bin" / "aws", "awscli")
    return AwsCli(program, pipes.environment(url, credentials, home))


def javascript_sdk(url: str, credentials: Credentials, home: Path) -> Tool:
    """@aws-sdk/client-mturk, from npm."""
    pipes.installed(pipes.JAVASCRIPT_TOOLS / "node_modules" / "@aws-sdk" / "client-mturk", "@aws-sdk/client-mturk")
    command = [pipes.node(), str(pipes.HERE / "sdk.cjs"), str(pipes.JAVASCRIPT_TOOLS)]
    return PipedSdk(command, pipes.environment(url, credentials, home), home)


def capo(url: str, credentials: Credentials, home: Path) -> Tool:
    """capo-mturk, from PyPI: no botocore in it, it signs, serialises and parses by itself."""
    python = pipes.installed(pipes.PYTHON_TOOLS / "bin" / "python", "capo-mturk")
    return PipedSdk([python, str(pipes.HERE / "capo.py")], pipes.environment(url, credentials, home), home)
