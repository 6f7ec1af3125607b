"""How it was done: in sentences that a paper can take over, with every text, rule, hash, version and source."""

from app.domain.consensus import methods as consensus
from app.domain.plurals import counted
from app.domain.statistics.study_table import Basis, StudyLine
from app.domain.vocabulary import ItemRole
from app.reporting.document import Block, Bullets, Facts, NotEnough, Quotation, Screen, Section, Text
from app.reporting.findings import CERTAIN, Findings
from app.reporting.record import ShownPage, Terms
from app.reporting.wording import NONE, at, count, usd, whole_percent

_MINUTE_S, _DAY_S = 60, 86_400

SOURCES = (
    "Categories, quorum and table: Northcutt, Athalye & Mueller 2021, Pervasive label errors in test sets destabilize machine"
    " learning benchmarks, arXiv:2103.14749.",
    "The jury: Dawid & Skene 1979, doi:10.2307/2346806, shrunk to the crowd’s matrix, pooled with the counts: Stone 1961,"
    " doi:10.1214/aoms/1177704873.",
    "Agreement: Fleiss 1971, doi:10.1037/h0031619; Krippendorff 2011, repository.upenn.edu/asc_papers/43.",
    "Intervals of shares: Wilson 1927, doi:10.1080/01621459.1927.10502953; effective numbers of trials as in Korn & Graubard"
    " 1998, Survey Methodology 24:193–201.",
    "Panels that would say the same: Laird 1978, doi:10.1080/01621459.1978.10480103.",
    "Error rate from strata: Cochran 1977, Sampling Techniques. Precision along a ranking: Ayer et al. 1955,"
    " doi:10.1214/aoms/1177728423.",
    "Order of choices: Krosnick & Alwin 1987, doi:10.1086/269029. Anchoring: Tversky & Kahneman 1974,"
    " doi:10.1126/science.185.4157.1124. Runs: Johnson 2005, doi:10.1016/j.jrp.2004.09.009. Times: Leys et al. 2013,"
    " doi:10.1016/j.jesp.2013.03.013. Shared wrong answers: Wesolowsky 2000, doi:10.1080/02664760050120588.",
    "Many tests at once: Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.",
)


def methods(findings: Findings) -> Section:
    """The methods section."""
    record, terms = findings.record, findings.record.terms
    blocks: list[Block] = [
        Text(_asked(findings)),
        Text(_decided(findings)),
        *_question(findings),
        Facts(_settings(terms)),
        Facts(_dates(findings)),
        Facts(
            (
                ("Template", f"{terms.template_name}, SHA-256 {terms.template_sha256}"),
                ("Items", f"SHA-256 {record.items.sha256} (id, labels, role, medium of each, in order)"),
                ("Seed of the Batch", f"{terms.seed}: order of labels, of Items, and what is drawn for a pilot"),
                ("Seed of the statistics", "none: nothing here is drawn at random"),
                ("Software", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
            )
        ),
        Quotation("Source of the template", tuple(terms.template_source.splitlines()), folded=True),
        Bullets(SOURCES),
    ]
    return Section("methods", "Methods", tuple(blocks))


def _asked(findings: Findings) -> str:
    record, terms = findings.record, findings.record.terms
    items, work = record.items, record.work
    roles = [
        counted(int(record.of_role(role).sum()), name)
        for role, name in (
            (ItemRole.SUSPECT, "suspect"),
            (ItemRole.CONTROL, "control Item"),
            (ItemRole.GOLD, "gold Item"),
        )
        if record.of_role(role).any()
    ]
    most = (
        f"up to {terms.assignments_per_item}"
        if terms.first_assignments < terms.assignments_per_item
        else str(terms.assignments_per_item)
    )
    kinds = f" ({', '.join(roles)})" if roles else ""
    return (
        f"{counted(len(items), 'Item')}{kinds} were shown on the marketplace “{terms.profile}” in HITs of"
        f" {counted(terms.items_per_hit, 'Item')} for {usd(terms.reward_usd)} each, every Item to {most} Workers. Workers saw"
        " the medium and two labels and were not told which is the dataset’s and which was guessed; which one stands above the"
        f" other was drawn for each Assignment. {counted(work.submitted, 'Assignment')} came in, {work.approved:,} approved and"
        f" {work.rejected:,} rejected. {counted(len(record.responses), 'Response')} of"
        f" {counted(len(record.workers), 'Worker')} name an answer and count; {work.cannot_tell:,} “cannot tell” and"
        f" {work.not_counted:,} that do not count (rejected work, dropped Workers) are left out."
    )


def _decided(findings: Findings) -> str:
    terms = findings.record.terms
    line = findings.study_line
    basis = "" if isinstance(line, NotEnough) else f" {_intervals(findings, line)}"
    return (
        f"An Item is a non-error where {terms.quorum} Workers say that the given label is right, which is tested first;"
        f" correctable, multi-label or neither where {terms.quorum} say that alone; else in non-agreement. Ties stay open. The"
        f" jury ({consensus.method_named(consensus.DEFAULT).title}) gives each answer a probability; an Item is settled from"
        f" {whole_percent(CERTAIN)} on. No model’s prediction took part.{basis} p-values of Workers are adjusted for their"
        " number."
    )


def _intervals(findings: Findings, line: StudyLine) -> str:
    """What the intervals of label errors respect."""
    if line.whole:
        respect = "all suspects were checked, so only other answers and other Workers could change them"
    else:
        respect = f"they respect {line.basis.value}"
    sentences = [f"Intervals are of 95 %. Those of the suspects’ label errors: {respect}."]
    if line.basis is Basis.ANSWERS:
        sentences.append("How much Workers differ could not be seen.")
    if len(findings.controls.votes):
        sentences.append("Those of control Items, and of recall, take the Workers’ verdicts as they are.")
    return " ".join(sentences)


def _question(findings: Findings) -> tuple[Block, ...]:
    terms = findings.record.terms
    if terms.shown is None:
        return (NotEnough("the stored template cannot be shown by this version of the software; its source is below"),)
    return (
        Screen(
            "page-shown",
            "What a Worker saw",
            f"The page that a Worker saw, {_example(terms.shown)}. Its words follow.",
            terms.shown.svg,
        ),
        Text(_about_the_example(findings, terms.shown)),
        Quotation(f"What Workers read (“{terms.title}”)", terms.page),
    )


def _example(shown: ShownPage) -> str:
    return "with names in place of an Item" if shown.item is None else f"with Item “{shown.item}”"


def _about_the_example(findings: Findings, shown: ShownPage) -> str:
    """What a reader must know of the picture."""
    record = findings.record
    gold = ", gold Items aside" if record.of_role(ItemRole.GOLD).any() else ""
    sentences = [
        "The Batch has no Items yet: the page is drawn with names in their place."
        if shown.item is None
        else f"Drawn for the Batch’s first Item, “{shown.item}”{gold}, with its labels in the order of the alphabet.",
        *shown.changed,
    ]
    if record.terms.items_per_hit > 1:
        sentences.append(f"A HIT shows up to {counted(record.terms.items_per_hit, 'Item')}, one below the other.")
    return " ".join(sentences)


def _settings(terms: Terms) -> tuple[tuple[str, str], ...]:
    rounds = (
        f"{terms.first_assignments} at first, more while the outcome is open"
        if terms.first_assignments < terms.assignments_per_item
        else "all at once"
    )
    review = ", ".join([terms.review_policy, *(f"{name} {value}" for name, value in terms.review_settings.items())])
    pairs = [
        ("Title", terms.title),
        ("Description", terms.description),
        ("Keywords", terms.keywords or NONE),
        ("Instructions", terms.instructions or NONE),
        ("Answers", f"{terms.assignments_per_item} an Item, {rounds}; {terms.quorum} equal ones decide"),
        (
            "Time for a HIT",
            f"{count(terms.assignment_duration_s / _MINUTE_S)} min, offered for {terms.lifetime_s / _DAY_S:.1f} days",
        ),
        ("Offered again", f"up to {terms.repost_limit} times"),
        ("Review", review),
    ]
    if terms.pilot_items:
        pairs.append(("Pilot", counted(terms.pilot_items, "Item")))
    if terms.masters:
        pairs.append(("Who might answer", "Masters of the marketplace alone"))
    if terms.excluded_batches:
        pairs.append(("Kept out", "Workers of Batch " + ", ".join(map(str, terms.excluded_batches))))
    return tuple(pairs)


def _dates(findings: Findings) -> tuple[tuple[str, str], ...]:
    dates = findings.record.dates
    return (
        ("Created", at(dates.created_at)),
        ("Launched", at(dates.launched_at)),
        ("First answer", at(dates.first_answer_at)),
        ("Last answer", at(dates.last_answer_at)),
        ("Finished", at(dates.finished_at)),
        ("This report", at(dates.read_at)),
    )
