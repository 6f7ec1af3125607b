"""Requesters' tools as separate programs, asked over their standard input: none of them knows of us."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from app.secrets import Credentials

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
# Beside the virtual environment that the tests run in, as the Makefile installs them.
PYTHON_TOOLS = Path(sys.prefix).with_name(Path(sys.prefix).name + "-clients")
AWS_CLI = Path(sys.prefix).with_name(Path(sys.prefix).name + "-awscli")
JAVASCRIPT_TOOLS = CHECKOUT / ".npm-clients"


def environment(url: str, credentials: Credentials, home: Path) -> dict[str, str]:
    """What a Requester exports to be connected to the marketplace at `url`."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_MTURK": url,
        # capo-mturk spells the service's name in its own way.
        "AWS_ENDPOINT_URL_M_TURK": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def installed(program: Path, name: str) -> str:
    """The program's path; where it is missing CI fails and everybody else's test is skipped."""
    if program.exists():
        return str(program)
    return _missing(f"{name} is not installed at {program}: `make clients` installs it")


def node() -> str:
    """The program that runs JavaScript."""
    return shutil.which("node") or _missing("there is no node: `make clients` says how to install it")


def _missing(message: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class JsonPipe:
    """A running program that answers each line of JSON with another."""

    def __init__(self, command: list[str], env: dict[str, str], home: Path) -> None:
        self._noise = (home / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._noise, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._noise.close()

    def tell(self, message: dict[str, Any]) -> None:
        """Send one message."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one message and read the reply; a program that ended instead fails the test with what it said."""
        assert self._process.stdout is not None
        self.tell(message)
        line = self._process.stdout.readline()
        if not line:
            self._noise.seek(0)
            pytest.fail(f"the client ended: {self._noise.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer
