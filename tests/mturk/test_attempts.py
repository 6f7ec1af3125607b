"""A governed client over a wire: what is repeated at once, what is not, and what the pacer hears of it."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from app.domain.vocabulary import HITTypeId, MarketplaceHITId
from app.errors import MarketplaceBusy, MarketplaceRefused, MarketplaceUnreachable, OutcomeUnknown
from app.mturk import requester
from app.mturk.attempts import ATTEMPTS, govern
from app.mturk.client import Marketplace, connect
from app.mturk.pacer import Pacer, Stopping, Wish
from app.settings import MarketplaceProfile
from tests.mturk.conftest import new_hit, settings_for
from tests.mturk.test_pacer import Room
from tests.wire_proxy import Wire

THROTTLED = (400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode())
BROKEN = (500, json.dumps({"__type": "ServiceFault", "Message": "try again (1)"}).encode())


@dataclass(slots=True)
class Governed:
    """A governed client, and what it took and said."""

    marketplace: Marketplace
    stopping: threading.Event = field(default_factory=threading.Event)
    wishes: list[Wish] = field(default_factory=list)
    throttles: list[datetime] = field(default_factory=list)
    on_throttle: Callable[[], None] = lambda: None

    def reserve(self, wish: Wish) -> Room:
        self.wishes.append(wish)
        return Room()

    def slow_down(self, given_at: datetime) -> None:
        self.throttles.append(given_at)
        self.on_throttle()

    def pacer(self, longest_act_s: float = 60.0) -> Pacer:
        """A pacer that governs the client from now on."""
        pacer = Pacer(self.reserve, self.slow_down, threads=2, stopping=self.stopping, longest_act_s=longest_act_s)
        govern(self.marketplace.client, pacer)
        return pacer


@pytest.fixture
def governed(wire: Wire, tmp_path: Path) -> Iterator[Governed]:
    base = settings_for(tmp_path, marketplace_public_url=wire.url)
    marketplace = connect(base, MarketplaceProfile.LOCAL, governed=True)
    yield Governed(marketplace)
    marketplace.client.close()


def test_a_throttled_call_is_repeated_with_room_of_its_own_and_nobody_sees_it(
    governed: Governed, wire: Wire, hit_type_id: HITTypeId
) -> None:
    wire.refuse["CreateHITWithHITType"] = THROTTLED
    governed.on_throttle = lambda: wire.refuse.clear() if len(governed.throttles) == 3 else None
    pacer = governed.pacer()
    hit_id = pacer.call(lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id))
    assert [hit.hit_id for hit in requester.list_hits(governed.marketplace, pacer.wait)] == [hit_id]
    assert len(governed.throttles) == 3
    assert wire.calls["CreateHITWithHITType"] == 4
    assert len(governed.wishes) == 4 + wire.calls["ListHITs"]


def test_a_call_that_is_throttled_for_too_long_is_given_up_as_not_made(
    governed: Governed, wire: Wire, hit_type_id: HITTypeId
) -> None:
    wire.refuse["CreateHITWithHITType"] = THROTTLED
    with pytest.raises(MarketplaceBusy):
        governed.pacer(longest_act_s=0).call(
            lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id)
        )
    assert wire.calls["CreateHITWithHITType"] == 1


def test_a_spending_call_whose_outcome_is_unknown_is_not_repeated_here(
    governed: Governed, wire: Wire, hit_type_id: HITTypeId
) -> None:
    pacer = governed.pacer()
    wire.lose_reply["CreateHITWithHITType"] = 1
    with pytest.raises(OutcomeUnknown):
        pacer.call(lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id))
    wire.refuse["CreateHITWithHITType"] = BROKEN
    with pytest.raises(OutcomeUnknown):
        pacer.call(lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id))
    assert wire.calls["CreateHITWithHITType"] == 2


def test_what_only_reads_is_asked_a_few_times(governed: Governed, wire: Wire, hit_type_id: HITTypeId) -> None:
    pacer = governed.pacer()
    hit_id = pacer.call(lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id))
    wire.lose_reply["GetHIT"] = 1
    assert pacer.call(lambda name: requester.get_hit(governed.marketplace, name), hit_id).hit_id == hit_id
    assert wire.calls["GetHIT"] == 2
    wire.refuse["GetHIT"] = BROKEN
    with pytest.raises(OutcomeUnknown):
        pacer.call(lambda name: requester.get_hit(governed.marketplace, name), hit_id)
    assert wire.calls["GetHIT"] == 2 + ATTEMPTS


def test_a_refusal_is_an_answer_and_is_not_repeated(governed: Governed, wire: Wire) -> None:
    missing = MarketplaceHITId("3" + "X" * 29)
    with pytest.raises(MarketplaceRefused):
        governed.pacer().call(lambda name: requester.get_hit(governed.marketplace, name), missing)
    assert wire.calls["GetHIT"] == 1


def test_a_call_that_no_connection_was_made_for_is_repeated_whatever_it_does(tmp_path: Path) -> None:
    base = settings_for(tmp_path, marketplace_public_url="http://127.0.0.1:9")  # nobody is there
    governed = Governed(connect(base, MarketplaceProfile.LOCAL, governed=True))
    with pytest.raises(MarketplaceUnreachable):
        governed.pacer().call(
            lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(HITTypeId("3" + "X" * 29))
        )
    assert len(governed.wishes) == ATTEMPTS


def test_a_process_that_stops_between_two_attempts_says_so_and_has_not_called(
    governed: Governed, wire: Wire, hit_type_id: HITTypeId
) -> None:
    wire.refuse["CreateHITWithHITType"] = THROTTLED
    governed.on_throttle = governed.stopping.set
    with pytest.raises(Stopping):
        governed.pacer().call(lambda hit: requester.create_hit(governed.marketplace, hit), new_hit(hit_type_id))
    assert wire.calls["CreateHITWithHITType"] == 1


def test_answers_and_their_latency_are_counted(governed: Governed, wire: Wire) -> None:
    wire.latency_s = 0.05
    pacer = governed.pacer()
    for _ in range(3):
        pacer.call(requester.account_balance, governed.marketplace)
    assert sum(wish.accepted for wish in governed.wishes) == 2  # the last answer is told with the next wish
    assert all((wish.latency_s or 0) >= 0.05 for wish in governed.wishes[1:])
    assert governed.wishes[0].latency_s is None
