import pytest

from app.marketplace.crowd.arrivals import SHAPES, Arrival, DayShape, check, times_s
from app.marketplace.crowd.errors import BadPlan


def test_without_an_arrival_everybody_comes_at_once() -> None:
    assert times_s(None, 3, seed=1) == [0, 0, 0]


def test_workers_come_in_order_within_the_compressed_day_and_the_seed_decides_when() -> None:
    day = Arrival(60.0, SHAPES[DayShape.EVENING])
    times = times_s(day, 500, seed=1)
    assert times == sorted(times) == times_s(day, 500, seed=1) != times_s(day, 500, seed=2)
    assert times[0] >= 0
    assert times[-1] < 60


def test_busy_hours_bring_more_workers_in_proportion_and_empty_ones_none() -> None:
    times = times_s(Arrival(24.0, SHAPES[DayShape.OFFICE]), 4_000, seed=1)
    assert not [at for at in times if at < 7 or at >= 20]
    noon = sum(12 <= at < 13 for at in times) / len(times)
    assert noon == pytest.approx(6 / sum(SHAPES[DayShape.OFFICE]), abs=0.02)


def test_a_day_may_be_scaled() -> None:
    short, long = (times_s(Arrival(day_s), 50, seed=3) for day_s in (10.0, 100.0))
    assert long == pytest.approx([10 * at for at in short])


@pytest.mark.parametrize(
    ("arrival", "told"),
    [
        (Arrival(-1), "day_s"),
        (Arrival(float("nan")), "day_s"),
        (Arrival(1, [1.0] * 23), "24 numbers, not 23"),
        (Arrival(1, [0.0] * 24), "above it"),
        (Arrival(1, [-1.0, *[1.0] * 23]), "from 0"),
    ],
)
def test_a_day_that_cannot_be_is_refused(arrival: Arrival, told: str) -> None:
    with pytest.raises(BadPlan, match=told):
        check(arrival)
