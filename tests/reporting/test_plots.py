import numpy as np
import pytest

from app.domain.statistics.intervals import Estimate, Interval
from app.domain.statistics.ranking import precision_curve
from app.domain.statistics.stability import NoiseCurve
from app.reporting import plots
from app.reporting.svg import drawing


def drawn(draw: plots.Draw) -> str:
    return drawing("p", "title", "text", draw)


def test_a_hundred_thousand_ranks_are_drawn_with_what_a_screen_shows() -> None:
    rng = np.random.default_rng(1)
    curve = precision_curve((rng.random(100_000) < np.linspace(0.9, 0.1, 100_000)).astype(float))
    assert len(drawn(plots.precision(curve))) < 200_000


@pytest.mark.parametrize("values", [np.zeros(0), np.ones(1), np.full(5, 0.9)])
def test_certainties_of_any_number_of_items_are_drawn(values: np.ndarray) -> None:
    svg = drawn(plots.certainty(values, threshold=0.9))
    assert "settled" in svg
    assert "to an expert" in svg


@pytest.mark.parametrize("models", [1, 6, 13])
def test_every_model_has_its_name_and_its_own_line(models: int) -> None:
    names = tuple(f"模型 {number}" for number in range(models))
    prevalence = np.linspace(0.02, 1, 101)
    accuracy = np.outer(1 - prevalence, np.linspace(0.5, 0.9, models))
    svg = drawn(plots.noise(NoiseCurve(names, prevalence, 100 / prevalence, accuracy, accuracy)))
    assert all(f">{name}<" in svg for name in names)


def test_a_long_name_leaves_the_drawing_its_room() -> None:
    row = ("n" * 500, Estimate(0.5, 0.1, Interval(0.4, 0.6)))
    assert f">{'n' * 31}…<" in drawn(plots.intervals([row], xlabel="share"))


def test_an_interval_that_reaches_below_zero_is_drawn_to_its_end() -> None:
    row = ("kappa", Estimate(-0.1, 0.1, Interval(-0.4, 0.2)))
    assert "−0.4" in drawn(plots.intervals([row], xlabel="kappa", percent=False))
