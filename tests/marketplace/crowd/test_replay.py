from collections import Counter

import pytest

from app.marketplace.crowd.answer_key import AnswerKey, Vote, parse
from app.marketplace.crowd.replay import VoteLedger
from tests.marketplace.crowd.published import key_line


@pytest.fixture
def key() -> AnswerKey:
    votes = [{"given": 3, "guessed": 1, "both": 1}, {"neither": 2}]
    return parse("\n".join(key_line(url=f"u{at}", votes=counts) for at, counts in enumerate(votes)))


def test_five_workers_hand_in_exactly_the_votes(key: AnswerKey) -> None:
    ledger = VoteLedger(key, seed=1)
    dealt = [ledger.deal(worker, [key.entries[0]]) for worker in range(5)]
    assert Counter(votes[0] for votes in dealt if votes) == {Vote.GIVEN: 3, Vote.GUESSED: 1, Vote.BOTH: 1}
    assert ledger.deal(5, [key.entries[0]]) is None


def test_one_empty_item_keeps_the_votes_of_the_others(key: AnswerKey) -> None:
    ledger = VoteLedger(key, seed=1)
    for worker in range(2):
        assert ledger.deal(worker, key.entries)
    assert ledger.deal(2, key.entries) is None
    assert [ledger.deal(worker, [key.entries[0]]) is not None for worker in (2, 3, 4, 5)] == [True, True, True, False]


def test_a_vote_that_was_not_handed_in_goes_to_somebody_else(key: AnswerKey) -> None:
    ledger = VoteLedger(key, seed=1)
    neither = [key.entries[1]]
    assert [ledger.deal(worker, neither) is not None for worker in (1, 2, 3)] == [True, True, False]
    ledger.keep(1, neither)
    ledger.take_back(2, neither)
    ledger.take_back(1, neither)
    assert ledger.left == 6
    assert ledger.deal(3, neither) == [Vote.NEITHER]
    assert ledger.deal(4, neither) is None


def test_a_worker_who_meets_an_item_again_says_the_same(key: AnswerKey) -> None:
    ledger = VoteLedger(key, seed=1)
    item = key.entries[0]
    assert ledger.deal(1, [item, item]) == 2 * (ledger.deal(1, [item]) or [])
    assert sum(ledger.deal(worker, [item]) is not None for worker in range(10)) == 5


def test_the_seed_decides_who_says_what(key: AnswerKey) -> None:
    def order(seed: int) -> list[list[Vote] | None]:
        ledger = VoteLedger(key, seed)
        return [ledger.deal(worker, [key.entries[0]]) for worker in range(5)]

    assert order(1) == order(1)
    assert len({str(order(seed)) for seed in range(20)}) > 5
