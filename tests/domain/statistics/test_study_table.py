import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.categories import CategoryTable, tabulate
from app.domain.statistics.study_table import (
    Basis,
    Scope,
    StudyLine,
    line_of_categories,
    line_of_counts,
    line_of_votes,
    total_of,
)
from app.domain.vocabulary import Category
from app.errors import InvalidInput

OPTIONS = ("given", "guessed", "both", "neither", "neutral", "off-topic")
DATASET_SIZES = {"mnist": 10_000, "cifar10": 10_000, "20news": 7_532, "imdb": 25_000}


def of_the_study(study: Path, name: str) -> StudyLine:
    found = [item["mturk"] for item in json.loads((study / f"{name}_mturk.json").read_text())]
    counts = np.array([[votes.get(option, 0) for option in OPTIONS] for votes in found])
    return line_of_counts(name, counts, quorum_size=3, scope=Scope(None, DATASET_SIZES[name]))


def voted(rng: np.random.Generator, shares: np.ndarray, *, workers: int, careless: float = 0.0) -> Votes:
    """Five Workers an Item; the careless ones pick any answer two times of three."""
    count = len(shares)
    who = np.argsort(rng.random((count, workers)), axis=1)[:, :5].ravel()
    care = np.where(rng.random(workers) < careless, 1 / 3, 1.0)[who][:, None]
    chance = care * np.repeat(shares, 5, axis=0) + (1 - care) / 4
    label = (chance.cumsum(axis=1) < rng.random((5 * count, 1))).sum(axis=1).clip(0, 3)
    return Votes.of(np.repeat(np.arange(count), 5), who, label, items=count, workers=workers, labels=4)


@pytest.mark.parametrize(
    ("name", "row", "percent"),
    [
        ("mnist", CategoryTable(100, 85, 2, 10, 0, 3), 0.15),
        ("cifar10", CategoryTable(275, 221, 32, 18, 0, 4), 0.54),
        ("20news", CategoryTable(93, 11, 43, 22, 12, 5), 1.09),
        ("imdb", CategoryTable(1310, 585, 552, 173, 0, 0), 2.90),
    ],
)
def test_the_studys_table_with_its_error_rates(study: Path, name: str, row: CategoryTable, percent: float) -> None:
    line = of_the_study(study, name)
    assert line.table == row
    assert line.error_rate is not None
    assert round(100 * line.error_rate.value, 2) == percent
    assert line.error_rate.interval.low < line.error_rate.value < line.error_rate.interval.high
    assert line.basis is Basis.ANSWERS


def test_what_was_checked_in_part_stands_for_all_suspects() -> None:
    counts = np.array([[5, 0, 0, 0]] * 40 + [[0, 5, 0, 0]] * 60)
    line = line_of_counts("reviews", counts, quorum_size=3, scope=Scope(5_000, 100_000))
    assert math.isclose(line.estimated_errors.value, 3_000)
    assert line.error_rate is not None
    assert math.isclose(line.error_rate.value, 0.03)
    assert math.isclose(line.error_rate.interval.high, line.error_share.interval.high * 0.05)
    assert line.share(Category.CORRECTABLE).value == 0.6


def test_where_all_suspects_are_checked_only_the_panels_luck_is_left() -> None:
    rng = np.random.default_rng(1)
    counts = np.array([rng.multinomial(5, row) for row in rng.dirichlet([0.5, 0.3, 0.1, 0.1], 200)])
    widths = [
        line_of_counts("a", counts, quorum_size=3, scope=Scope(suspects)).error_share.interval.width
        for suspects in (200, 400, 100_000)
    ]
    assert widths == sorted(widths)
    assert 0 < widths[0] < 0.8 * widths[2]


def test_a_category_that_was_not_seen_is_not_known_to_be_absent() -> None:
    counts = np.array([[5, 0, 0, 0]] * 20 + [[1, 4, 0, 0]] * 20)
    share = line_of_counts("a", counts, quorum_size=3, scope=Scope(10_000)).share(Category.MULTI_LABEL)
    assert (share.value, share.interval.low) == (0.0, 0.0)
    assert share.interval.high > 0.05


def test_workers_who_answer_many_items_widen_the_intervals() -> None:
    rng = np.random.default_rng(2)
    votes = voted(rng, np.tile([0.85, 0.05, 0.05, 0.05], (300, 1)), workers=20, careless=0.3)
    with_workers = line_of_votes("a", votes, quorum_size=3, scope=Scope(30_000))
    without = line_of_counts("a", votes.counts(), quorum_size=3, scope=Scope(30_000))
    assert (with_workers.basis, without.basis) == (Basis.WORKERS, Basis.ANSWERS)
    assert with_workers.table == without.table
    assert with_workers.error_share.interval.width > 1.5 * without.error_share.interval.width


def test_what_one_worker_says_does_not_show_how_workers_differ() -> None:
    alone = Votes.of(np.arange(6), np.zeros(6, int), np.array([0, 0, 1, 1, 2, 3]), labels=4)
    once = Votes.of(np.arange(6), np.arange(6), np.array([0, 0, 1, 1, 2, 3]), labels=4)
    for votes in (alone, once):
        line = line_of_votes("a", votes, quorum_size=1)
        assert line.basis is Basis.ANSWERS
        assert line.table == CategoryTable(6, 2, 0, 2, 1, 1)


def test_items_that_nobody_answered_are_not_checked() -> None:
    counts = np.array([[5, 0, 0, 0], [0, 4, 1, 0], [0, 0, 0, 0]])
    line = line_of_counts("a", counts, quorum_size=3)
    assert (line.table.checked, line.unanswered, line.suspects) == (2, 1, 3)
    assert line.estimated_errors.value == 1.5


def test_one_response_is_worth_hardly_anything_and_says_so() -> None:
    line = line_of_counts("a", np.array([[0, 1, 0, 0]]), quorum_size=1, scope=Scope(100))
    assert line.error_share.value == 1.0
    assert line.error_share.interval.low < 0.3


@pytest.mark.parametrize("items", [1, 2])
def test_a_set_of_one_or_two_items_says_hardly_anything_of_another_panel(items: int) -> None:
    line = line_of_counts("a", np.array([[5, 0, 0, 0]] * items), quorum_size=3)
    assert line.error_share.value == 0.0
    assert line.error_share.interval.high > 0.5


def test_an_other_answer_that_reaches_the_quorum_bars_any_but_the_given_label() -> None:
    counts = np.array([[0, 3, 0, 0, 3], [3, 0, 0, 0, 3], [0, 3, 0, 0, 2]])
    table = line_of_counts("a", counts, quorum_size=3).table
    assert (table.non_agreement, table.non_errors, table.correctable) == (1, 1, 1)


def test_items_sorted_elsewhere_have_a_line_too(study: Path) -> None:
    # AudioSet's 275 errors are not subdivided.
    table = tabulate({Category.NON_ERROR: 32, Category.NON_AGREEMENT: 275})
    line = line_of_categories("audioset", table, scope=Scope(None, 20_371))
    assert line.error_rate is not None
    assert round(100 * line.error_rate.value, 2) == 1.35
    assert (line.basis, line.same_again) == (Basis.ITEMS, None)
    total = total_of([line, *(of_the_study(study, name) for name in DATASET_SIZES)])
    assert (total.table.checked, total.table.errors) == (2085, 1151)


def test_lines_add_up_and_their_mean_is_the_studys_average() -> None:
    half = line_of_counts("a", np.array([[5, 0, 0, 0], [0, 5, 0, 0]] * 20), quorum_size=3, scope=Scope(40, 400))
    all_wrong = line_of_counts("b", np.array([[0, 5, 0, 0]] * 30), quorum_size=3, scope=Scope(300, 600))
    total = total_of([half, all_wrong])
    assert (total.table.checked, total.table.errors, total.suspects, total.dataset_size) == (70, 50, 340, 1000)
    assert total.estimated_errors.value == 20 + 300
    assert total.error_rate is not None
    assert total.mean_error_rate is not None
    assert math.isclose(total.error_rate.value, 0.32)
    assert math.isclose(total.mean_error_rate.value, (0.05 + 0.5) / 2)
    unknown = line_of_counts("c", np.array([[5, 0, 0, 0]]), quorum_size=3)
    assert total_of([half, unknown]).error_rate is None


def test_the_order_of_items_and_the_names_of_workers_mean_nothing() -> None:
    rng = np.random.default_rng(3)
    votes = voted(rng, rng.dirichlet([1, 1, 0.3, 0.3], 80), workers=12)
    order, names = rng.permutation(len(votes)), rng.permutation(12)
    again = Votes.of(votes.item[order], names[votes.worker[order]], votes.label[order], items=80, workers=12, labels=4)
    one, other = line_of_votes("a", votes, quorum_size=3), line_of_votes("a", again, quorum_size=3)
    assert one.table == other.table
    assert math.isclose(one.error_share.interval.low, other.error_share.interval.low)


@pytest.mark.parametrize(
    ("counts", "scope", "says"),
    [
        (np.zeros((3, 4), int), Scope(), "a: nobody answered"),
        (np.zeros((0, 4), int), Scope(), "a: nobody answered"),
        (np.array([[5, 0, 0]]), Scope(), "wanted (items, 4 or more)"),
        (np.array([[5, 0, 0, -1]]), Scope(), "wanted (items, 4 or more)"),
        (np.array([[5, 0, 0, 0]] * 3), Scope(2), "3 checked of 2 suspects"),
        (np.array([[5, 0, 0, 0]] * 3), Scope(5, 4), "3 checked of 5 suspects in 4"),
    ],
)
def test_what_has_no_line_is_named(counts: np.ndarray, scope: Scope, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        line_of_counts("a", counts, quorum_size=3, scope=scope)
    assert says in str(caught.value)


def test_no_lines_and_no_items_are_named_too() -> None:
    with pytest.raises(InvalidInput, match="no lines"):
        total_of([])
    with pytest.raises(InvalidInput, match="nothing was checked"):
        line_of_categories("a", tabulate({}))
    with pytest.raises(InvalidInput, match="2 labels"):
        line_of_votes("a", Votes.of(np.arange(2), np.arange(2), np.array([0, 1])), quorum_size=3)


# A small run of benchmarks/error_rate_coverage.py: enough to see a source of variance that is forgotten or counted twice.
@pytest.mark.parametrize(("suspects", "careless", "workers"), [(200, 0.0, 200), (2000, 0.25, 40)])
def test_intervals_hold_what_other_panels_would_find_as_often_as_they_say(
    suspects: int, careless: float, workers: int
) -> None:
    rng = np.random.default_rng(suspects + workers)
    shares = rng.dirichlet([0.8, 0.5, 0.1, 0.2], suspects)
    panels = [voted(rng, shares, workers=workers, careless=careless).counts() for _ in range(40)]
    truth = np.mean([(panel[:, 0] < 3).mean() for panel in panels])
    held = []
    for _ in range(120):
        checked = rng.choice(suspects, 200, replace=False)
        votes = voted(rng, shares[checked], workers=workers, careless=careless)
        held.append(truth in line_of_votes("a", votes, quorum_size=3, scope=Scope(suspects)).error_share.interval)
    assert 0.9 <= np.mean(held) <= 0.99


def test_items_left_early_are_as_certain_as_with_all_answers() -> None:
    rng = np.random.default_rng(1)
    said = np.where(rng.random((300, 5)) < 0.9, 0, rng.integers(1, 4, (300, 5)))
    enough = (said[:, :3] == said[:, :1]).all(axis=1)
    kept = np.ones(said.shape, dtype=bool)
    kept[enough, 3:] = False
    worker = np.argsort(rng.random((300, 60)), axis=1)[:, :5]

    def line(rows: NDArray[np.bool_], *, most: int) -> StudyLine:
        item, at = np.nonzero(rows)
        votes = Votes.of(item, worker[item, at], said[item, at], items=300, workers=60, labels=4)
        return line_of_votes("", votes, quorum_size=3, most=most, scope=Scope(300))

    whole, early, unknown = line(kept | True, most=0), line(kept, most=5), line(kept, most=0)
    assert whole.table == early.table
    assert early.same_again == pytest.approx(whole.same_again, abs=0.02)
    assert early.error_share.interval.high == pytest.approx(whole.error_share.interval.high, rel=0.2)
    # As panels of three that would have to agree, they would be far less certain than they are.
    assert unknown.error_share.interval.high > 2 * whole.error_share.interval.high
