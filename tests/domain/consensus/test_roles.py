import numpy as np
import pytest

from app.domain.consensus.methods import aggregate
from app.domain.consensus.outcome import Labels
from app.domain.consensus.roles import as_classes, as_roles
from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.vocabulary import Option
from app.errors import InvalidInput

GIVEN, GUESSED, BOTH, NEITHER = (
    OPTIONS.index(option) for option in (Option.GIVEN, Option.GUESSED, Option.BOTH, Option.NEITHER)
)


def test_given_and_guessed_become_the_classes_they_name() -> None:
    votes = Votes.of(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([GIVEN, GUESSED, BOTH, NEITHER]), labels=4
    )
    found = as_classes(votes, np.array([2, 0]), np.array([1, 1]), classes=3)
    assert found.label.tolist() == [2, 1, 3, 4]
    assert found.labels == 5


def test_a_posterior_over_classes_is_read_as_roles_and_what_is_not_on_offer_is_neither() -> None:
    roles = as_roles(np.array([[0.5, 0.2, 0.1, 0.15, 0.05]]), np.array([1]), np.array([0]))[0]
    assert roles[[GIVEN, GUESSED, BOTH, NEITHER]] == pytest.approx([0.2, 0.5, 0.15, 0.15])


def test_where_given_and_guessed_are_one_class_it_is_given() -> None:
    roles = as_roles(np.array([[0.7, 0.1, 0.1, 0.1]]), np.array([0]), np.array([0]))[0]
    assert roles[[GIVEN, GUESSED]] == pytest.approx([0.7, 0.0])
    assert roles.sum() == pytest.approx(1)


def test_which_classes_a_worker_confuses_is_learnt_on_classes_and_evens_out_on_roles() -> None:
    """Two of five call every 0 a 1, whichever of the two is given."""
    rng = np.random.default_rng(4)
    true = rng.integers(0, 3, 900)
    other = (true + rng.integers(1, 3, 900)) % 3
    given = np.where(rng.random(900) < 0.5, true, other)
    guessed = np.where(given == true, other, true)
    item, worker = np.repeat(np.arange(900), 5), np.tile(np.arange(5), 900)
    confused = (worker >= 3) & (true[item] == 0) & ((given[item] == 1) | (guessed[item] == 1))
    thought = np.where(confused, 1, true[item])
    slip = rng.random(4500) < 0.1
    votes = Votes.of(item, worker, np.where((thought == given[item]) != slip, GIVEN, GUESSED), labels=4)

    on_roles, on_classes = aggregate(votes, "ds"), aggregate(as_classes(votes, given, guessed, classes=3), "ds")
    assert on_roles.confusion is not None
    assert on_classes.confusion is not None
    assert on_classes.confusion[3:, 0, 1].min() > 0.3
    assert on_classes.confusion[:3, 0, 1].max() < 0.15
    assert np.ptp([on_roles.confusion[3:, GIVEN, GUESSED], on_roles.confusion[3:, GUESSED, GIVEN]]) < 0.1


@pytest.mark.parametrize("given", [np.array([0]), np.array([0, 3]), np.array([-1, 0])])
def test_classes_that_do_not_fit_the_items_are_refused(given: Labels) -> None:
    votes = Votes.of(np.array([0, 1]), np.array([0, 0]), np.array([GIVEN, BOTH]), labels=4)
    with pytest.raises(InvalidInput, match="given: wanted 2 classes below 3"):
        as_classes(votes, given, np.array([1, 1]), classes=3)


def test_other_labels_than_the_roles_are_refused() -> None:
    with pytest.raises(InvalidInput, match="wanted the 4 roles, got 2 labels"):
        as_classes(Votes.of(np.array([0]), np.array([0]), np.array([1])), np.array([0]), np.array([1]), classes=2)
