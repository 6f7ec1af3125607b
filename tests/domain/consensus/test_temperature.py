import numpy as np
import pytest

from app.domain.consensus.log_space import FLOOR, floored, normalised, tempered
from app.domain.consensus.methods import aggregate
from app.domain.consensus.outcome import Floats, Labels
from app.domain.consensus.temperature import gold_temperature
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput
from tests.domain.consensus.crowds import ADA, BOB, crowd_of


def calibrated(items: int) -> tuple[Floats, Labels]:
    """Posteriors and true labels drawn from them."""
    rng = np.random.default_rng(9)
    posterior = rng.dirichlet(np.full(3, 0.7), items)
    true = (posterior.cumsum(axis=1) < rng.random(items)[:, None]).sum(axis=1)
    return posterior, true


def test_a_posterior_that_is_twice_too_sure_is_told_so_by_gold_items() -> None:
    posterior, true = calibrated(2_000)
    assert gold_temperature(tempered(posterior, 0.5), true) == pytest.approx(2.0, rel=0.15)
    assert gold_temperature(posterior, true) == pytest.approx(1.0, rel=0.15)


def test_fewer_than_fifty_gold_items_say_nothing() -> None:
    posterior, true = calibrated(100)
    true[49:] = -1
    assert gold_temperature(posterior, true) is None


def test_gold_items_change_how_sure_a_result_is_and_not_what_it_says() -> None:
    crowd = crowd_of([ADA] * 6 + [BOB] * 6)
    gold = np.where(np.arange(len(crowd.true)) < 80, crowd.true, -1)
    plain, told = aggregate(crowd.votes), aggregate(crowd.votes, gold=gold)
    assert told.label.tolist() == plain.label.tolist()
    assert any("fitted on 80 gold items" in note for note in told.notes)
    rest = np.arange(80, len(crowd.true))
    loss = [-np.log(found.posterior[rest, crowd.true[rest]]).mean() for found in (plain, told)]
    assert loss[1] < loss[0]


def test_too_few_gold_items_are_said_to_be_too_few() -> None:
    crowd = crowd_of([ADA] * 6 + [BOB] * 6)
    told = aggregate(crowd.votes, gold=np.where(np.arange(len(crowd.true)) < 10, crowd.true, -1))
    assert told.notes[-1] == "gold items: 10, of 50 that a temperature needs, so none was fitted on them"


def test_votes_counted_twice_as_if_independent_are_seen_in_held_out_votes() -> None:
    """Each Worker's double says the same of each Item: a model that takes them for two is too sure."""
    votes = crowd_of([BOB] * 12, items=300, per_item=6).votes
    doubled = Votes.of(
        np.tile(votes.item, 2),
        np.concatenate([votes.worker, votes.worker + votes.workers]),
        np.tile(votes.label, 2),
        labels=votes.labels,
    )
    single, double = aggregate(votes, "one-coin"), aggregate(doubled, "one-coin")
    assert temperature_of(single.notes) < 1.4
    assert temperature_of(double.notes) > 1.4


def test_of_many_votes_the_held_out_ones_hang_on_what_was_said_and_not_on_the_items_numbers() -> None:
    """So many votes that not all are looked at; every fourth Item draws everybody to one wrong label."""
    rng = np.random.default_rng(2)
    items, workers, each = 60_000, 40, 4
    true, hard = rng.integers(0, 3, items), np.arange(items) % 4 == 0
    item = np.repeat(np.arange(items), each)
    right = rng.random(len(item)) < np.where(hard, 0.45, 0.95)[item]
    label = np.where(right, true[item], (true[item] + 1) % 3)
    worker, renumbered = rng.integers(0, workers, len(item)), rng.permutation(items)
    found = aggregate(Votes.of(item, worker, label), "one-coin")
    again = aggregate(Votes.of(renumbered[item], worker, label), "one-coin")
    assert temperature_of(found.notes) > 1.2
    assert again.posterior[renumbered] == pytest.approx(found.posterior, abs=1e-9)


def temperature_of(notes: tuple[str, ...]) -> float:
    return next(float(note.split()[1].rstrip(",")) for note in notes if note.startswith("temperature"))


@pytest.mark.parametrize("gold", [np.array([0, 1]), np.full(400, 4), np.full(400, -2)])
def test_gold_labels_that_do_not_fit_the_items_are_refused(gold: Labels) -> None:
    with pytest.raises(InvalidInput, match="gold: wanted 400 labels below 4"):
        aggregate(crowd_of([ADA] * 6).votes, gold=gold)


def test_log_scores_of_any_size_become_probabilities() -> None:
    found = normalised(np.array([[-1e5, -1e5 + np.log(3)], [1e5, -1e5]]))
    assert found == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0]]))


def test_nothing_is_said_to_be_impossible() -> None:
    found = floored(np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert found[0, 1] == pytest.approx(FLOOR, rel=1e-3)
    assert found.sum(axis=1) == pytest.approx([1, 1])
