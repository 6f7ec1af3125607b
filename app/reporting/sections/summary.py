"""The report in a few lines."""

from app.domain.plurals import counted
from app.domain.statistics.agreement import Undefined
from app.domain.vocabulary import BatchStatus, ItemRole
from app.reporting.document import Block, Facts, NotEnough, Section, Text
from app.reporting.findings import CERTAIN, Findings
from app.reporting.sections.money import median_hourly
from app.reporting.wording import NONE, count, share_with_interval, usd, whole_percent


def summary(findings: Findings) -> Section:
    """What most readers want to know."""
    record = findings.record
    pairs = [
        ("Items", _items(findings)),
        ("Responses", f"{len(record.responses):,} that count, of {counted(len(record.workers), 'Worker')}"),
        ("Label errors among suspects", _errors(findings)),
        ("Agreement", _agreement(findings)),
        ("Certain", _certain(findings)),
        ("Cost", f"{usd(record.money.total_usd)}, fees included"),
        ("Pay", median_hourly(findings)),
    ]
    blocks: tuple[Block, ...] = (Facts(tuple(pairs)),)
    if record.terms.status not in {BatchStatus.DONE, BatchStatus.STOPPED}:
        still = (
            "The Batch is a draft: nobody was asked yet."
            if record.terms.status is BatchStatus.DRAFT
            else "The Batch is not over:"
        )
        more = "" if record.terms.status is BatchStatus.DRAFT else " these figures hold what is known now."
        blocks = (Text(still + more), *blocks)
    return Section("summary", "Summary", blocks)


def _items(findings: Findings) -> str:
    record = findings.record
    roles = ", ".join(
        f"{count(record.of_role(role).sum())} {role.value}" for role in ItemRole if record.of_role(role).any()
    )
    settled = int(record.items.settled.sum())
    open_ = len(record.items) - settled
    return f"{len(record.items):,}{f' ({roles})' if roles else ''}; {settled:,} settled, {open_:,} open"


def _errors(findings: Findings) -> str:
    line = findings.study_line
    if isinstance(line, NotEnough):
        return f"not enough to say: {line.reason}"
    return f"{line.table.errors:,} of {line.table.checked:,}: {share_with_interval(line.error_share)}"


def _agreement(findings: Findings) -> str:
    found = findings.agreement
    if isinstance(found, NotEnough):
        return f"not enough to say: {found.reason}"
    if isinstance(found.percent, Undefined):
        return f"not enough to say: {found.percent.reason}"
    alpha = "" if isinstance(found.alpha, Undefined) else f"; Krippendorff’s alpha {found.alpha.value:.3f}"
    return f"two Workers say the same {share_with_interval(found.percent)}{alpha}"


def _certain(findings: Findings) -> str:
    settled = findings.settlement
    if isinstance(settled, NotEnough):
        return NONE
    others = findings.answered & ~findings.record.of_role(ItemRole.GOLD)
    sure, answered = int((settled.settled & others).sum()), int(others.sum())
    return (
        f"{sure:,} of {counted(answered, 'Item')} from {whole_percent(CERTAIN)} on; {answered - sure:,} for an expert"
    )
