import math

import krippendorff
import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.agreement import ALL_ALIKE, NO_PAIR, Agreement, agreement
from app.domain.statistics.intervals import Estimate, wilson
from app.errors import InvalidInput
from tests.domain.statistics.crowds import Crowd, simulated


def votes_of_counts(counts: list[list[int]]) -> Votes:
    """Every answer by a Worker of its own."""
    table = np.array(counts)
    item, label = np.nonzero(table)
    times = table[item, label]
    return Votes.of(
        np.repeat(item, times),
        np.arange(times.sum()),
        np.repeat(label, times),
        items=table.shape[0],
        labels=table.shape[1],
    )


def votes_of_table(rows: list[str]) -> Votes:
    """A row for each Worker, a digit for each Item, a dot where there is no answer."""
    worker, item, label = zip(
        *((w, i, int(at)) for w, row in enumerate(rows) for i, at in enumerate(row) if at != "."), strict=True
    )
    return Votes.of(np.array(item), np.array(worker), np.array(label))


def defined(figure: object) -> Estimate:
    assert isinstance(figure, Estimate)
    return figure


# Fleiss 1971, table 1: six diagnoses of each of 30 patients in five categories.
PSYCHIATRISTS = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
    [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
    [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0],
    [0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0],
    [1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
]  # fmt: skip


def test_fleiss_own_example() -> None:
    found = agreement(votes_of_counts(PSYCHIATRISTS))
    assert defined(found.percent).value == pytest.approx(0.556, abs=0.001)
    assert defined(found.kappa).value == pytest.approx(0.430, abs=0.001)


def test_krippendorffs_own_example() -> None:
    # Krippendorff 2011, section C: four observers, twelve units, missing data.
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    found = agreement(votes_of_table(rows))
    assert (found.items, found.responses) == (11, 40)
    assert defined(found.alpha).value == pytest.approx(0.743, abs=0.0005)


@pytest.mark.parametrize("answers", [2, 3, 5, 9])
def test_alpha_is_the_one_of_the_package_krippendorff(answers: int) -> None:
    votes = simulated(Crowd(40, 30, answers=answers), np.random.default_rng(answers))
    kept = np.random.default_rng(1).random(len(votes)) < 0.8  # any number of answers on an Item, some with none
    votes = Votes.of(votes.item[kept], votes.worker[kept], votes.label[kept], items=votes.items, labels=votes.labels)
    expected = krippendorff.alpha(value_counts=votes.counts(), level_of_measurement="nominal")
    assert defined(agreement(votes).alpha).value == pytest.approx(expected)


def by_hand(votes: Votes) -> float:
    shares = []
    for item in range(votes.items):
        labels = votes.label[votes.item == item].tolist()
        pairs = [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]]
        if pairs:
            shares.append(sum(a == b for a, b in pairs) / len(pairs))
    return float(np.mean(shares))


def test_percent_agreement_is_counted_over_pairs_and_averaged_over_items() -> None:
    votes = simulated(Crowd(50, 20), np.random.default_rng(3))
    kept = np.random.default_rng(1).random(len(votes)) < 0.6
    votes = Votes.of(votes.item[kept], votes.worker[kept], votes.label[kept], items=votes.items)
    assert defined(agreement(votes).percent).value == pytest.approx(by_hand(votes))


def test_no_responses_are_an_error() -> None:
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(InvalidInput, match="no Responses"):
        agreement(Votes.of(none, none, none))


NOBODY_AGREES = Agreement(0, 0, NO_PAIR, NO_PAIR, NO_PAIR)


def test_one_response_agrees_with_nobody() -> None:
    assert agreement(Votes.of(np.array([0]), np.array([0]), np.array([2]))) == NOBODY_AGREES


def test_one_worker_with_a_million_items_agrees_with_nobody() -> None:
    items = np.arange(1_000_000)
    assert agreement(Votes.of(items, items * 0, items % 4)) == NOBODY_AGREES


def test_ten_thousand_workers_with_one_answer_each_on_one_item() -> None:
    workers = np.arange(10_000)
    found = agreement(Votes.of(workers * 0, workers, (workers < 2_000).astype(np.int64)))
    percent, alpha = defined(found.percent), defined(found.alpha)
    assert percent.value == pytest.approx(0.68, abs=0.001)
    assert percent.interval == wilson(percent.value, 1)  # one Item is one trial, however many looked at it
    assert alpha.value == pytest.approx(0.0, abs=0.001)
    assert alpha.interval.low < -0.00009
    assert alpha.interval.high == 1
    assert math.isnan(alpha.standard_error)


def test_ten_thousand_workers_with_one_answer_each_on_items_of_five() -> None:
    workers = np.arange(10_000)
    labels = np.random.default_rng(2).integers(0, 4, 10_000)
    found = agreement(Votes.of(workers // 5, workers, labels))
    assert defined(found.alpha).value == pytest.approx(0.0, abs=0.02)
    assert 0.0 in defined(found.alpha).interval


def test_where_all_answers_are_the_same_nothing_tells_labels_apart() -> None:
    found = agreement(votes_of_counts([[5, 0], [5, 0], [5, 0]]))
    assert defined(found.percent).value == 1.0
    assert defined(found.percent).interval == wilson(3, 3)
    assert found.kappa == found.alpha == ALL_ALIKE


def test_full_agreement_on_several_labels_is_one_and_not_certain() -> None:
    found = agreement(votes_of_counts([[5, 0], [0, 5]] * 10))
    alpha = defined(found.alpha)
    assert alpha.value == 1.0
    assert 0.5 < alpha.interval.low < 0.8
    assert alpha.interval.high == 1.0
    fewer = agreement(votes_of_counts([[5, 0], [0, 5]]))
    assert defined(fewer.alpha).interval.low < alpha.interval.low


def figures(found: Agreement) -> NDArray[np.float64]:
    return np.array(
        [
            [of.value, of.standard_error, of.interval.low, of.interval.high]
            for of in map(defined, (found.percent, found.kappa, found.alpha))
        ]
    )


def test_the_names_of_labels_and_the_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(11)
    votes = simulated(Crowd(60, 20), rng)
    renamed, row = rng.permutation(votes.labels), rng.permutation(len(votes))
    items, workers = rng.permutation(votes.items), rng.permutation(votes.workers)
    other = Votes.of(items[votes.item[row]], workers[votes.worker[row]], renamed[votes.label[row]])
    assert figures(agreement(other)) == pytest.approx(figures(agreement(votes)))


def test_a_batch_counted_twice_says_the_same_more_surely() -> None:
    votes = votes_of_counts(PSYCHIATRISTS)
    twice = votes_of_counts(PSYCHIATRISTS * 2)
    once, again = figures(agreement(votes)), figures(agreement(twice))
    assert again[:2, 0] == pytest.approx(once[:2, 0])
    assert again[:, 1] == pytest.approx(once[:, 1] / math.sqrt(2), rel=0.02)


def test_ten_workers_who_did_everything_leave_more_doubt_than_strangers() -> None:
    crowd = simulated(Crowd(500, 10, uneven=0.0), np.random.default_rng(5))
    strangers = Votes.of(crowd.item, np.arange(len(crowd)), crowd.label)
    known, unknown = figures(agreement(crowd)), figures(agreement(strangers))
    assert known[:, 0] == pytest.approx(unknown[:, 0])
    assert (known[:, 1] > 2 * unknown[:, 1]).all()


def test_where_all_items_agree_alike_coefficients_are_as_uncertain_as_percent_agreement() -> None:
    """Fifty Items of three against two, by a Worker for each answer: no Item differs from another."""
    item, label = np.repeat(np.arange(50), 5), np.tile([0, 0, 0, 1, 1], 50)
    label[125:] = 1 - label[125:]
    found = agreement(Votes.of(item, np.arange(250), label))
    assert isinstance(found.percent, Estimate)
    assert isinstance(found.kappa, Estimate)
    assert isinstance(found.alpha, Estimate)
    low, high = found.percent.interval.low, found.percent.interval.high
    assert (found.percent.value, found.kappa.value) == pytest.approx((0.4, -0.2))
    assert found.kappa.interval.low == pytest.approx(max(2 * low - 1, -0.25))
    assert found.kappa.interval.high == pytest.approx(2 * high - 1)
    assert found.alpha.interval.low < found.alpha.value < found.alpha.interval.high
