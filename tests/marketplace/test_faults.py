"""Faults on purpose: what is decided, and what a Requester's script sees of it through real boto3."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from pydantic import SecretStr
from sqlalchemy import update

from app.db.engine import Database
from app.errors import InvalidInput
from app.marketplace import faults
from app.marketplace.faults import NO_TROUBLE, Faults, KeyTrouble, Mishap
from app.marketplace.store import AccessKey
from app.secrets import Credentials
from app.settings import Settings
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, hit_values, publish, turk_code
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), marketplace_rehearsal=True)


@pytest.fixture
def suffer(marketplace: str, database: Database, credentials: Credentials) -> Callable[..., None]:
    """Gives the installation's key faults; to be called before the key's first call, or a second passes in between."""

    def give(**values: Any) -> None:
        of_key = update(AccessKey).where(AccessKey.access_key_id == credentials.access_key_id)
        with database.transaction() as db:
            db.execute(of_key.values(faults=faults.stored(faults.parse(values))))

    return give


@pytest.fixture
def calm(database: Database, tmp_path: Path, clock: MovedClock) -> Iterator[str]:
    """Another process of the same marketplace that is no rehearsal: it knows no faults."""
    ordinary = Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32))
    with running_marketplace(ordinary, database, clock) as url:
        yield url


@pytest.fixture
def urls(marketplace: str, calm: str) -> tuple[str, str]:
    return marketplace, calm


def client(url: str, credentials: Credentials, *, attempts: int = 1, read_timeout_s: float = 60) -> "MTurkClient":
    return boto3.client(
        "mturk",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            read_timeout=read_timeout_s,
        ),
    )


def test_which_calls_fail_follows_from_the_seed_and_their_number() -> None:
    some = faults.parse({"reply_lost_share": 0.2, "server_error_share": 0.2, "late_error_share": 0.1, "seed": 7})
    drawn = [faults.mishap_of(some, number) for number in range(2000)]
    assert drawn == [faults.mishap_of(some, number) for number in range(2000)]
    assert drawn != [faults.mishap_of(faults.parse({**faults.stored(some), "seed": 8}), n) for n in range(2000)]
    found = Counter(drawn)
    assert 300 < found[Mishap.REPLY_LOST] < 500
    assert 300 < found[Mishap.ERROR_BEFORE] < 500
    assert 140 < found[Mishap.ERROR_AFTER] < 260


@pytest.mark.parametrize(
    "values",
    [
        {"reply_lost_share": 1.1},
        {"reply_lost_share": -0.1},
        {"reply_lost_share": 0.6, "late_error_share": 0.6},
        {"throttle_per_s": 0},
        {"slow_ms": 121_000},
        {"list_lag_s": float("nan")},
        {"typo": 1},
    ],
)
def test_impossible_faults_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        faults.parse(values)


def test_faults_are_stored_and_read_back() -> None:
    some = faults.parse({"throttle_per_s": 2.5, "duplicate_notifications": True})
    assert faults.parse(faults.stored(some)) == some
    assert faults.parse({}) == Faults()


def test_the_rate_allows_a_seconds_worth_at_once_and_fills_again() -> None:
    key = KeyTrouble(faults=faults.parse({"throttle_per_s": 3}))
    met = [key.next_call(100.0).mishap for _ in range(5)]
    assert met == [Mishap.NONE] * 3 + [Mishap.THROTTLED] * 2
    assert [key.next_call(100.5).mishap for _ in range(2)] == [Mishap.NONE, Mishap.THROTTLED]
    key.faults = None
    assert key.next_call(100.5) is NO_TROUBLE


def test_a_rate_below_one_a_second_lets_a_call_through_now_and_then() -> None:
    key = KeyTrouble(faults=faults.parse({"throttle_per_s": 0.5}))
    met = [key.next_call(100.0 + second).mishap is Mishap.NONE for second in range(6)]
    assert met == [True, False, True, False, True, False]


def test_a_throttled_script_is_told_so_and_boto3_gets_through_by_waiting(
    marketplace: str, credentials: Credentials, suffer: Callable[..., None]
) -> None:
    suffer(throttle_per_s=2)
    hasty = client(marketplace, credentials)
    with pytest.raises(ClientError, match="Rate exceeded") as refused:
        _ = [hasty.get_account_balance() for _ in range(100)]
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    patient = client(marketplace, credentials, attempts=10)
    assert patient.get_account_balance()["AvailableBalance"] == "10000.00"


def test_a_lost_reply_has_happened_and_the_token_finds_the_hit(
    marketplace: str, calm: str, credentials: Credentials, suffer: Callable[..., None]
) -> None:
    suffer(reply_lost_share=1)
    values = hit_values(UniqueRequestToken="once")
    with pytest.raises(ConnectionClosedError):
        client(marketplace, credentials).create_hit(**values)
    mturk = client(calm, credentials)
    made = mturk.list_hits()["HITs"]
    assert len(made) == 1
    with pytest.raises(mturk.exceptions.RequestError, match=made[0]["HITId"]) as known:
        mturk.create_hit(**values)
    assert turk_code(known.value) == "AWS.MechanicalTurk.HitAlreadyExists"


def test_boto3_repeats_a_call_whose_reply_was_lost_and_hears_that_the_hit_exists(
    marketplace: str, calm: str, credentials: Credentials, suffer: Callable[..., None]
) -> None:
    lost_first = next(
        seed
        for seed in range(1000)
        if [faults.mishap_of(faults.parse({"reply_lost_share": 0.5, "seed": seed}), n) for n in (1, 2)]
        == [Mishap.REPLY_LOST, Mishap.NONE]
    )
    suffer(reply_lost_share=0.5, seed=lost_first)
    with pytest.raises(ClientError, match="already created") as known:
        client(marketplace, credentials, attempts=2).create_hit(**hit_values(UniqueRequestToken="once"))
    [made] = client(calm, credentials).list_hits()["HITs"]
    assert made["HITId"] in str(known.value)


@pytest.mark.parametrize(("fault", "hits"), [({"server_error_share": 1}, 0), ({"late_error_share": 1}, 1)])
def test_a_server_error_comes_before_or_after_it_happened(
    urls: tuple[str, str], credentials: Credentials, suffer: Callable[..., None], fault: dict[str, int], hits: int
) -> None:
    marketplace, calm = urls
    suffer(**fault)
    mturk = client(marketplace, credentials)
    with pytest.raises(mturk.exceptions.ServiceFault) as failed:
        publish(mturk)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert client(calm, credentials).list_hits()["NumResults"] == hits


def test_a_slow_reply_is_a_read_timeout_to_the_impatient(
    marketplace: str, calm: str, credentials: Credentials, suffer: Callable[..., None]
) -> None:
    suffer(slow_ms=600)
    with pytest.raises(ReadTimeoutError):
        publish(client(marketplace, credentials, read_timeout_s=0.4))
    deadline = time.monotonic() + 60
    while client(calm, credentials).list_hits()["NumResults"] == 0:  # it is carried out all the same
        assert time.monotonic() < deadline
    assert publish(client(marketplace, credentials))["HITId"]


def test_lists_lag_behind_while_get_hit_and_its_counters_are_right(
    marketplace: str,
    credentials: Credentials,
    suffer: Callable[..., None],
    clock: MovedClock,
    worker: Callable[[str], Browser],
) -> None:
    suffer(list_lag_s=15)
    mturk = client(marketplace, credentials)
    hit = publish(mturk, MaxAssignments=1)
    assert mturk.list_hits()["NumResults"] == 0
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Assignable"
    clock.advance(seconds=16)
    assert mturk.list_hits()["NumResults"] == 1
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 0
    assert mturk.list_reviewable_hits()["NumResults"] == 0
    assert mturk.list_hits()["NumResults"] == 1
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    mturk.approve_assignment(AssignmentId=assignment_id)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsCompleted"] == 1
    clock.advance(seconds=16)
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 1
    assert mturk.list_reviewable_hits()["NumResults"] == 1


def test_without_a_rehearsal_a_keys_faults_mean_nothing(
    calm: str, credentials: Credentials, suffer: Callable[..., None]
) -> None:
    suffer(server_error_share=1)
    assert client(calm, credentials).get_account_balance()["AvailableBalance"] == "10000.00"
