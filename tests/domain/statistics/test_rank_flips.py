import math

import numpy as np
import pytest

from app.domain.statistics.predictions import Predictions
from app.domain.statistics.rank_flips import RankFlip, rank_flips
from app.domain.statistics.stability import TestSetLabels, noise_curve
from app.errors import InvalidInput

CORRECT, MISLABELLED = 1800, 200


def labels(correct: int = CORRECT, mislabelled: int = MISLABELLED) -> TestSetLabels:
    given = np.zeros(correct + mislabelled, dtype=np.int64)
    return TestSetLabels.of(given, np.repeat([0, 1], [correct, mislabelled]), class_count=3)


def model(rng: np.random.Generator, *, on_correct: float, on_mislabelled: float, sizes: tuple[int, int]) -> np.ndarray:
    """Class 2 wherever it errs, so that it never repeats a wrong given label."""
    truth = np.repeat([0, 1], sizes)
    right = rng.random(sum(sizes)) < np.repeat([on_correct, on_mislabelled], sizes)
    return np.where(right, truth, 2)


def flips_of(
    *columns: np.ndarray, seed: int = 1, of: TestSetLabels | None = None, replicates: int = 500
) -> list[RankFlip]:
    names = ["big", "small", "third", "fourth"][: len(columns)]
    known = Predictions.of(names, np.column_stack(columns), class_count=3)
    return rank_flips(known, of or labels(), rng=np.random.default_rng(seed), replicates=replicates)


def exactly(*, misses: int, rescued: int) -> np.ndarray:
    """A model that misses so many of the correctly labelled Items and hits the corrected label of so many others."""
    out = np.full(CORRECT + MISLABELLED, 2)
    out[: CORRECT - misses] = 0
    out[CORRECT : CORRECT + rescued] = 1
    return out


def test_a_big_model_that_leads_by_learning_mistakes_loses_its_lead_as_noise_rises() -> None:
    # On correct Items .95 against .90, on mislabelled ones .10 against .40: the lead (1 - N) .05 - N .3 is 0 at N = 1/7.
    flip = flips_of(exactly(misses=90, rescued=20), exactly(misses=180, rescued=80))[0]
    assert (flip.ahead, flip.behind) == ("big", "small")
    assert flip.crossing is not None
    assert flip.crossing_interval is not None
    assert math.isclose(flip.crossing, 0.05 / 0.35)
    assert math.isclose(flip.lead, 0.9 * 0.05 - 0.1 * 0.3)
    assert flip.crossing in flip.crossing_interval
    assert flip.flip_probability > 0.9
    assert flip.lead_probability > 0.9


def test_at_the_crossing_the_two_curves_meet() -> None:
    columns = exactly(misses=90, rescued=20), exactly(misses=180, rescued=80)
    flip = flips_of(*columns)[0]
    curve = noise_curve(Predictions.of(["big", "small"], np.column_stack(columns), class_count=3), labels(), points=2)
    assert flip.crossing is not None
    at = (flip.crossing - curve.prevalence[0]) / (1 - curve.prevalence[0])
    met = (1 - at) * curve.corrected[0] + at * curve.corrected[1]
    assert math.isclose(met[0], met[1])


def test_a_model_that_is_better_everywhere_keeps_its_place() -> None:
    flip = flips_of(exactly(misses=300, rescued=20), exactly(misses=100, rescued=90))[0]
    assert (flip.ahead, flip.crossing, flip.flip_probability) == ("small", None, 0.0)
    assert flip.crossing_interval is None


def test_two_equal_models_neither_lead_nor_flip() -> None:
    flip = flips_of(exactly(misses=100, rescued=90), exactly(misses=100, rescued=90))[0]
    assert (flip.lead, flip.lead_probability, flip.crossing, flip.flip_probability) == (0.0, 0.5, None, 0.0)


def test_of_models_equal_now_the_one_that_leads_as_noise_rises_is_named_ahead() -> None:
    flip = flips_of(exactly(misses=90, rescued=20), exactly(misses=110, rescued=40))[0]
    assert (flip.ahead, flip.lead, flip.crossing) == ("small", 0.0, None)


def test_correcting_the_labels_itself_turns_an_order_that_rested_on_mistakes() -> None:
    rng = np.random.default_rng(2)
    parrot = np.zeros(CORRECT + MISLABELLED, dtype=np.int64)  # repeats every given label
    sage = model(rng, on_correct=0.97, on_mislabelled=0.9, sizes=(CORRECT, MISLABELLED))
    flip = flips_of(parrot, sage)[0]
    assert flip.ahead == "small"
    assert flip.correction_probability == 1.0


def test_pairs_come_in_the_order_of_what_is_likely_and_whatever_the_order_of_the_models() -> None:
    columns = exactly(misses=90, rescued=20), exactly(misses=180, rescued=80), exactly(misses=20, rescued=150)
    flips = flips_of(*columns)
    assert {flips[0].ahead, flips[0].behind} == {"big", "small"}
    assert [flip.flip_probability for flip in flips] == sorted((flip.flip_probability for flip in flips), reverse=True)
    known = Predictions.of(["small", "third", "big"], np.column_stack([columns[i] for i in (1, 2, 0)]), class_count=3)
    again = rank_flips(known, labels(), rng=np.random.default_rng(9), replicates=500)
    assert [(f.ahead, f.behind, f.lead, f.crossing) for f in again] == [
        (f.ahead, f.behind, f.lead, f.crossing) for f in flips
    ]


def test_the_same_seed_gives_the_same_probabilities() -> None:
    columns = exactly(misses=90, rescued=20), exactly(misses=180, rescued=80)
    assert flips_of(*columns, seed=5) == flips_of(*columns, seed=5)


def test_one_model_has_nobody_to_change_places_with() -> None:
    assert flips_of(exactly(misses=100, rescued=90)) == []


def test_without_mislabelled_items_there_is_nothing_to_vary() -> None:
    nothing = TestSetLabels.of(np.zeros(2000, int), np.zeros(2000, int), class_count=3)
    with pytest.raises(InvalidInput, match="no Item is mislabelled"):
        flips_of(exactly(misses=100, rescued=90), exactly(misses=200, rescued=90), of=nothing)


def test_the_interval_of_a_crossing_covers_as_it_says() -> None:
    # True leads .05 and -.5 on mislabelled Items: they cross at 1/11, above the actual prevalence of 1/21.
    sizes, rng, truth = (2000, 100), np.random.default_rng(11), 0.05 / 0.55
    of, covered = labels(*sizes), []
    for seed in range(300):
        big = model(rng, on_correct=0.95, on_mislabelled=0.1, sizes=sizes)
        small = model(rng, on_correct=0.90, on_mislabelled=0.6, sizes=sizes)
        flip = flips_of(big, small, seed=seed, of=of, replicates=400)[0]
        assert flip.crossing_interval is not None
        covered.append(truth in flip.crossing_interval)
    assert 0.92 <= np.mean(covered) <= 0.98
