import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import OPTIONS
from app.domain.vocabulary import Option
from app.domain.worker_quality import Answers, Tally, agreement_with_others

G, S, B, N = (OPTIONS.index(option) for option in (Option.GIVEN, Option.GUESSED, Option.BOTH, Option.NEITHER))


def answers_of(votes: list[list[int]], *, counted: NDArray[np.bool_] | None = None) -> Answers:
    """votes: by Item, the option of each Worker in turn; -1 where a Worker did not answer."""
    table = np.array(votes)
    item, worker = np.nonzero(table >= 0)
    own = np.ones(len(item), dtype=np.bool_) if counted is None else counted[worker]
    counts = np.zeros((len(votes), len(OPTIONS)), dtype=np.int64)
    np.add.at(counts, (item[own], table[item, worker][own]), 1)
    return Answers(table.shape[1], worker, table[item, worker], counts[item], own)


def test_a_workers_own_answer_is_left_out() -> None:
    # Each of the first two sees one given and one guessed among the others: a tie.
    assert agreement_with_others(answers_of([[G, G, S]])) == [Tally(0, 0), Tally(0, 0), Tally(1, 0)]


def test_an_item_where_two_options_lead_says_nothing() -> None:
    assert agreement_with_others(answers_of([[G, G, S, S, B]]))[4] == Tally(0, 0)


def test_one_other_is_not_enough() -> None:
    assert agreement_with_others(answers_of([[G, S]])) == [Tally(0, 0), Tally(0, 0)]


def test_answers_that_do_not_count_are_measured_and_do_not_measure() -> None:
    counted = np.array([True, True, False])
    found = agreement_with_others(answers_of([[G, G, S], [S, S, S]], counted=counted))
    assert found == [Tally(0, 0), Tally(0, 0), Tally(2, 1)]


def test_nobody_and_nothing() -> None:
    assert agreement_with_others(Answers.empty()) == []


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_one_would_count_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    votes = random.integers(-1, 4, size=(30, 6))
    found = agreement_with_others(answers_of(votes.tolist()))
    for worker in range(6):
        judged = matched = 0
        for row in votes:
            others = [int(option) for other, option in enumerate(row) if other != worker and option >= 0]
            if row[worker] < 0 or len(others) < 2:
                continue
            counts = sorted(((others.count(option), option) for option in set(others)), reverse=True)
            if len(counts) > 1 and counts[0][0] == counts[1][0]:
                continue
            judged += 1
            matched += counts[0][1] == row[worker]
        assert found[worker] == Tally(judged, matched)


def test_the_order_of_the_rows_does_not_matter() -> None:
    votes = np.random.default_rng(7).integers(-1, 4, size=(40, 5))
    shuffled = np.random.default_rng(8).permutation(votes)
    assert agreement_with_others(answers_of(votes.tolist())) == agreement_with_others(answers_of(shuffled.tolist()))
