from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.marketplace import tokens
from app.marketplace.store import RequestToken
from app.secrets import Credentials
from app.settings import Settings
from tests.marketplace.conftest import MovedClock, mturk_client
from tests.marketplace.people import publish, turk_code
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def test_a_repeated_token_names_the_hit_that_exists(mturk: "MTurkClient") -> None:
    hit = publish(mturk, UniqueRequestToken="once")
    with pytest.raises(mturk.exceptions.RequestError) as refused:
        publish(mturk, UniqueRequestToken="once", Title="Another title")
    assert turk_code(refused.value) == "AWS.MechanicalTurk.HitAlreadyExists"
    assert hit["HITId"] in refused.value.response["Error"]["Message"]
    assert mturk.list_hits()["NumResults"] == 1


def test_a_repeated_call_hears_of_its_hit_though_what_it_asks_for_is_gone(mturk: "MTurkClient") -> None:
    kind = mturk.create_qualification_type(Name="Tea", Description="d", QualificationTypeStatus="Active")
    type_id = kind["QualificationType"]["QualificationTypeId"]
    wanted = [{"QualificationTypeId": type_id, "Comparator": "Exists"}]
    hit = publish(mturk, UniqueRequestToken="once", QualificationRequirements=wanted)
    mturk.update_qualification_type(QualificationTypeId=type_id, QualificationTypeStatus="Inactive")
    with pytest.raises(mturk.exceptions.RequestError) as refused:
        publish(mturk, UniqueRequestToken="once", QualificationRequirements=wanted)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.HitAlreadyExists"
    assert hit["HITId"] in refused.value.response["Error"]["Message"]


def test_after_24_hours_a_token_makes_a_second_hit(mturk: "MTurkClient", clock: MovedClock) -> None:
    first = publish(mturk, UniqueRequestToken="once", LifetimeInSeconds=864_000)
    clock.advance(hours=23, minutes=59)
    with pytest.raises(mturk.exceptions.RequestError):
        publish(mturk, UniqueRequestToken="once")
    clock.advance(minutes=2)
    assert publish(mturk, UniqueRequestToken="once")["HITId"] != first["HITId"]


def test_a_refused_hit_does_not_use_up_its_token(mturk: "MTurkClient") -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient"):
        publish(mturk, UniqueRequestToken="once", Reward="9000.00")
    publish(mturk, UniqueRequestToken="once")


def test_one_token_at_two_marketplaces_at_once_makes_one_hit(
    settings: Settings, database: Database, database_url: str, credentials: Credentials
) -> None:
    other = Database(database_url, pool_size=4)
    with running_marketplace(settings, database) as one, running_marketplace(settings, other) as two:
        clients = [mturk_client(url, credentials) for url in (one, two)]

        def create(number: int) -> Any:
            client = clients[number % 2]
            try:
                return publish(client, UniqueRequestToken=f"token {number // 8}")["HITId"]
            except client.exceptions.RequestError as refused:
                return turk_code(refused)

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(create, range(32)))
        assert results.count("AWS.MechanicalTurk.HitAlreadyExists") == 28
        assert clients[0].list_hits()["NumResults"] == 4
        assert clients[0].get_account_balance()["AvailableBalance"] == "9998.80"
    other.close()


def test_old_tokens_are_forgotten_and_fresh_ones_kept(
    mturk: "MTurkClient", clock: MovedClock, database: Database
) -> None:
    publish(mturk, UniqueRequestToken="old", LifetimeInSeconds=864_000)
    clock.advance(hours=12)
    publish(mturk, UniqueRequestToken="fresh", LifetimeInSeconds=864_000)
    clock.advance(hours=13)
    with database.transaction() as db:
        tokens.forget(db, clock())
        assert db.scalars(select(RequestToken.token)).all() == ["fresh"]
