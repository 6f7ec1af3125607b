"""How wrong the dataset is, how good the suspect-finder was, and where along its ranking checking stops being worth it."""

from dataclasses import dataclass, replace

import numpy as np

from app.domain.consensus.outcome import Floats
from app.domain.consensus.votes import OPTIONS
from app.domain.plurals import counted
from app.domain.statistics.error_rate import DatasetErrorRate, Stratum, dataset_error_rate
from app.domain.statistics.intervals import Estimate, Interval, wilson
from app.domain.statistics.mover import weighted_sum
from app.domain.statistics.ranking import PrecisionCurve, precision_curve, stop_by_precision
from app.domain.statistics.study_table import StudyLine
from app.domain.vocabulary import ItemRole, Option
from app.reporting import plots, svg
from app.reporting.document import Block, NotEnough, Plot, Section, Table, Text
from app.reporting.findings import Findings, found
from app.reporting.record import Items
from app.reporting.wording import NONE, count, counts, percent, percents, whole_percent

_GIVEN = OPTIONS.index(Option.GIVEN)
_FEWEST = 10  # ranked Items that a curve needs to be one
_POINTS = 8

# Columns by which item files rank suspects; True: the larger, the more suspicious.
SCORES: dict[str, bool] = {
    "suspicion": True,
    "suspicion_score": True,
    "score": True,
    "confidence": True,
    "guessed_confidence": True,
    "guess_confidence": True,
    "label_quality": False,
    "label_quality_score": False,
    "self_confidence": False,
    "normalized_margin": False,
    "rank": False,
}


def error_rate(findings: Findings) -> Section:
    """From suspects, whose figures are the study's line's wherever they stand, and from control Items."""
    title, line = "How wrong the dataset is", findings.study_line
    if isinstance(line, NotEnough):
        return Section("dataset", title, (line,))
    size = findings.scope.dataset_size
    if size is None:
        return Section("dataset", title, _without_size(findings, line))
    unsuspected = size - line.suspects
    controls = _controls(findings, unsuspected)
    with_controls = controls if controls.checked else None
    suspects = Stratum("suspects", line.suspects, line.table.checked, line.table.errors)
    computed = found(lambda: dataset_error_rate([suspects], with_controls, unsuspected=unsuspected))
    if isinstance(computed, NotEnough):
        return Section("dataset", title, (computed,))
    rate = _by_the_line(computed, line)
    return Section("dataset", title, (Text(_said(rate, controls)), _rates(rate)))


def _by_the_line(rate: DatasetErrorRate, line: StudyLine) -> DatasetErrorRate:
    """With the line's figures of the suspects, which respect that Workers may err, so that no number has two intervals."""
    parts = [line.estimated_errors, *([rate.overlooked] if rate.overlooked else [])]
    errors = weighted_sum(parts, [1.0] * len(parts))
    share = weighted_sum([errors], [1 / rate.size])
    return replace(rate, errors=errors, rate=share, precision=line.error_share)


def _controls(findings: Findings, size: int) -> Stratum:
    on = findings.controls
    answered = on.votes.counts().sum(axis=1) > 0
    errors = answered & (findings.quorum_labels[on.at] != _GIVEN)
    return Stratum("controls", size, int(answered.sum()), int(errors.sum()))


def _without_size(findings: Findings, line: StudyLine) -> tuple[Block, ...]:
    controls = _controls(findings, 0)
    rows = [_seen("Suspects", line.table.errors, line.table.checked, line.error_share.interval)]
    if controls.checked:
        name = "Control Items, drawn from what was not suspected; verdicts taken as they are"
        rows.append(_seen(name, controls.errors, controls.checked, wilson(controls.errors, controls.checked)))
    size = "Say how many Items the dataset has (--dataset-size; in the console, the fields above the report)"
    lead = (
        f"{size} for its error rate and the suspect-finder’s recall."
        if controls.checked
        else f"There are no control Items, so how many wrong labels were not suspected is not known."
        f" {size} for a lower bound, or for its error rate where all of it was suspected."
    )
    columns = ("Items", "Errors", "Share", "95 % interval")
    return (Text(lead), Table("Label errors among what was checked", columns, tuple(rows)))


def _seen(name: str, errors: int, checked: int, interval: Interval) -> tuple[str, str, str, str]:
    return name, f"{errors:,} of {checked:,}", percent(errors / checked), percents(interval)


def _said(rate: DatasetErrorRate, controls: Stratum) -> str:
    if rate.lower_bound:
        return (
            f"A dataset of {count(rate.size)} Items. No control Item was checked, so wrong labels that were not suspected are not"
            " counted: the rate is a lower bound, and recall is not known."
        )
    if rate.overlooked is None:
        return (
            f"A dataset of {count(rate.size)} Items, all of them suspected: the rate is that of the suspects, and nothing can"
            " have been overlooked."
        )
    return (
        f"A dataset of {count(rate.size)} Items. Among {counted(controls.checked, 'control Item')}, mixed in blindly,"
        f" {controls.errors:,} had a wrong label; they stand for all {count(controls.size)} that were not suspected. What the"
        " control Items say, recall too, takes the Workers’ verdicts as they are; what suspects say has the study’s intervals."
    )


def _rates(rate: DatasetErrorRate) -> Table:
    def row(name: str, estimate: Estimate | None, *, share: bool) -> tuple[str, str, str]:
        if estimate is None:
            return name, NONE, NONE
        show, span = (percent, percents) if share else (count, counts)
        return name, show(estimate.value), span(estimate.interval)

    bound = ", at least" if rate.lower_bound else ""
    rows = [
        row(f"Wrong labels in the dataset{bound}", rate.rate, share=True),
        row(f"Wrong labels, their number{bound}", rate.errors, share=False),
        row("Precision: suspects that are wrong", rate.precision, share=True),
    ]
    if rate.lower_bound or rate.overlooked is not None:
        rows += [
            row("Recall: wrong labels that were suspected", rate.recall, share=True),
            row("Wrong labels overlooked", rate.overlooked, share=False),
        ]
    return Table("Error rate of the dataset", ("Estimate", "Value", "95 % interval"), tuple(rows))


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Suspects in the order of a column, the most suspicious first."""

    column: str
    larger_first: bool
    items: np.ndarray
    unranked: int


def ranking(findings: Findings) -> Section:
    """Precision along the suspect-finder's own ranking, where the item file brought one."""
    title = "Along the suspect-finder’s ranking"
    ranked = _ranking(findings)
    if ranked is None:
        names = ", ".join(sorted(SCORES))
        return Section(
            "ranking",
            title,
            (NotEnough(f"the item file has no column of numbers to rank suspects by (one of: {names})"),),
        )
    decided = findings.record.items.settled & findings.answered
    wrong = (findings.quorum_labels != _GIVEN).astype(np.float64)
    if int(decided[ranked.items].sum()) < _FEWEST:
        reason = f"fewer than {_FEWEST} suspects with a value of {ranked.column} are settled"
        return Section("ranking", title, (NotEnough(reason),))
    curve = found(lambda: precision_curve(wrong[ranked.items], checked=decided[ranked.items]))
    blocks: tuple[Block, ...]
    blocks = (curve,) if isinstance(curve, NotEnough) else (_about(ranked), _plot(curve), _stops(curve))
    return Section("ranking", title, blocks)


def _ranking(findings: Findings) -> _Ranking | None:
    items: Items = findings.record.items
    suspects = findings.record.of_role(ItemRole.SUSPECT)
    for name, larger_first in SCORES.items():
        for column, values in items.extra.items():
            if column.casefold() == name and (~np.isnan(values[suspects])).any():
                return _ordered(column, values, suspects, larger_first=larger_first)
    return None


def _ordered(column: str, values: Floats, suspects: np.ndarray, *, larger_first: bool) -> _Ranking:
    """Equal values stay in the file's order."""
    at = np.flatnonzero(suspects & ~np.isnan(values))
    order = np.argsort(-values[at] if larger_first else values[at], kind="stable")
    return _Ranking(column, larger_first, at[order], int((suspects & np.isnan(values)).sum()))


def _about(ranked: _Ranking) -> Text:
    first = "largest" if ranked.larger_first else "smallest"
    left = f" {counted(ranked.unranked, 'suspect')} without a value left out." if ranked.unranked else ""
    return Text(
        f"Suspects by column “{ranked.column}” of the item file, {first} value first, equal ones in the file’s order;"
        f" an error is whatever is not a non-error by the quorum.{left}"
    )


def _plot(curve: PrecisionCurve) -> Plot:
    title = "Label errors along the ranking"
    text = (
        f"Share of label errors among the {curve.window} checked suspects around each rank, with its 95 % interval, and the fit"
        " that never rises; figures below."
    )
    drawn = svg.drawing("ranking-plot", title, text, plots.precision(curve), height_in=2.6)
    at = np.unique(np.linspace(0, len(curve.rank) - 1, _POINTS).round().astype(int))
    rows = tuple(
        (
            count(curve.rank[i]),
            percent(float(curve.so_far[i])),
            percent(float(curve.running[i])),
            percents(Interval(float(curve.low[i]), float(curve.high[i]))),
            percent(float(curve.fitted[i])),
        )
        for i in at.tolist()
    )
    columns = ("Rank", "Up to here", "Around", "95 % interval", "Fit")
    return Plot("ranking-plot", title, text, drawn, Table("Share of label errors by rank", columns, rows))


def _stops(curve: PrecisionCurve) -> Table:
    rows = []
    for at_least in (0.5, 0.25, 0.1, 0.05):
        stop = stop_by_precision(curve, at_least=at_least)
        rows.append(
            (
                whole_percent(at_least),
                f"rank {stop.rank:,}" if stop.reached else f"beyond rank {stop.rank:,}",
                count(stop.found),
                f"{stop.left_suspects:.1f}",
            )
        )
    columns = ("A check is worth it down to", "Stop after", "Errors found", "Errors left behind, at most")
    return Table("Where to stop checking", columns, tuple(rows))
