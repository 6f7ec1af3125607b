import numpy as np
import pytest

from app.domain.consensus.families import NO_FAMILY, as_voices, families_of
from app.domain.consensus.methods import aggregate
from app.domain.consensus.plurality import plurality
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput
from tests.domain.consensus.crowds import ADA, BOB, Crowd, accuracy, crowd_of


def with_copies(copies: int, seed: int = 5) -> Crowd:
    """Eight people of whom five answer each Item, and three raters who each repeat what one of them said."""
    crowd = crowd_of([ADA] * 3 + [BOB] * 5, items=400, seed=seed)
    votes, rng = crowd.votes, np.random.default_rng(seed)
    script = np.where(rng.random(400) < 0.55, crowd.true, rng.integers(0, 4, 400))
    item = np.concatenate([votes.item, np.tile(np.arange(400), copies)])
    worker = np.concatenate([votes.worker, np.repeat(8 + np.arange(copies), 400)])
    slips = np.where(rng.random(400 * copies) < 0.1, rng.integers(0, 4, 400 * copies), np.tile(script, copies))
    label = np.concatenate([votes.label, slips])
    return Crowd(Votes.of(item, worker, label, labels=4), crowd.true)


def test_a_family_says_what_most_of_its_members_said_and_nothing_where_they_are_split() -> None:
    votes = Votes.of(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 0, 1]), np.array([1, 1, 0, 0, 0, 1]), labels=2)
    merged, voice = as_voices(votes, np.array([7, 7, 7, NO_FAMILY]))
    assert voice.tolist() == [0, 0, 0, 1]
    assert sorted(zip(merged.item, merged.worker, merged.label, strict=True)) == [(0, 0, 1), (0, 1, 0)]


def test_without_families_every_worker_is_a_voice() -> None:
    votes = with_copies(0).votes
    merged, voice = as_voices(votes, np.full(votes.workers, NO_FAMILY))
    assert voice.tolist() == list(range(votes.workers))
    assert merged.counts().tolist() == votes.counts().tolist()


def test_a_family_of_one_script_is_found_and_honest_workers_are_not_accused() -> None:
    crowd = with_copies(3)
    label = plurality(crowd.votes).label
    found = families_of(crowd.votes, label)
    assert found[8:].tolist() == [0, 0, 0]
    assert (found[:8] == NO_FAMILY).all()


def test_a_family_counts_as_one_voice_when_named() -> None:
    crowd = with_copies(4)
    families = np.where(np.arange(crowd.votes.workers) >= 8, 0, NO_FAMILY)
    plain, told = aggregate(crowd.votes), aggregate(crowd.votes, families=families)
    assert accuracy(told, crowd.true) > accuracy(plain, crowd.true) + 0.03
    assert told.worker_accuracy is not None
    assert told.worker_accuracy.shape == (crowd.votes.workers,)
    assert len(set(told.worker_accuracy[8:].tolist())) == 1
    assert "the workers of a family count as one voice" in told.notes


def test_items_that_everybody_gets_wrong_alike_accuse_nobody() -> None:
    rng = np.random.default_rng(2)
    item, worker = np.repeat(np.arange(300), 7), np.tile(np.arange(7), 300)
    trap = item % 5 == 0
    said = np.where(trap & (rng.random(2100) < 0.45), 1, 0)
    votes = Votes.of(item, worker, said, labels=2)
    assert set(families_of(votes, np.zeros(300, dtype=np.int64))) == {NO_FAMILY}


def test_families_for_another_number_of_workers_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"families: wanted 8 workers, got \(3,\)"):
        aggregate(with_copies(0).votes, families=np.array([0, 0, 1]))
