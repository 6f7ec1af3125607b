import numpy as np
import pytest

from app.domain.consensus.counted import votes_of_counts
from app.domain.consensus.methods import METHODS, aggregate
from app.domain.consensus.outcome import NONE_WON
from app.errors import InvalidInput

COUNTS = np.array([[3, 2, 0, 0], [0, 5, 0, 0], [2, 2, 0, 1], [0, 0, 0, 0]])


def test_counts_become_votes_with_the_same_counts() -> None:
    assert votes_of_counts(COUNTS).counts().tolist() == COUNTS.tolist()


@pytest.mark.parametrize("name", [method.name for method in METHODS if not method.needs_pred_probs])
def test_every_method_has_a_result_for_counts_alone(name: str) -> None:
    found = aggregate(votes_of_counts(COUNTS), name)
    assert found.label[[1, 3]].tolist() == [1, NONE_WON]
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("counts", [np.array([1, 2]), np.array([[0.5, 1.0]]), np.array([[-1, 2]])])
def test_what_are_no_counts_is_refused(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    with pytest.raises(InvalidInput, match="wanted counts, items x labels"):
        votes_of_counts(counts)
