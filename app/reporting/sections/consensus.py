"""How far Workers agree, what quorum and jury say, and how certain that is."""

import numpy as np

from app.domain.consensus.certainty import Settlement
from app.domain.consensus.outcome import Outcome
from app.domain.consensus.votes import OPTIONS
from app.domain.plurals import counted
from app.domain.statistics.agreement import Agreement, Undefined
from app.domain.statistics.intervals import Estimate, wilson
from app.domain.vocabulary import ItemRole
from app.reporting import plots, svg
from app.reporting.document import Block, Bullets, NotEnough, Plot, Section, Table, Text
from app.reporting.findings import CERTAIN, Findings
from app.reporting.wording import NONE, coefficient, coefficients, count, percent, percents, whole_percent

LISTED = 20
_NO_WINNER = "none"
_COEFFICIENTS = ("Percent agreement", "Fleiss’ kappa", "Krippendorff’s alpha")


def agreement(findings: Findings) -> Section:
    """Percent agreement, kappa and alpha."""
    found = findings.agreement
    blocks: tuple[Block, ...] = (found,) if isinstance(found, NotEnough) else (*_agreement(found), *_first(findings))
    return Section("agreement", "Agreement between Workers", blocks)


def _agreement(found: Agreement) -> tuple[Block, ...]:
    figures = dict(zip(_COEFFICIENTS, (found.percent, found.kappa, found.alpha), strict=True))
    lead = Text(
        f"{counted(found.responses, 'Response')} on {counted(found.items, 'Item')} with two Responses or more; gold Items,"
        " which are chosen to be clear, are left out. Percent agreement is the chance that two answers on an Item are the same;"
        " kappa and alpha take off what chance alone would give."
    )
    rows = tuple((name, *_cells(name, figure)) for name, figure in figures.items())
    table = Table("Agreement", ("Measure", "Value", "95 % interval"), rows)
    reasons = dict.fromkeys(figure.reason for figure in figures.values() if isinstance(figure, Undefined))
    notes: tuple[Block, ...] = tuple(NotEnough(reason) for reason in reasons)
    shown = [(name, figure) for name, figure in figures.items() if isinstance(figure, Estimate)]
    if not shown:
        return (lead, *notes)
    title, text = "Agreement between Workers", "Dots are the measures, lines their 95 % intervals; figures below."
    draw = plots.intervals(shown, xlabel="0: no more than chance, 1: perfect", percent=False)
    drawn = svg.drawing("agreement-plot", title, text, draw, height_in=1.7)
    return (lead, Plot("agreement-plot", title, text, drawn, table), *notes)


def _first(findings: Findings) -> tuple[Text, ...]:
    terms = findings.record.terms
    if terms.asked_of_all >= terms.assignments_per_item:
        return ()
    return (
        Text(
            f"Over the first {terms.asked_of_all} answers on each Item. More were asked for only where these left its"
            " outcome open: with them, agreement would come out too high."
        ),
    )


def _cells(name: str, figure: Estimate | Undefined) -> tuple[str, str]:
    if isinstance(figure, Undefined):
        return ("undefined", NONE)
    if name == _COEFFICIENTS[0]:
        return (percent(figure.value), percents(figure.interval))
    return (coefficient(figure.value), coefficients(figure.interval))


def methods(findings: Findings) -> Section:
    """Quorum and jury side by side, and the jury's certainty."""
    outcome, settled = findings.jury, findings.settlement
    blocks: tuple[Block, ...]
    if isinstance(outcome, NotEnough) or isinstance(settled, NotEnough):
        blocks = (outcome,) if isinstance(outcome, NotEnough) else ()
    else:
        blocks = (
            Text(
                "The quorum counts answers. The jury also weighs how Workers answer elsewhere, and gives every answer a"
                " probability; what is less certain than asked for goes to an expert. Neither sees the model that suspected the"
                " Item."
            ),
            *_notes(outcome),
            _compared(findings, outcome),
            *_differences(findings, outcome),
            _certainty(findings, settled),
            *_queue(findings, outcome, settled),
            *_on_gold(findings, outcome),
        )
    return Section("consensus", "Consensus, and how certain it is", blocks)


def _notes(outcome: Outcome) -> tuple[Block, ...]:
    return (Bullets(tuple(f"Of the jury: {note}." for note in outcome.notes)),) if outcome.notes else ()


def _word(label: int) -> str:
    return OPTIONS[label].value if label >= 0 else _NO_WINNER


def _compared(findings: Findings, outcome: Outcome) -> Table:
    """Items by what the one and the other method says, gold Items left out."""
    chosen = findings.answered & ~findings.record.of_role(ItemRole.GOLD)
    size = len(OPTIONS) + 1
    cells = np.bincount(
        findings.quorum_labels[chosen] % size * size + outcome.label[chosen] % size, minlength=size * size
    )
    crossed = cells.reshape(size, size)
    names = [*(option.value for option in OPTIONS), _NO_WINNER]
    rows = [(name, *map(count, row), count(row.sum())) for name, row in zip(names, crossed, strict=True)]
    rows.append(("all", *map(count, crossed.sum(axis=0)), count(crossed.sum())))
    return Table("Items by quorum (rows) and jury (columns)", ("Quorum", *names, "All"), tuple(rows))


def _listed(findings: Findings, items: np.ndarray, outcome: Outcome, caption: str) -> Table:
    about, counts = findings.record.items, findings.record.votes.counts()
    rows = []
    for item in items.tolist():
        said = ", ".join(f"{n} {option.value}" for option, n in zip(OPTIONS, counts[item], strict=True) if n)
        best = float(outcome.posterior[item].max())
        rows.append(
            (
                about.ids[item],
                about.given[item],
                about.guessed[item],
                said or "no Response",
                _word(int(findings.quorum_labels[item])),
                _word(int(outcome.label[item])),
                percent(best),
            )
        )
    columns = ("Item", "Given", "Guessed", "Answers", "Quorum", "Jury", "Certainty")
    return Table(caption, columns, tuple(rows), words=(0, 1, 2, 3, 4, 5))


def _differences(findings: Findings, outcome: Outcome) -> tuple[Block, ...]:
    others = findings.answered & ~findings.record.of_role(ItemRole.GOLD) & (findings.quorum_labels != outcome.label)
    items = np.flatnonzero(others)
    if not len(items):
        return (Text("Quorum and jury say the same of every Item."),)
    ranked = items[np.argsort(-outcome.posterior[items].max(axis=1), kind="stable")]
    shown = f"the {LISTED} that the jury is surest of" if len(items) > LISTED else "all"
    caption = f"Where quorum and jury differ: {counted(len(items), 'Item')}, {shown}"
    return (_listed(findings, ranked[:LISTED], outcome, caption),)


def _certainty(findings: Findings, settled: Settlement) -> Plot:
    chosen = findings.answered & ~findings.record.of_role(ItemRole.GOLD)
    outcome = findings.jury
    values = outcome.posterior[chosen].max(axis=1) if isinstance(outcome, Outcome) else np.zeros(0)
    title = "How certain the jury is"
    text = f"Items by the probability of their most probable answer; from {whole_percent(CERTAIN)} on they are settled."
    drawn = svg.drawing("certainty", title, text, plots.certainty(values, threshold=CERTAIN), height_in=2.4)
    rows = []
    for threshold in (0.5, 0.7, 0.8, CERTAIN, 0.95, 0.99):
        sure = values >= threshold
        wrong = float((1 - values[sure]).sum())
        rows.append(
            (
                f"at least {whole_percent(threshold)}",
                count(sure.sum()),
                percent(float(sure.mean()) if len(sure) else None),
                f"{wrong:.1f}",
                count((~sure).sum()),
            )
        )
    columns = ("Certainty", "Settled Items", "Share", "Expected wrong among them", "Left to experts")
    return Plot(
        "certainty",
        title,
        text,
        drawn,
        Table("Items settled, by the certainty that is asked for", columns, tuple(rows)),
    )


def _queue(findings: Findings, outcome: Outcome, settled: Settlement) -> tuple[Block, ...]:
    others = findings.answered & ~findings.record.of_role(ItemRole.GOLD)
    queue = settled.queue[others[settled.queue]]
    if not len(queue):
        return (Text(f"No Item is less certain than {whole_percent(CERTAIN)}: nothing is left to an expert."),)
    caption = f"For an expert: {counted(len(queue), 'Item')} below {whole_percent(CERTAIN)}, the least certain first"
    return (
        _listed(findings, queue[:LISTED], outcome, caption + (f" ({LISTED} shown)" if len(queue) > LISTED else "")),
    )


def _on_gold(findings: Findings, outcome: Outcome) -> tuple[Block, ...]:
    gold = findings.record.items.gold
    chosen = (gold >= 0) & findings.answered
    checked = int(chosen.sum())
    if not checked:
        return ()
    rows = []
    for name, labels in (("quorum", findings.quorum_labels), ("jury", outcome.label)):
        right = int((labels[chosen] == gold[chosen]).sum())
        rows.append((name, f"{right:,} of {checked:,}", percent(right / checked), percents(wilson(right, checked))))
    return (Table("On gold Items, whose answer is known", ("Method", "Right", "Share", "95 % interval"), tuple(rows)),)
