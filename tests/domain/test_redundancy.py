"""Asking in rounds: the same category as asking everybody, for fewer answers."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.consensus import majority
from app.domain.consensus.votes import VoteCounts
from app.domain.redundancy import Asking, is_closed, needed, needed_by

Answers = tuple[int, int, int, int, int]  # given, guessed, both, neither, cannot tell
STUDY = Path(__file__).resolve().parents[3] / "shared" / "labelerrors"


def category(counts: Answers, quorum: int) -> str:
    votes = VoteCounts(np.array([counts[:4]], dtype=np.int64))
    return majority.quorum(votes, quorum=quorum).category(0).value


@cache
def plain_category(counts: Answers, quorum: int) -> int:
    """The rule again, in the plainest words: an index, or -1."""
    if counts[0] >= quorum:
        return 0
    reached = [option for option in (1, 2, 3) if counts[option] >= quorum]
    return reached[0] if len(reached) == 1 else -1


def one_more(counts: Answers) -> list[Answers]:
    return [tuple(n + (place == option) for place, n in enumerate(counts)) for option in range(5)]  # type: ignore[misc]


@cache
def reachable(counts: Answers, left: int, quorum: int) -> frozenset[int]:
    """The categories that up to `left` more answers can lead to."""
    found = {plain_category(counts, quorum)}
    if left:
        for following in one_more(counts):
            found |= reachable(following, left - 1, quorum)
    return frozenset(found)


@cache
def fewest(counts: Answers, left: int, quorum: int) -> int:
    """The fewest answers after which nothing can change any more, if they are the right ones."""
    if len(reachable(counts, left, quorum)) == 1:
        return 0
    return 1 + min(fewest(following, left - 1, quorum) for following in one_more(counts))


@pytest.mark.parametrize("most", range(1, 10))
def test_every_state_of_up_to_nine_answers_is_judged_as_by_enumeration(most: int) -> None:
    states: list[Answers] = [s for s in product(range(most + 1), repeat=5) if sum(s) <= most]  # type: ignore[misc]
    table = np.array(states, dtype=np.int64)
    votes, cannot_tell = VoteCounts(table[:, :4]), table[:, 4]
    for quorum in range(1, most + 1):
        closed = [len(reachable(s, most - sum(s), quorum)) == 1 for s in states]
        assert is_closed(votes, cannot_tell, Asking(quorum, 1, most)).tolist() == closed
        for first in range(1, most + 1):
            wanted = [
                min(first - sum(s), most - sum(s)) if sum(s) < first else fewest(s, most - sum(s), quorum)
                for s in states
            ]
            assert needed(votes, cannot_tell, Asking(quorum, first, most)).tolist() == wanted


def test_the_plain_rule_of_these_tests_is_the_consensus_rule() -> None:
    names = {0: "non-error", 1: "correctable", 2: "multi-label", 3: "neither", -1: "non-agreement"}
    for given_count, guessed, both, neither in product(range(4), repeat=4):
        counts = (given_count, guessed, both, neither, 0)
        for quorum in range(1, 5):
            assert category(counts, quorum) == names[plain_category(counts, quorum)]


def asked_in_rounds(answers: list[int], asking: Asking) -> Answers:
    """Give answers in this order, as many as are asked for."""
    counts = [0] * 5
    given = 0
    while more := needed_by((counts[0], counts[1], counts[2], counts[3]), counts[4], asking):
        for answer in answers[given : given + more]:
            counts[answer] += 1
        given += more
    assert given <= asking.most
    return tuple(counts)  # type: ignore[return-value]


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[int], Asking]:
    most = draw(st.integers(1, 9))
    asking = Asking(draw(st.integers(1, most)), draw(st.integers(1, most)), most)
    return draw(st.lists(st.integers(0, 4), min_size=most, max_size=most)), asking


@given(batches())
@settings(max_examples=500, deadline=None)
def test_in_whatever_order_they_come_the_category_is_that_of_all_answers(case: tuple[list[int], Asking]) -> None:
    answers, asking = case
    everything: Answers = tuple(answers.count(option) for option in range(5))  # type: ignore[assignment]
    asked = asked_in_rounds(answers, asking)
    assert plain_category(asked, asking.quorum) == plain_category(everything, asking.quorum)
    assert sum(asked) >= asking.first


@pytest.mark.parametrize(
    ("counts", "more"),
    [
        ((3, 0, 0, 0), 0),
        ((2, 1, 0, 0), 1),
        ((2, 2, 0, 0), 1),
        ((1, 1, 1, 0), 1),  # a fourth kind of answer would end it in non-agreement
        ((0, 0, 0, 0), 3),
        ((2, 0, 0, 0), 1),
        ((5, 0, 0, 0), 0),
    ],
)
def test_three_of_five_asks_for_the_fewest_that_could_decide(counts: tuple[int, int, int, int], more: int) -> None:
    assert needed_by(counts, 0, Asking(quorum=3, first=3, most=5)) == more


def test_who_cannot_tell_has_answered() -> None:
    asking = Asking(quorum=3, first=3, most=5)
    assert needed_by((1, 0, 0, 0), 2, asking) == 1  # two more of the same could still decide; one other cannot
    assert needed_by((1, 0, 0, 0), 4, asking) == 0


def test_many_items_are_judged_at_once_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    counts, cannot_tell = rng.integers(0, 3, (500, 4)), rng.integers(0, 2, 500)
    asking = Asking(quorum=4, first=4, most=7)
    one_by_one = [
        needed_by((int(a), int(b), int(c), int(d)), int(e), asking)
        for (a, b, c, d), e in zip(counts, cannot_tell, strict=True)
    ]
    assert needed(VoteCounts(counts), cannot_tell, asking).tolist() == one_by_one


# --- the study's votes -----------------------------------------------------------------------------------------------

OPTION_NAMES = {
    "mnist": ("given", "guessed", "both", "neither"),
    "cifar10": ("given", "guessed", "both", "neither"),
    "20news": ("given", "guessed", "both", "neither"),
    "imdb": ("given", "guessed", "neutral", "off-topic"),
}


@pytest.mark.parametrize("name", OPTION_NAMES)
def test_the_studys_votes_keep_their_categories_for_fewer_answers(name: str) -> None:
    source = STUDY / f"{name}_mturk.json"
    if not source.exists():
        pytest.skip("the study's votes are not on this machine")
    rows = [[item["mturk"].get(option, 0) for option in OPTION_NAMES[name]] for item in json.loads(source.read_text())]
    # Where given and guessed label are one digit (13 Items of MNIST), a vote for it stands under both names.
    rows = [row if sum(row) == 5 else [row[0], 0, *row[2:]] for row in rows]
    assert all(sum(row) == 5 for row in rows)
    asking, rng = Asking(quorum=3, first=3, most=5), np.random.default_rng(11)
    asked = 0
    for row in rows:
        answers = [int(answer) for answer in rng.permutation(np.repeat(np.arange(4), row))]
        in_rounds = asked_in_rounds(answers, asking)
        assert plain_category(in_rounds, 3) == plain_category((*row, 0), 3)
        asked += sum(in_rounds)
    saved = 1 - asked / (5 * len(rows))
    print(f"{name}: {len(rows)} Items, {asked} answers instead of {5 * len(rows)}: {saved:.1%} saved")  # noqa: T201 - shown
    assert 0.05 < saved <= 0.4
