"""One running marketplace for all of the contract's tests, spoken to by boto3 and by bare signed requests.

`pytest tests/contract --mturk-endpoint URL` runs them against another endpoint instead, with the AWS credentials of the
environment; what needs a Worker, or time to pass, is skipped there.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from pydantic import SecretStr

from app.db.engine import Database
from app.marketplace import wire
from app.secrets import Credentials, local_credentials
from app.settings import Settings
from tests.conftest import copied_database
from tests.contract import model_check
from tests.contract.raw_wire import Answer, RawWire
from tests.contract.recording import LEDGER
from tests.marketplace.conftest import MovedClock, mturk_client
from tests.marketplace.people import Browser
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

FOLDER = Path(__file__).parent
LAST = "test_operations_table.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The table comes last: it tells what the others sent."""
    for item in [item for item in items if item.path == FOLDER / LAST]:
        items.remove(item)
        items.append(item)


@pytest.fixture(scope="session")
def foreign_endpoint(pytestconfig: pytest.Config) -> str | None:
    """The endpoint that was named on the command line, if one was."""
    named: str | None = pytestconfig.getoption("--mturk-endpoint")
    return named


@pytest.fixture(scope="session")
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="session")
def database(foreign_endpoint: str | None, postgres_url: str, template_database: str) -> Iterator[Database]:
    """A database for all of the contract's tests."""
    if foreign_endpoint is not None:
        pytest.skip("needs our own marketplace")
    with copied_database(postgres_url, template_database) as url:
        database = Database(url, pool_size=8)
        yield database
        database.close()


@pytest.fixture(scope="session")
def _settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("contract"), secret_key=SecretStr("x" * 32))


@pytest.fixture(scope="session")
def credentials(foreign_endpoint: str | None, _settings: Settings) -> Credentials:
    if foreign_endpoint is not None:
        return Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    return local_credentials(_settings)


@pytest.fixture(scope="session")
def endpoint(
    foreign_endpoint: str | None, request: pytest.FixtureRequest, _settings: Settings, clock: MovedClock
) -> Iterator[str]:
    """The URL of what is tested."""
    if foreign_endpoint is not None:
        yield foreign_endpoint
        return
    with running_marketplace(_settings, request.getfixturevalue("database"), clock) as url:
        yield url


@pytest.fixture(scope="session")
def _recorded_client(endpoint: str, credentials: Credentials) -> "MTurkClient":
    """boto3, whose calls are noted and whose replies are held against the service model."""
    client = mturk_client(endpoint, credentials)
    sent: dict[str, Any] = {}

    def keep(request: AWSPreparedRequest, **_: object) -> None:
        target = request.headers["X-Amz-Target"]
        sent.update(target=target.decode() if isinstance(target, bytes) else target, body=request.body)

    def check(http_response: AWSResponse, **_: object) -> None:
        operation = sent["target"].removeprefix(wire.TARGET_PREFIX)
        accepted = http_response.status_code == 200
        LEDGER.record(operation, json.loads(sent["body"]), running_test(), accepted=accepted)
        if accepted:
            assert model_check.faults(operation, json.loads(http_response.content)) == []

    client.meta.events.register("before-send.mturk", keep)
    client.meta.events.register("after-call.mturk", check)
    return client


@pytest.fixture
def mturk(_recorded_client: "MTurkClient") -> "MTurkClient":
    """Plain boto3, as any Requester's script uses it."""
    return _recorded_client


class Post:
    """Sends what boto3 would not: `post("GetHIT", {"HITId": 7})`."""

    def __init__(self, raw: RawWire) -> None:
        self._raw = raw

    def __call__(self, operation: str, document: object, *, about: str | None = None) -> Answer:
        """The reply. Where the call is about one parameter's own value, only that one is noted as sent."""
        answer = self._raw.post(operation, document)
        accepted = answer.status == 200
        if operation in wire.operation_names():
            if about is None:
                LEDGER.record(operation, document, running_test(), accepted=accepted)
            else:
                LEDGER.record_one(operation, about, running_test(), accepted=accepted)
        if accepted:
            assert model_check.faults(operation, answer.document) == []
        return answer


@pytest.fixture(scope="session")
def _raw_wire(endpoint: str, credentials: Credentials) -> Iterator[RawWire]:
    raw = RawWire(endpoint, credentials)
    yield raw
    raw.close()


@pytest.fixture
def post(_raw_wire: RawWire) -> Post:
    return Post(_raw_wire)


@pytest.fixture
def worker(endpoint: str, foreign_endpoint: str | None) -> Iterator[Callable[[str], Browser]]:
    """Enrols a Worker with a browser of their own."""
    if foreign_endpoint is not None:
        pytest.skip("needs our own worker site")
    browsers: list[Browser] = []

    def enrol(name: str) -> Browser:
        browser = Browser(endpoint)
        browsers.append(browser)
        browser.enrol(name)
        return browser

    yield enrol
    for browser in browsers:
        browser.close()


@pytest.fixture
def ada(worker: Callable[[str], Browser]) -> Browser:
    """A Worker."""
    return worker("Ada")


@pytest.fixture
def let_pass(foreign_endpoint: str | None, clock: MovedClock) -> Callable[..., None]:
    """Lets time pass: `let_pass(days=30)`. For everybody: each test makes what it looks at."""
    if foreign_endpoint is not None:
        pytest.skip("needs a clock that can be moved")
    return clock.advance


def running_test() -> str:
    """The file of the test that runs, as the table names it."""
    path = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
    return Path(path).stem.removeprefix("test_")
