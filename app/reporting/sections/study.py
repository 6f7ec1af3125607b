"""The study's table of a Batch, and its answers read both ways."""

from app.domain.plurals import counted
from app.domain.statistics.readings import CATEGORIES, Readings, Validity
from app.domain.statistics.study_table import Basis, StudyLine
from app.domain.vocabulary import Category
from app.reporting import plots, svg
from app.reporting.document import Block, Bullets, NotEnough, Plot, Section, Table, Text
from app.reporting.findings import Findings
from app.reporting.wording import count, counts, percent, percents

MEANING = {
    Category.NON_ERROR: "non-error: the given label is right",
    Category.CORRECTABLE: "correctable: the guessed label is right",
    Category.MULTI_LABEL: "multi-label: both are right",
    Category.NEITHER: "neither label is right",
    Category.NON_AGREEMENT: "non-agreement: no answer reached the quorum",
}
_VALIDITY = {
    Validity.ONLY_GIVEN: "given alone",
    Validity.ONLY_GUESSED: "guessed alone",
    Validity.BOTH: "both",
    Validity.NEITHER: "neither",
    Validity.UNDECIDED: "undecided",
}
_BASIS = {
    Basis.WORKERS: "The intervals respect that other Items, other answers and other Workers, who each answer many Items, might "
    "have come.",
    Basis.ANSWERS: "The intervals respect that other Items and other answers might have come; how much Workers differ cannot be "
    "seen here, so the truth may lie further off.",
    Basis.ITEMS: "The intervals take the Items for a sample.",
}
_BASIS_OF_THE_WHOLE = {
    Basis.WORKERS: "All suspects were checked, so only other answers and other Workers, who each answer many Items, could "
    "change it: the intervals respect these.",
    Basis.ANSWERS: "All suspects were checked, so only other answers and other Workers could change it: the intervals respect "
    "other answers; how much Workers differ cannot be seen here, so the truth may lie further off.",
}


def table(findings: Findings) -> Section:
    """What the suspects turned out to be."""
    line = findings.study_line
    blocks = (
        (line,) if isinstance(line, NotEnough) else (*_about(findings, line), _plot(line), _estimates(findings, line))
    )
    return Section("study", "What the labels turned out to be", blocks)


def _about(findings: Findings, line: StudyLine) -> tuple[Block, ...]:
    terms, open_items = findings.record.terms, len(findings.record.items) - int(findings.record.items.settled.sum())
    lines = [
        f"{counted(line.table.checked, 'suspect')} checked. An answer that {terms.quorum} of up to {terms.assignments_per_item}"
        " Workers gave decides an Item; “given is right” is tested first.",
        (_BASIS_OF_THE_WHOLE if line.whole else _BASIS)[line.basis],
    ]
    if line.unanswered:
        lines.append(f"{counted(line.unanswered, 'suspect')} without any answer: not counted as checked.")
    if open_items:
        lines.append(
            f"{counted(open_items, 'Item')} still open: further Responses could change what they are. Clear Items settle"
            " first: errors and non-agreement are likely to rise, and the intervals do not know it."
        )
    if line.same_again is not None:
        lines.append(
            f"Another panel would put an Item into the same category with probability {percent(line.same_again)}."
        )
    return (Bullets(tuple(lines)),)


def _plot(line: StudyLine) -> Plot:
    sizes = (
        line.table.non_errors,
        line.table.correctable,
        line.table.multi_label,
        line.table.neither,
        line.table.non_agreement,
    )
    rows = [
        (MEANING[category], count(size), percent(share.value), percents(share.interval))
        for category, size, share in zip(CATEGORIES, sizes, line.shares, strict=True)
    ]
    error = line.error_share
    rows.append(
        ("label errors: all but non-errors", count(line.table.errors), percent(error.value), percents(error.interval))
    )
    shown = [
        *((category.value, share) for category, share in zip(CATEGORIES, line.shares, strict=True)),
        ("label errors", error),
    ]
    title, text = (
        "Share of the checked suspects in each category",
        "Dots are shares, lines their 95 % intervals; figures below.",
    )
    drawn = svg.drawing("categories", title, text, plots.intervals(shown, xlabel="share of the checked suspects, %"))
    found = Table("Checked suspects by category", ("Category", "Items", "Share", "95 % interval"), tuple(rows))
    return Plot("categories", title, text, drawn, found)


def _estimates(findings: Findings, line: StudyLine) -> Table:
    errors, rate = line.estimated_errors, line.error_rate
    rows = [
        (f"Label errors among all {count(line.suspects)} suspects", count(errors.value), counts(errors.interval)),
    ]
    # With control Items the next section knows better than "at least".
    bound = "" if line.dataset_size == line.suspects else ", at least"
    if rate is not None and line.dataset_size is not None and not len(findings.controls.votes):
        rows.append(
            (
                f"Wrong labels in the dataset of {count(line.dataset_size)}{bound}",
                percent(rate.value),
                percents(rate.interval),
            )
        )
    return Table("What that means for the whole", ("Estimate", "Value", "95 % interval"), tuple(rows))


def readings(findings: Findings) -> Section:
    """The four answers as categories, and as two questions of validity."""
    found = findings.readings
    blocks: tuple[Block, ...]
    blocks = (found,) if isinstance(found, NotEnough) else (*_explained(found), _crossed(found))
    return Section("readings", "Two readings of the same answers", blocks)


def _explained(found: Readings) -> tuple[Block, ...]:
    by_category = int((found.correction_by_category == 1).sum())
    by_validity = int((found.correction == 1).sum())
    return (
        Text(
            "“Both are right” also says that the given label is acceptable, and that the guessed one is. Read as two questions"
            " of validity, given is acceptable with given or both, guessed with guessed or both; the same quorum decides each."
        ),
        Bullets(
            (
                _undecided(found),
                f"New labels: {by_category:,} by category, {by_validity:,} by validity. Where both labels are acceptable the"
                " given one stays.",
            )
        ),
    )


def _undecided(found: Readings) -> str:
    undecided, with_a_label = found.table.non_agreement, found.non_agreement_with_a_label
    if not undecided:
        return "No Item is in non-agreement."
    having = {0: "none has", 1: "1 has"}.get(with_a_label, f"{with_a_label:,} have")
    return f"Of {counted(undecided, 'Item')} in non-agreement, {having} a label that the quorum accepts."


def _crossed(found: Readings) -> Table:
    crossed = found.crossed
    rows = [
        (category.value, *(count(cell) for cell in row), count(row.sum()))
        for category, row in zip(CATEGORIES, crossed, strict=True)
    ]
    rows.append(("all", *(count(cell) for cell in crossed.sum(axis=0)), count(crossed.sum())))
    columns = ("Category", *(_VALIDITY[validity] for validity in Validity), "All")
    return Table("Items by category, and by which label is acceptable", columns, tuple(rows))
