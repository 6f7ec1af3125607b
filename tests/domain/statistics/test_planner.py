from decimal import Decimal

import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.pricing import batch_cost
from app.domain.statistics.planner import Pilot, Terms, pilot_of, plan
from app.domain.statistics.study_table import Scope, line_of_votes
from app.errors import InvalidInput

TERMS = Terms(reward_usd=Decimal("0.05"))


def voted(rng: np.random.Generator, *, items: int, answers: int, workers: int, careless: float) -> Votes:
    """Items of many kinds; the careless Workers pick any answer two times of three."""
    shares = rng.dirichlet([1.2, 0.6, 0.1, 0.2], items)
    who = np.argsort(rng.random((items, workers)), axis=1)[:, :answers].ravel()
    care = np.where(rng.random(workers) < careless, 1 / 3, 1.0)[who][:, None]
    chance = care * np.repeat(shares, answers, axis=0) + (1 - care) / 4
    label = (chance.cumsum(axis=1) < rng.random((len(who), 1))).sum(axis=1).clip(0, 3)
    return Votes.of(np.repeat(np.arange(items), answers), who, label, items=items, workers=workers, labels=4)


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return pilot_of(voted(np.random.default_rng(1), items=1500, answers=5, workers=300, careless=0.2))


def test_half_the_width_takes_four_times_the_items(pilot: Pilot) -> None:
    wide, narrow = (plan(pilot, TERMS, width=width, answers=[5]).alternatives[0] for width in (0.10, 0.05))
    assert wide.items is not None
    assert narrow.items is not None
    assert narrow.items == pytest.approx(4 * wide.items, rel=0.02)
    assert narrow.width <= 0.05


def test_each_alternative_is_the_least_number_of_items(pilot: Pilot) -> None:
    for row in plan(pilot, TERMS, width=0.05).alternatives:
        assert row.items is not None
        assert 0.0499 < row.width <= 0.05


def test_the_cost_is_that_of_the_hits_with_their_fees(pilot: Pilot) -> None:
    terms = Terms(reward_usd=Decimal("0.10"), items_per_hit=10)
    row = plan(pilot, terms, width=0.05, answers=[5]).alternatives[0]
    assert row.items is not None
    assert row.cost == batch_cost(hits=-(-row.items // 10), reward_usd=Decimal("0.10"), assignments_per_hit=5)


def test_a_plan_for_masters_counts_their_fee(pilot: Pilot) -> None:
    row = plan(pilot, Terms(reward_usd=Decimal("0.50"), masters=True), width=0.05, answers=[5]).alternatives[0]
    assert row.items is not None
    assert row.cost == batch_cost(hits=row.items, reward_usd=Decimal("0.50"), assignments_per_hit=5, masters=True)


def test_ten_answers_cost_the_higher_fee(pilot: Pilot) -> None:
    nine, ten = plan(pilot, Terms(reward_usd=Decimal("1.00")), width=0.05, answers=[9, 10]).alternatives
    assert nine.cost is not None
    assert ten.cost is not None
    assert ten.cost.fee_usd / ten.cost.reward_usd == 2 * nine.cost.fee_usd / nine.cost.reward_usd


def test_more_answers_make_a_verdict_that_another_panel_would_repeat(pilot: Pilot) -> None:
    again = [row.same_again for row in plan(pilot, TERMS, width=0.05, answers=[1, 3, 5, 7, 9]).alternatives]
    assert again == sorted(again)


def test_the_cheapest_is_taken_of_those_whose_verdicts_hold(pilot: Pilot) -> None:
    any_way = plan(pilot, TERMS, width=0.05, answers=[3, 5, 9])
    firm = plan(pilot, TERMS, width=0.05, answers=[3, 5, 9], least_same_again=any_way.alternatives[1].same_again)
    assert any_way.cheapest is any_way.alternatives[0]
    assert firm.cheapest is firm.alternatives[1]
    assert plan(pilot, TERMS, width=0.05, least_same_again=1.0).cheapest is None


def test_checking_all_suspects_leaves_the_panels_luck_alone(pilot: Pilot) -> None:
    endless = plan(pilot, TERMS, width=0.06, answers=[5]).alternatives[0]
    few = plan(pilot, Terms(reward_usd=Decimal("0.05"), suspects=1000), width=0.06, answers=[5]).alternatives[0]
    assert endless.items is not None
    assert few.items is not None
    assert few.items < 0.8 * endless.items


def test_what_cannot_be_reached_says_how_near_it_comes(pilot: Pilot) -> None:
    row = plan(pilot, Terms(reward_usd=Decimal("0.05"), suspects=100), width=0.01, answers=[5]).alternatives[0]
    assert (row.items, row.cost) == (None, None)
    assert 0.01 < row.width < 0.2
    # However many Items: twelve Workers are twelve Workers.
    crowd = plan(pilot, Terms(reward_usd=Decimal("0.05"), workers=12), width=0.02, answers=[5])
    assert crowd.alternatives[0].items is None
    assert crowd.cheapest is None
    assert crowd.alternatives[0].width > 0.02


def test_workers_who_answer_more_tell_less(pilot: Pilot) -> None:
    rows = [
        plan(pilot, Terms(reward_usd=Decimal("0.05"), answers_per_worker=load), width=0.06, answers=[5]).alternatives[0]
        for load in (1, 20, 100)
    ]
    items = [row.items or 0 for row in rows]
    assert items == sorted(items)
    assert items[0] < items[2]


def test_a_pilot_in_which_nobody_answered_twice_says_so() -> None:
    votes = Votes.of(np.repeat(np.arange(4), 2), np.arange(8), np.array([0, 0, 1, 1, 0, 1, 0, 0]), labels=4)
    assert not plan(pilot_of(votes), TERMS, width=0.1).workers_known


@pytest.mark.parametrize(
    ("terms", "width", "answers", "field"),
    [
        (TERMS, 0.0, [5], "width"),
        (TERMS, 1.0, [5], "width"),
        (TERMS, float("nan"), [5], "width"),
        (TERMS, 0.1, [], "answers"),
        (TERMS, 0.1, [0], "answers"),
        (Terms(reward_usd=Decimal("0.05"), items_per_hit=0), 0.1, [5], "items_per_hit"),
        (Terms(reward_usd=Decimal("0.05"), suspects=0), 0.1, [5], "suspects"),
        (Terms(reward_usd=Decimal("0.05"), answers_per_worker=0.5), 0.1, [5], "answers_per_worker"),
        (Terms(reward_usd=Decimal("0.05"), workers=4), 0.1, [5], "workers"),
    ],
)
def test_what_cannot_be_planned_is_named(
    pilot: Pilot, terms: Terms, width: float, answers: list[int], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan(pilot, terms, width=width, answers=answers)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_pilot_with_other_labels_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2 labels"):
        pilot_of(Votes.of(np.array([0, 0, 1]), np.arange(3), np.array([0, 1, 1])))


@pytest.mark.parametrize(("suspects", "careless", "answers"), [(None, 0.2, 5), (None, 0.0, 3), (1200, 0.2, 5)])
def test_what_was_planned_is_what_comes_out(suspects: int | None, careless: float, answers: int) -> None:
    rng = np.random.default_rng(3)
    known = pilot_of(voted(rng, items=1500, answers=5, workers=300, careless=careless))
    terms = Terms(reward_usd=Decimal("0.05"), suspects=suspects, workers=60)
    row = plan(known, terms, width=0.1, answers=[answers]).alternatives[0]
    assert row.items is not None
    lines = [
        line_of_votes(
            "planned",
            voted(rng, items=row.items, answers=answers, workers=60, careless=careless),
            quorum_size=row.quorum,
            scope=Scope(suspects or 1_000_000),
        )
        for _ in range(12)
    ]
    assert np.mean([line.error_share.interval.width for line in lines]) == pytest.approx(0.1, rel=0.12)
    assert np.mean([line.error_share.value for line in lines]) == pytest.approx(row.error_share, abs=0.04)
