import numpy as np

from app.domain.consensus.glad import glad
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, crowd_of


def test_it_tells_who_is_able() -> None:
    ability = glad(crowd_of([ADA] * 4 + [BOB] * 4 + [MALLORY] * 4, items=200).votes).ability
    assert ability[:4].min() > ability[4:8].max() > ability[8:].max()


def test_an_item_on_which_the_able_differ_is_harder_than_one_on_which_they_agree() -> None:
    crowd = crowd_of([ADA] * 8, items=100, per_item=6, labels=3)
    said = crowd.votes.label.copy()
    disputed = crowd.votes.item == 0
    said[disputed] = np.arange(disputed.sum()) % 3
    ease = glad(Votes.of(crowd.votes.item, crowd.votes.worker, said)).ease
    assert ease[0] < np.quantile(ease, 0.1)
