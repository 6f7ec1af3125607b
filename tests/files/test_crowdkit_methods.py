import sys

import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.errors import InvalidInput
from app.files.crowdkit_methods import aggregate_by_crowdkit, is_crowdkit
from tests.domain.consensus.crowds import ADA, BOB, accuracy, crowd_of

CROWD = crowd_of([ADA] * 6 + [BOB] * 4, items=120, labels=2)


def test_a_method_of_crowd_kit_is_named_with_its_prefix() -> None:
    assert is_crowdkit("CrowdKit:GLAD")
    assert not is_crowdkit("glad")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["MajorityVote", "wawa", "ZeroBasedSkill", "dawid-skene", "MMSR", "KOS"])
def test_crowd_kits_methods_give_outcomes(name: str) -> None:
    pytest.importorskip("crowdkit")
    found = aggregate_by_crowdkit(CROWD.votes, f"crowdkit:{name}")
    assert found.method.startswith("crowdkit:")
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(CROWD.votes.items))
    assert (found.posterior > 0).all()
    assert accuracy(found, CROWD.true) > 0.85


@pytest.mark.filterwarnings("ignore")
def test_items_without_votes_and_labels_that_nobody_chose_stay_in_the_result() -> None:
    pytest.importorskip("crowdkit")
    votes = Votes.of(np.array([0, 0, 2]), np.array([0, 1, 0]), np.array([1, 1, 0]), items=4, labels=3)
    found = aggregate_by_crowdkit(votes, "MajorityVote")
    assert found.label.tolist() == [1, -1, 0, -1]
    assert found.posterior.shape == (4, 3)


def test_an_unknown_method_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        InvalidInput, match=r"crowd-kit has no method 'ROVER' for this; there are crowdkit:MajorityVote"
    ):
        aggregate_by_crowdkit(CROWD.votes, "crowdkit:ROVER")


def test_where_crowd_kit_is_absent_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(InvalidInput, match=r"pip install 'labeljury\[crowdkit\]'"):
        aggregate_by_crowdkit(CROWD.votes, "crowdkit:GLAD")


def test_kos_decides_between_two_labels_only() -> None:
    pytest.importorskip("crowdkit")
    with pytest.raises(InvalidInput, match="two labels, there are 4"):
        aggregate_by_crowdkit(crowd_of([ADA] * 5, items=5).votes, "crowdkit:KOS")
