"""How stable a benchmark is, as tables: its models, and the pairs that may change places."""

from collections.abc import Sequence

from app.domain.statistics.intervals import Estimate
from app.domain.statistics.rank_flips import RankFlip
from app.domain.statistics.stability import ModelScore
from app.reporting.document import Table
from app.reporting.wording import NONE, percent, percents, signed_points


def models_table(scores: Sequence[ModelScore], *, checked: bool = True) -> Table:
    """A line a model, best on corrected labels first; equal ones by name.

    checked: the Items looked at are known; otherwise they are those that were changed, and the columns say so.
    """
    rows = [
        (
            score.model,
            _accuracy(score.given),
            _accuracy(score.corrected),
            _accuracy(score.given_checked),
            _accuracy(score.corrected_checked),
            _accuracy(score.on_mislabelled),
            f"{score.given_rank} → {score.corrected_rank}",
        )
        for score in sorted(scores, key=lambda score: (score.corrected_rank, score.model))
    ]
    which = "checked" if checked else "changed"
    columns = ("Model", "On given", "On corrected", f"Given, {which}", f"Corrected, {which}", "On mislabelled", "Rank")
    return Table(f"Accuracy on all Items and on the {which} ones, with 95 % intervals", columns, tuple(rows))


def flips_table(flips: Sequence[RankFlip], *, most: int) -> Table:
    """A line a pair, those most likely to change places first."""
    rows = [
        (
            flip.ahead,
            flip.behind,
            f"{signed_points(flip.lead)}",
            percent(flip.lead_probability),
            NONE if flip.crossing is None else percent(flip.crossing),
            NONE if flip.crossing_interval is None else percents(flip.crossing_interval),
            percent(flip.flip_probability),
            percent(flip.correction_probability),
        )
        for flip in flips[:most]
    ]
    columns = ("Ahead", "Behind", "Lead", "Leads", "Turns at", "95 % interval", "Turns", "Given order differs")
    shown = f", the first {most} of {len(flips):,}" if len(flips) > most else ""
    return Table(f"Pairs of models as noise rises{shown}", columns, tuple(rows), words=(0, 1))


def _accuracy(estimate: Estimate | None) -> str:
    return NONE if estimate is None else f"{percent(estimate.value)} ({percents(estimate.interval)})"
