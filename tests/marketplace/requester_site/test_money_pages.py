"""Every cent is on the list, and the list adds up to the balances."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from app.db.engine import Database
from app.marketplace.context import Marketplace, utc_now
from app.marketplace.requester_site import money_pages
from app.marketplace.requesters import FIRST_REQUESTER_ID, KeyRing
from app.settings import Settings
from tests.marketplace.people import Browser, publish
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_transactions_add_up_to_the_balances(
    rita: Office, mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, Reward="0.33")
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    mturk.approve_assignment(AssignmentId=assignment_id)
    found = rows(rita.get("transactions.csv"))
    balance = mturk.get_account_balance()
    assert found[-1]["available_after_usd"] == balance["AvailableBalance"]
    assert found[-1]["on_hold_after_usd"] == balance["OnHoldBalance"]
    assert sum(Decimal(row["available_change_usd"]) for row in found) == Decimal(balance["AvailableBalance"])
    assert sum(Decimal(row["on_hold_change_usd"]) for row in found) == Decimal(balance["OnHoldBalance"])
    assert [row["kind"] for row in found] == ["deposit", "reserve", "reward", "fee"]
    shown = rita.get("transactions")
    assert between(shown, 'id="available">$', "<").replace(",", "") == balance["AvailableBalance"]
    newest = between(shown, f'data-transaction="{found[-1]["transaction"]}"', "</tr>")
    assert f"${Decimal(balance['AvailableBalance']):,.2f}" in newest


def test_pages_carry_the_balances_on(rita: Office, mturk: "MTurkClient") -> None:
    for _ in range(30):
        publish(mturk, MaxAssignments=1)
    first = rita.get("transactions")
    assert first.count("data-transaction=") == 25
    link = between(first, '<a rel="next" href="', '"').replace("&amp;", "&").removeprefix("/requester/")
    second = rita.get(link)
    by_file = {row["transaction"]: row for row in rows(rita.get("transactions.csv"))}
    newest = between(second, 'data-transaction="', '"')
    then = f"${Decimal(by_file[newest]['available_after_usd']):,.2f}"
    assert then in between(second, f'data-transaction="{newest}"', "</tr>")


def test_one_kind_can_be_chosen(rita: Office, mturk: "MTurkClient") -> None:
    publish(mturk)
    assert {row["kind"] for row in rows(rita.get("transactions.csv?kind=reserve"))} == {"reserve"}
    shown = rita.get("transactions?kind=deposit")
    assert shown.count("data-transaction=") == 1
    assert "Available then" not in shown


def test_who_fetches_a_long_file_slowly_holds_no_connection(
    mturk: "MTurkClient", settings: Settings, database_url: str
) -> None:
    for _ in range(3):
        publish(mturk, MaxAssignments=1)
    own = Database(database_url, pool_size=1)
    market = Marketplace(settings, own, utc_now, KeyRing(own))
    pieces = money_pages._lines(market, FIRST_REQUESTER_ID, None, piece_size=100)
    first, connections_held = next(pieces), own.engine.pool.checkedout()  # type: ignore[attr-defined]
    rest = [*pieces]
    own.close()
    assert connections_held == 0
    assert len(rest) > 1
    assert [row["kind"] for row in rows(first + "".join(rest))] == ["deposit", "reserve", "reserve", "reserve"]


def test_a_stranger_sees_only_their_own_money(rita: Office, mallory: Office, mturk: "MTurkClient") -> None:
    publish(mturk)
    assert [row["kind"] for row in rows(mallory.get("transactions.csv"))] == ["deposit"]
    assert "$100.00" in mallory.get("transactions")
