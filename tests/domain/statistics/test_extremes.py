"""Every statistic on votes that are no crowd's: a result without a warning, or an error that says what is missing."""

from collections.abc import Callable

import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.agreement import agreement
from app.domain.statistics.anchoring import anchoring
from app.domain.statistics.copying import copy_groups, copy_pairs
from app.domain.statistics.item_shares import shares
from app.domain.statistics.position_bias import position_bias
from app.domain.statistics.speed import speed
from app.domain.statistics.straight_lining import straight_lining
from app.domain.statistics.worker_accuracy import (
    accuracy_against_others,
    accuracy_on_gold,
    confusion_against_others,
)
from app.errors import InvalidInput

NONE = np.zeros(0, dtype=np.int64)
MANY, CROWD = np.arange(1_000_000), np.arange(10_000)

EXTREMES = {
    "one Response": Votes.of(np.array([0]), np.array([0]), np.array([2])),
    "one Worker on a million Items": Votes.of(MANY, MANY * 0, MANY % 4),
    "ten thousand Workers on one Item": Votes.of(CROWD * 0, CROWD, CROWD % 3),
    "ten thousand Workers of one answer": Votes.of(CROWD // 5, CROWD, CROWD % 3),
    "all the same answer": Votes.of(np.repeat(np.arange(50), 5), np.tile(np.arange(5), 50), np.zeros(250, dtype=int)),
    "one Worker thrice on one Item": Votes.of(np.zeros(3, dtype=int), np.zeros(3, dtype=int), np.array([0, 1, 1])),
    "labels, Items and Workers without answers": Votes.of(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0, 0, 0]), items=5, workers=9, labels=7
    ),
}
WITHOUT = {
    "nothing at all": Votes.of(NONE, NONE, NONE),
    "nothing, of known sizes": Votes.of(NONE, NONE, NONE, items=3, workers=2, labels=4),
}

BY_WORKER: dict[str, Callable[[Votes], object]] = {
    "accuracy on gold": lambda votes: accuracy_on_gold(votes, np.full(votes.items, -1)),
    "accuracy against others": accuracy_against_others,
    "confusion": confusion_against_others,
    "speed": lambda votes: speed(votes.worker, np.full(len(votes), np.nan), workers=votes.workers),
    "straight-lining": lambda votes: straight_lining(votes, np.arange(len(votes))),
    "position bias": lambda votes: position_bias(votes, votes.label * 0, votes.label * 0 + 1),
    "anchoring": lambda votes: anchoring(votes, np.arange(len(votes))),
    "copying": lambda votes: copy_groups(votes, copy_pairs(votes)),
}
OF_ALL: dict[str, Callable[[Votes], object]] = {
    "agreement": agreement,
    "shares": lambda votes: shares(votes, lambda counts: (counts >= 3).astype(float)),
}


@pytest.mark.parametrize("votes", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("statistic", [*BY_WORKER.values(), *OF_ALL.values()], ids=[*BY_WORKER, *OF_ALL])
def test_a_result_without_a_warning(statistic: Callable[[Votes], object], votes: Votes) -> None:
    assert statistic(votes) is not None


@pytest.mark.parametrize("votes", WITHOUT.values(), ids=WITHOUT)
def test_without_responses_workers_have_nothing_to_show_and_the_whole_has_no_figure(votes: Votes) -> None:
    for statistic in BY_WORKER.values():
        assert statistic(votes) is not None
    for whole in OF_ALL.values():
        with pytest.raises(InvalidInput, match="no Responses"):
            whole(votes)
