import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.domain.statistics.intervals import Estimate, Interval
from app.reporting import wording


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wording.percent(0.1234), "12.3\xa0%"),
        (wording.percent(None), "–"),
        (wording.percent(math.nan), "–"),
        (wording.whole_percent(0.9), "90\xa0%"),
        (wording.percents(Interval(0.091, 0.164)), "9.1–16.4\xa0%"),
        (wording.share_with_interval(Estimate(0.5, 0.1, Interval(0.4, 0.6))), "50.0\xa0% (40.0–60.0\xa0%)"),
        (wording.coefficient(-0.1294), "−0.129"),
        (wording.coefficients(Interval(-0.1, 0.5)), "−0.100 to 0.500"),
        (wording.signed_points(-0.03), "−3.0"),
        (wording.p_value(0.0004), "<\xa00.001"),
        (wording.p_value(0.034), "0.034"),
        (wording.p_value(math.nan), "–"),
        (wording.usd(Decimal("1234.5")), "$1,234.50"),
        (wording.usd(None), "–"),
        (wording.seconds(4210), "4.2\xa0s"),
        (wording.at(None), "–"),
        (wording.at(datetime(2026, 11, 30, 1, 5, tzinfo=timezone(timedelta(hours=2)))), "29 Nov 2026, 23:05 UTC"),
    ],
)
def test_figures_are_said_as_people_read_them(said: str, expected: str) -> None:
    assert said == expected
