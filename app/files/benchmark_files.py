"""How stable a benchmark is, as tables for files: one line a model, one line a pair of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.domain.statistics.intervals import Estimate
from app.domain.statistics.rank_flips import RankFlip
from app.domain.statistics.stability import ModelScore

if TYPE_CHECKING:
    import pyarrow as pa

_ACCURACIES = ("given", "corrected", "given_checked", "corrected_checked", "on_mislabelled")


def models_file(scores: Sequence[ModelScore]) -> pa.Table:
    """`model`, then each accuracy with its ends `_low` and `_high`, absent where there is none, then both ranks."""
    import pyarrow as pa

    columns: dict[str, pa.Array] = {"model": pa.array([score.model for score in scores], type=pa.string())}
    for name in _ACCURACIES:
        found: list[Estimate | None] = [getattr(score, name) for score in scores]
        columns[name] = _numbers([None if e is None else e.value for e in found])
        columns[f"{name}_low"] = _numbers([None if e is None else e.interval.low for e in found])
        columns[f"{name}_high"] = _numbers([None if e is None else e.interval.high for e in found])
    columns["given_rank"] = pa.array([score.given_rank for score in scores], type=pa.int64())
    columns["corrected_rank"] = pa.array([score.corrected_rank for score in scores], type=pa.int64())
    return pa.table(columns)


def pairs_file(flips: Sequence[RankFlip]) -> pa.Table:
    """The fields of RankFlip, the interval as `crossing_low` and `crossing_high`; absent where two never change places."""
    import pyarrow as pa

    spans = [flip.crossing_interval for flip in flips]
    return pa.table(
        {
            "ahead": pa.array([flip.ahead for flip in flips], type=pa.string()),
            "behind": pa.array([flip.behind for flip in flips], type=pa.string()),
            "lead": _numbers([flip.lead for flip in flips]),
            "lead_probability": _numbers([flip.lead_probability for flip in flips]),
            "crossing": _numbers([flip.crossing for flip in flips]),
            "crossing_low": _numbers([None if span is None else span.low for span in spans]),
            "crossing_high": _numbers([None if span is None else span.high for span in spans]),
            "flip_probability": _numbers([flip.flip_probability for flip in flips]),
            "correction_probability": _numbers([flip.correction_probability for flip in flips]),
        }
    )


def _numbers(values: Sequence[float | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, type=pa.float64())
