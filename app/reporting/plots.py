"""The report's pictures: each a function that draws on matplotlib's axes, to be given to `svg.drawing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.domain.statistics.intervals import Estimate, Floats
from app.reporting.palette import BLUE, INK, LINES, MARKS, ORANGE, SERIES, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from app.domain.statistics.ranking import PrecisionCurve
    from app.domain.statistics.stability import NoiseCurve

Draw = Callable[["Axes"], None]

_MANY_BINS, _LONGEST = 20, 32
_POINTS = 400  # of a curve: no screen shows more, and a hundred thousand would be megabytes


def intervals(rows: Sequence[tuple[str, Estimate]], *, xlabel: str, percent: bool = True) -> Draw:
    """Named figures as dots with their intervals, the first on top."""
    scale = 100 if percent else 1

    def draw(axes: Axes) -> None:
        at = np.arange(len(rows))[::-1]
        values = np.array([estimate.value for _, estimate in rows]) * scale
        low = np.array([estimate.interval.low for _, estimate in rows]) * scale
        high = np.array([estimate.interval.high for _, estimate in rows]) * scale
        axes.hlines(at, low, high, color=BLUE, linewidth=2.2)
        axes.plot(values, at, "o", color=BLUE, markersize=6, clip_on=False, zorder=3)
        axes.set_yticks(at, [_short(name) for name, _ in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        left = min(0.0, 1.05 * float(low.min(initial=0.0)))
        axes.set_xlim(left, max(1.0, float(high.max(initial=0.0))) if not percent else _up_to(float(high.max())))
        axes.set_xlabel(xlabel)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0, pad=8)

    return draw


def _short(name: str) -> str:
    """A name that leaves the drawing its room; the table beside it has all of it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _up_to(high: float) -> float:
    """The end of an axis of percents."""
    return min(100.0, max(5.0, high * 1.08))


def certainty(values: Floats, *, threshold: float) -> Draw:
    """How many Items have which certainty; the line parts the settled from the experts' queue."""

    def draw(axes: Axes) -> None:
        edges = np.linspace(0, 100, _MANY_BINS + 1)
        counts, _ = np.histogram(values * 100, bins=edges)
        settled = edges[:-1] >= threshold * 100 - 1e-9
        for where, colour, name in ((settled, BLUE, "settled"), (~settled, ORANGE, "to an expert")):
            axes.bar(edges[:-1][where], counts[where], 4.4, align="edge", color=colour, label=name)
        axes.axvline(threshold * 100, color=INK, linestyle="--", linewidth=1)
        axes.set_xlim(0, 100)
        axes.set_xlabel("probability of the most probable answer, %")
        axes.set_ylabel("Items")
        axes.grid(axis="y")
        axes.legend(loc="upper left")

    return draw


def precision(curve: PrecisionCurve) -> Draw:
    """Precision along a ranking: running with its interval, and the fit that never rises."""

    def draw(axes: Axes) -> None:
        at = np.unique(np.linspace(0, len(curve.rank) - 1, _POINTS).round().astype(int))
        rank = curve.rank[at]
        axes.fill_between(rank, curve.low[at] * 100, curve.high[at] * 100, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(rank, curve.running[at] * 100, color=BLUE, label=f"of {curve.window} Items around")
        axes.plot(
            rank, curve.fitted[at] * 100, color=VERMILLION, linestyle="--", linewidth=1.6, label="fit that never rises"
        )
        axes.set_ylim(0, 102)
        axes.set_xlim(1, max(2, curve.suspects))
        axes.set_xlabel("rank, most suspicious first")
        axes.set_ylabel("label errors, %")
        axes.grid()
        axes.legend(loc="best")

    return draw


def noise(curve: NoiseCurve) -> Draw:
    """Accuracy on corrected labels over the share of mislabelled Items, one line a model, named at its end."""

    def draw(axes: Axes) -> None:
        for number, model in enumerate(curve.models):
            style = number % len(SERIES)
            axes.plot(
                curve.prevalence * 100,
                curve.corrected[:, number] * 100,
                color=SERIES[style],
                linestyle=LINES[style],
                marker=MARKS[style],
                markevery=(number * 3 % 10, max(1, len(curve.prevalence) // 8)),
                markersize=5,
                linewidth=1.8,
                label=_short(model),
            )
        axes.set_xlim(curve.prevalence[0] * 100, 100)
        axes.set_xlabel("mislabelled Items, % (from the actual share upwards)")
        axes.set_ylabel("accuracy on corrected labels, %")
        axes.grid()
        axes.legend(loc="best", ncols=2 if len(curve.models) > len(SERIES) else 1)

    return draw
