"""Figures as people read them. A dash stands for what there is not."""

import math
from datetime import UTC, datetime
from decimal import Decimal

from app.domain.statistics.intervals import Estimate, Interval

NONE = "–"
_MINUS = "\N{MINUS SIGN}"
_NARROW = "\N{NO-BREAK SPACE}"
_SMALLEST_P = 0.001
_SECONDS = 1000


def count(value: float) -> str:
    """`12,345`, rounded."""
    return f"{value:,.0f}"


def percent(value: float | None) -> str:
    """`12.3 %`."""
    return NONE if value is None or math.isnan(value) else f"{100 * value:.1f}{_NARROW}%"


def whole_percent(value: float) -> str:
    """`90 %`: of a bound that somebody chose."""
    return f"{100 * value:.0f}{_NARROW}%"


def signed_points(value: float) -> str:
    """`+1.1`, `−3.0`: percentage points."""
    return f"{100 * value:+.1f}".replace("-", _MINUS)


def percents(interval: Interval) -> str:
    """`9.1–16.4 %`."""
    return f"{100 * interval.low:.1f}–{100 * interval.high:.1f}{_NARROW}%"


def counts(interval: Interval) -> str:
    """`120–163`."""
    return f"{interval.low:,.0f}–{interval.high:,.0f}"


def coefficient(value: float) -> str:
    """`0.634`."""
    return NONE if math.isnan(value) else f"{value:.3f}".replace("-", _MINUS)


def coefficients(interval: Interval) -> str:
    """`0.512 to 0.745`: a dash would look like a minus."""
    return f"{coefficient(interval.low)} to {coefficient(interval.high)}"


def share_with_interval(estimate: Estimate) -> str:
    """`12.3 % (9.1–16.4 %)`."""
    return f"{percent(estimate.value)} ({percents(estimate.interval)})"


def p_value(value: float) -> str:
    """`0.034`, `< 0.001`."""
    if math.isnan(value):
        return NONE
    return f"<{_NARROW}{_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"


def usd(amount: Decimal | None) -> str:
    """`$1,234.50`."""
    return NONE if amount is None else f"${amount:,.2f}"


def seconds(milliseconds: float) -> str:
    """`4.2 s`."""
    return NONE if math.isnan(milliseconds) else f"{milliseconds / _SECONDS:.1f}{_NARROW}s"


def at(moment: datetime | None) -> str:
    """`23 Nov 2026, 12:00 UTC`."""
    return NONE if moment is None else moment.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")
