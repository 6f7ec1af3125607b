"""Who answered, how well and how: by pseudonym, with what stands out; and whether order moved the answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import Outcome
from app.domain.plurals import counted
from app.domain.statistics.anchoring import anchoring
from app.domain.statistics.copying import CopyPairs, copy_groups, copy_pairs
from app.domain.statistics.intervals import Estimate, Interval
from app.domain.statistics.position_bias import FAIR, PositionBias, position_bias
from app.domain.statistics.speed import Speed, speed
from app.domain.statistics.straight_lining import StraightLining, straight_lining
from app.domain.statistics.worker_accuracy import WorkerAccuracy, accuracy_against_others, accuracy_on_gold
from app.reporting import plots, svg
from app.reporting.document import Block, NotEnough, Plot, Section, Table, Text
from app.reporting.findings import NO_RESPONSES, Findings
from app.reporting.record import BatchRecord
from app.reporting.wording import (
    NONE,
    count,
    p_value,
    percent,
    percents,
    seconds,
    signed_points,
    whole_percent,
)

SHOWN = 40
SHOWN_PAIRS = 20
# Of those that stand out, so large a share may be chance (false discovery rate).
TELLING = 0.05
_PAIR = 2
# So many fast answers are no slip of the finger any more.
_OFTEN_FAST = 0.2


@dataclass(frozen=True)
class _Workers:
    """Everything measured of each Worker."""

    record: BatchRecord

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        return np.bincount(self.record.responses.worker, minlength=len(self.record.workers))

    @cached_property
    def others(self) -> WorkerAccuracy:
        return accuracy_against_others(self.record.votes)

    @cached_property
    def gold(self) -> WorkerAccuracy:
        return accuracy_on_gold(self.record.votes, self.record.items.gold)

    @cached_property
    def speed(self) -> Speed:
        said = self.record.responses
        return speed(said.worker, said.elapsed_ms, workers=len(self.record.workers))

    @cached_property
    def bias(self) -> PositionBias:
        said = self.record.responses
        return position_bias(self.record.votes, said.shown_first, said.shown_second)

    @cached_property
    def lining(self) -> StraightLining:
        return straight_lining(self.record.votes, self.record.responses.sequence)

    @cached_property
    def pairs(self) -> CopyPairs:
        return copy_pairs(self.record.votes)

    @cached_property
    def copying(self) -> NDArray[np.bool_]:
        telling = self.pairs.adjusted_p <= TELLING
        found = np.zeros(len(self.record.workers), dtype=bool)
        found[self.pairs.first[telling]] = True
        found[self.pairs.second[telling]] = True
        return found

    @cached_property
    def remarks(self) -> list[tuple[str, ...]]:
        """What stands out of each Worker."""
        bias = self.bias
        fast = (self.speed.low > self._usual_fast) & (self.speed.share >= _OFTEN_FAST)
        telling = {
            "first choice": (bias.adjusted_p <= TELLING) & (bias.share > FAIR),
            "second choice": (bias.adjusted_p <= TELLING) & (bias.share < FAIR),
            "repeats one answer": self.lining.adjusted_p <= TELLING,
            "very fast": fast,
            "shares wrong answers": self.copying,
            "far from the others": self.others.high < self.others.crowd,
        }
        return [tuple(name for name, which in telling.items() if which[w]) for w in range(len(self.record.workers))]

    @property
    def _usual_fast(self) -> float:
        timed = int(self.speed.timed.sum())
        return float(self.speed.fast.sum() / timed) if timed else math.nan

    def order(self) -> list[int]:
        """Those who stand out first, then by answers, then as they first came."""
        return sorted(range(len(self.record.workers)), key=lambda w: (-len(self.remarks[w]), -int(self.answers[w]), w))


def workers(findings: Findings) -> Section:
    """The Workers' table and what stands out."""
    record = findings.record
    if not len(record.responses):
        return Section("workers", "Workers", (NO_RESPONSES,))
    measured = _Workers(record)
    blocks = (_lead(measured), *_plot(measured), _table(findings, measured), *_copying(measured))
    return Section("workers", "Workers", blocks)


def _lead(measured: _Workers) -> Text:
    answers, speed_ = measured.answers, measured.speed
    gold = measured.gold
    known = f" On gold Items they are right {percent(gold.crowd)} of the time." if gold.judged.any() else ""
    times = (
        f" Half of the answers took {seconds(speed_.crowd_ms)} or less; below {seconds(speed_.cut_ms)} is implausibly fast."
        if not math.isnan(speed_.crowd_ms)
        else " No answer was timed."
    )
    standing_out = sum(1 for remarks in measured.remarks if remarks)
    return Text(
        f"{counted(len(answers), 'Worker')}, by pseudonym, gave {counted(int(answers.sum()), 'answer')}:"
        f" {count(answers.min())} to {count(answers.max())} each, {count(float(np.median(answers)))} in the median.{known}{times}"
        f" {standing_out:,} stand out by one test or more, which is a reason to look, not a verdict."
    )


def _plot(measured: _Workers) -> tuple[Block, ...]:
    judged = [w for w in range(len(measured.answers)) if measured.others.judged[w]]
    if not judged:
        return (NotEnough("no Item has answers of three Workers or more, so nobody can be compared with the others"),)
    most = sorted(judged, key=lambda w: (-int(measured.others.judged[w]), w))[: SHOWN // 2]
    ranked = sorted(most, key=lambda w: (-float(measured.others.share[w]), w))
    rows = [(measured.record.workers[w], _share(measured.others, w)) for w in ranked]
    title = "Agreement with what most of the others say"
    text = "Each Worker’s share of answers that most of the others gave too, with its 95 % interval; figures below."
    drawn = svg.drawing(
        "workers-plot",
        title,
        text,
        plots.intervals(rows, xlabel="answers that most of the others gave too, %"),
        height_in=0.9 + 0.24 * len(rows),
    )
    cells = tuple(
        (
            name,
            f"{measured.others.right[w]:,} of {measured.others.judged[w]:,}",
            percent(share.value),
            percents(share.interval),
        )
        for w, (name, share) in zip(ranked, rows, strict=True)
    )
    shown = "" if len(judged) <= len(rows) else f", the {len(rows)} with most answers"
    table = Table(f"Agreement with the others{shown}", ("Worker", "Agrees", "Share", "95 % interval"), cells)
    return (Plot("workers-plot", title, text, drawn, table),)


def _share(of: WorkerAccuracy, worker: int) -> Estimate:
    return Estimate(float(of.share[worker]), math.nan, Interval(float(of.low[worker]), float(of.high[worker])))


def _table(findings: Findings, measured: _Workers) -> Table:
    order = measured.order()
    outcome = findings.jury
    accuracy = outcome.worker_accuracy if isinstance(outcome, Outcome) else None
    with_gold = bool(measured.gold.judged.any())
    rows = [_row(measured, w, accuracy, with_gold=with_gold) for w in order[:SHOWN]]
    shown = f"the first {SHOWN} of {len(order):,}" if len(order) > SHOWN else "all"
    gold = ("Gold right",) if with_gold else ()
    columns = (
        "Worker",
        "Answers",
        *gold,
        "Right, the jury thinks",
        "Median time",
        "Fast",
        "Chose first",
        "Longest run",
        "Stands out",
    )
    return Table(f"Workers, those who stand out first ({shown})", columns, tuple(rows), words=(0, len(columns) - 1))


def _row(measured: _Workers, w: int, accuracy: NDArray[np.float64] | None, *, with_gold: bool) -> tuple[str, ...]:
    gold = measured.gold
    right = (f"{gold.right[w]:,} of {gold.judged[w]:,}" if gold.judged[w] else NONE,) if with_gold else ()
    bias = measured.bias
    return (
        measured.record.workers[w],
        count(measured.answers[w]),
        *right,
        percent(float(accuracy[w])) if accuracy is not None else NONE,
        seconds(float(measured.speed.median_ms[w])),
        percent(float(measured.speed.share[w])),
        f"{bias.first[w]:,} of {bias.chosen[w]:,}" if bias.chosen[w] else NONE,
        count(measured.lining.longest[w]),
        ", ".join(measured.remarks[w]) or NONE,
    )


def _copying(measured: _Workers) -> tuple[Block, ...]:
    pairs = measured.pairs
    if not pairs.tested:
        return (
            Text("No two Workers answered five Items or more in common: who shares wrong answers cannot be tested."),
        )
    telling = np.flatnonzero(pairs.adjusted_p <= TELLING)
    if not len(telling):
        tested = counted(pairs.tested, "pair")
        return (
            Text(
                f"Of {tested} of Workers with five Items or more in common, none shares more wrong answers than chance gives."
            ),
        )
    names = measured.record.workers
    rows = tuple(
        (
            names[pairs.first[at]],
            names[pairs.second[at]],
            count(pairs.shared[at]),
            count(pairs.same[at]),
            f"{pairs.expected[at]:.1f}",
            p_value(float(pairs.adjusted_p[at])),
        )
        for at in telling[:SHOWN_PAIRS].tolist()
    )
    columns = ("Worker", "And", "Items in common", "Same wrong answer", "Expected", "p, adjusted")
    caption = f"Pairs who share wrong answers: {len(telling):,} of {pairs.tested:,} tested"
    return (Table(caption, columns, rows, words=(0, 1)), *_groups(measured, names))


def _groups(measured: _Workers, names: Sequence[str]) -> tuple[Block, ...]:
    groups = [group for group in copy_groups(measured.record.votes, measured.pairs) if len(group.workers) > _PAIR]
    if not groups:
        return ()
    rows = tuple(
        (", ".join(names[w] for w in group.workers), count(len(group.workers)), count(group.items)) for group in groups
    )
    return (Table("Groups that such pairs form", ("Workers", "Size", "Items with a shared wrong answer"), rows),)


def order(findings: Findings) -> Section:
    """Whether what stands first, or what was said before, pulls an answer."""
    record, title = findings.record, "Order of choices, and of answers"
    if not len(record.responses):
        return Section("order", title, (NO_RESPONSES,))
    said = record.responses
    crowd = position_bias(record.votes, said.shown_first, said.shown_second).crowd
    pulled = anchoring(record.votes, said.sequence)
    rows = []
    if crowd is not None:
        rows.append(
            (
                "Of answers for one of the two labels: for the one shown first",
                percent(crowd.value),
                percents(crowd.interval),
                f"{whole_percent(FAIR)} without a bias",
            )
        )
    if pulled.pull is not None:
        value, interval = pulled.pull.value, pulled.pull.interval
        rows.append(
            (
                "How much likelier an answer is right after the same answer",
                f"{signed_points(value)} points",
                f"{signed_points(interval.low)} to {signed_points(interval.high)}",
                f"0 without a pull; p = {p_value(pulled.p)}",
            )
        )
    lead = Text(
        "Which label stands above the other is drawn for each Assignment, and written down with every Response. Whoever does not"
        " look at the place picks the upper one half of the time, whatever the Item."
    )
    if not rows:
        return Section(
            "order", title, (lead, NotEnough("too few answers to compare the places of labels, or successive answers"))
        )
    table = Table("Tests of order", ("Test", "Value", "95 % interval", "Expected"), tuple(rows), words=(0, 3))
    missing: tuple[Block, ...] = ()
    if pulled.pull is None:
        missing = (
            NotEnough(
                "fewer than two Workers gave three answers or more: whether one answer pulls the next cannot be said"
            ),
        )
    return Section("order", title, (lead, table, *missing))
