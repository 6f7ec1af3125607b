"""A report on one Batch, section by section."""

from collections.abc import Callable

from app.domain.plurals import counted
from app.domain.statistics.study_table import Scope
from app.reporting.document import Document, Section
from app.reporting.findings import THEMSELVES, Findings
from app.reporting.record import BatchRecord
from app.reporting.sections import confusion, consensus, dataset, methods, money, study, summary, workers
from app.reporting.wording import at

_SECTIONS: tuple[tuple[str, Callable[[Findings], Section]], ...] = (
    ("the study's table", study.table),
    ("both readings", study.readings),
    ("agreement", consensus.agreement),
    ("the consensus", consensus.methods),
    ("what is taken for what", confusion.confusion),
    ("the dataset's error rate", dataset.error_rate),
    ("the ranking", dataset.ranking),
    ("Workers", workers.workers),
    ("order and anchoring", workers.order),
    ("money", money.money),
    ("methods", methods.methods),
)


def batch_document(
    record: BatchRecord, *, scope: Scope = THEMSELVES, tell: Callable[[str], None] = lambda what: None
) -> Document:
    """The report. scope: what the suspects stand for; `tell` hears what is computed next.

    Whatever the Responses do not give is a NotEnough with its reason. Raises InvalidInput for a scope that cannot be.
    """
    findings = Findings(record, scope)
    sections = []
    for name, section in _SECTIONS:
        tell(name)
        sections.append(section(findings))
    terms = record.terms
    return Document(
        title=f"{terms.name} (Batch {terms.number})",
        profile=terms.profile,
        lead=f"{counted(len(record.items), 'Item')}, {counted(len(record.responses), 'Response')};"
        f" {terms.status.value}, as of {at(record.dates.read_at)}.",
        sections=(summary.summary(findings), *sections),
    )
