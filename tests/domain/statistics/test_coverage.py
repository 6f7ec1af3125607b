"""Whether intervals of nominal 95 % hold the truth that often: a small simulation; the full one is benchmarks/coverage.py."""

import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.agreement import agreement
from app.domain.statistics.intervals import Estimate, wilson
from app.domain.statistics.item_shares import shares
from tests.domain.statistics.crowds import Crowd, simulated
from tests.domain.statistics.test_item_shares import quorum

STUDIES = 300
CROWD = Crowd(items=300, workers=60)


def estimates(votes: Votes) -> list[Estimate]:
    found = agreement(votes)
    assert isinstance(found.percent, Estimate)
    assert isinstance(found.alpha, Estimate)
    return [found.percent, found.alpha, *shares(votes, quorum)]


@pytest.fixture(scope="module")
def studies() -> list[list[Estimate]]:
    rng = np.random.default_rng(2026)
    return [estimates(simulated(CROWD, rng)) for _ in range(STUDIES)]


def test_intervals_hold_the_truth_as_often_as_they_say(studies: list[list[Estimate]]) -> None:
    # 300 studies know a coverage to about 1.3 points; the truth is their mean.
    for of in zip(*studies, strict=True):
        truth = float(np.mean([found.value for found in of]))
        covered = np.mean([truth in found.interval for found in of])
        assert 0.92 <= covered <= 0.98


def test_intervals_over_items_alone_would_not(studies: list[list[Estimate]]) -> None:
    for of in (list(zip(*studies, strict=True))[2], list(zip(*studies, strict=True))[6]):
        truth = float(np.mean([found.value for found in of]))
        naive = [wilson(found.value * CROWD.items, CROWD.items) for found in of]
        assert np.mean([truth in interval for interval in naive]) < 0.91
