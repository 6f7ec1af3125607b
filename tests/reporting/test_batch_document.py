"""A report on Batches of every kind: each gives a whole document, or says why it cannot."""

import re
from dataclasses import replace

import numpy as np
import pytest

from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import BatchStatus, ItemRole
from app.errors import InvalidInput
from app.reporting.batch_document import batch_document
from app.reporting.document import Block, Bullets, Document, Facts, NotEnough, Plot, Section, Table, Text
from app.reporting.pages import html, markdown
from app.reporting.record import BatchRecord
from tests.reporting.records import WORDS, crowd_record, made_record, record_of

NAMES = [
    "summary",
    "study",
    "readings",
    "agreement",
    "consensus",
    "confusion",
    "dataset",
    "ranking",
    "workers",
    "order",
    "money",
    "methods",
]


def section(document: Document, name: str) -> Section:
    return next(section for section in document.sections if section.name == name)


def table(document: Document, name: str, caption: str) -> Table:
    blocks: list[Block] = list(section(document, name).blocks)
    tables = [block.table if isinstance(block, Plot) else block for block in blocks]
    return next(block for block in tables if isinstance(block, Table) and block.caption.startswith(caption))


def reasons(document: Document, name: str) -> list[str]:
    return [block.reason for block in section(document, name).blocks if isinstance(block, NotEnough)]


def fact(document: Document, name: str) -> str:
    facts = [block for block in section(document, "summary").blocks if isinstance(block, Facts)]
    return dict(facts[0].pairs)[name]


def everything(document: Document) -> str:
    return html(document) + markdown(document)


EXTREMES: dict[str, BatchRecord] = {
    "no Items": record_of(*np.zeros((3, 0), dtype=np.int64), items=0),
    "no Responses": made_record(["-", "-"]),
    "one Response": made_record(["guessed"]),
    "one Worker": made_record(["given", "guessed", "given", "given"]),
    "one Item": made_record(["given given given guessed both"]),
    "all the same answer": made_record(["given given given"] * 6),
    "all neither": made_record(["neither neither neither"] * 3),
    "an answer per Worker": made_record([f"{'- ' * i}given" for i in range(5)]),
    "gold alone": made_record(["given given given"], roles=[ItemRole.GOLD], gold=[0]),
    "controls alone": made_record(["given given given"], roles=[ItemRole.CONTROL]),
    "nothing settled": made_record(["given guessed"] * 4, settled=False, status=BatchStatus.LIVE),
    "a draft": made_record(["-"], settled=False, status=BatchStatus.DRAFT),
    "Items without answers": made_record(["given given given", "-", "-"]),
    "a crowd": crowd_record(),
    "scores without a value": made_record(["given given given"] * 3, extra={"score": [np.nan] * 3}),
}


@pytest.mark.parametrize("kind", EXTREMES)
def test_every_kind_of_batch_has_a_report(kind: str) -> None:
    document = batch_document(EXTREMES[kind], scope=Scope(100, 10_000))
    assert [section.name for section in document.sections] == NAMES
    assert all(section.blocks for section in document.sections)
    text = everything(document)
    assert "nan" not in text.replace("significance", "").casefold().split()
    assert "Traceback" not in text


def test_a_batch_without_responses_says_so_in_every_finding() -> None:
    document = batch_document(EXTREMES["no Responses"])
    for name in ("study", "readings", "agreement", "consensus", "dataset", "workers", "order"):
        assert reasons(document, name), name
    assert fact(document, "Label errors among suspects").startswith("not enough to say: no Response came yet")


def test_the_studys_table_counts_settled_suspects_alone() -> None:
    answers = [
        "given given given",
        "guessed guessed guessed",
        "both both both",
        "given given neither",
        "given given given",
    ]
    roles = [ItemRole.SUSPECT] * 4 + [ItemRole.CONTROL]
    rows = table(batch_document(made_record(answers, roles=roles)), "study", "Checked suspects").rows
    assert [row[1] for row in rows] == ["1", "1", "1", "0", "1", "3"]


def test_the_second_reading_finds_labels_in_non_agreement() -> None:
    document = batch_document(made_record(["given given both guessed guessed"]))
    assert "Of 1 Item in non-agreement, 1 has a label" in everything(document)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["given given guessed guessed neither"], "Of 1 Item in non-agreement, none has a label that"),
        (["given given both guessed guessed"] * 2, "Of 2 Items in non-agreement, 2 have a label that"),
        (["given given given"], "No Item is in non-agreement."),
    ],
)
def test_items_in_non_agreement_are_counted_in_whole_sentences(answers: list[str], said: str) -> None:
    assert said in everything(batch_document(made_record(answers)))


def test_all_the_same_answer_leaves_kappa_undefined_and_says_why() -> None:
    document = batch_document(EXTREMES["all the same answer"])
    assert [row[1] for row in table(document, "agreement", "Agreement").rows] == [
        "100.0\xa0%",
        "undefined",
        "undefined",
    ]
    assert "all answers are the same" in reasons(document, "agreement")[0]


def test_quorum_and_jury_are_compared_item_by_item() -> None:
    sure = [" ".join([word] * 5) for word in ("given", "guessed", "both", "neither")]
    answers = [*sure * 3, "given given both neither guessed"]
    document = batch_document(made_record(answers))
    crossed = table(document, "consensus", "Items by quorum")
    assert [row[0] for row in crossed.rows] == ["given", "guessed", "both", "neither", "none", "all"]
    assert crossed.rows[-1][-1] == "13"
    listed = table(document, "consensus", "Where quorum and jury differ: 1 Item")
    assert listed.rows[0][:6] == ("item-12", "cat", "dog", "2 given, 1 guessed, 1 both, 1 neither", "none", "given")


def test_confusion_is_told_on_roles_and_where_classes_are_few_on_classes() -> None:
    """Everybody takes half of the owls for cats, whichever of the two is given."""
    rng = np.random.default_rng(5)
    items, who = 120, 5
    true = rng.integers(0, 3, items)
    other = (true + rng.integers(1, 3, items)) % 3
    given_is_right = rng.random(items) < 0.5
    names = np.array(["cat", "dog", "owl"])
    item, worker = np.repeat(np.arange(items), who), np.tile(np.arange(who), items)
    fooled = (true[item] == 2) & (other[item] == 0) & (worker < 2)
    says_given = given_is_right[item] != fooled
    record = record_of(item, worker, np.where(says_given, 0, 1), items=items)
    given, guessed = (names[np.where(given_is_right == of, true, other)].tolist() for of in (True, False))
    few = batch_document(replace(record, items=replace(record.items, given=given, guessed=guessed)))

    roles = table(few, "confusion", "Roles: what is right (rows), what was said (columns)").rows
    assert [row[0] for row in roles] == ["given", "guessed", "both", "neither"]
    assert roles[2][1:] == ("–", "–", "–", "–", "0")
    classes = {
        row[0]: row for row in table(few, "confusion", "Classes: what is right (rows), what was said (columns)").rows
    }
    assert list(classes) == ["cat", "dog", "owl", "(both)", "(neither)"]
    said_cat, said_owl = (float(classes["owl"][place].rstrip("\xa0%")) for place in (1, 3))
    assert said_cat > 10
    assert said_cat + said_owl == pytest.approx(100)
    assert classes["cat"][3] == "0\xa0%"
    [worst] = [block for block in section(few, "confusion").blocks if isinstance(block, Bullets)]
    assert worst.lines[0].startswith("owl taken for cat: ")
    assert "roles cannot show" in everything(few).casefold()
    assert "These 3 classes are few enough, with 600 answers" in everything(few)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        (11, "there are 11 classes, more than 10: answers are read as roles alone"),
        (4, "4 classes want 24 answers each and there are 60 in all: answers are read as roles alone"),
    ],
)
def test_many_or_rare_classes_are_left_to_roles_with_the_reason(classes: int, reason: str) -> None:
    record = made_record(["given given guessed"] * 20)
    items = replace(record.items, given=[f"c{n % classes}" for n in range(20)], guessed=["c0"] * 20)
    document = batch_document(replace(record, items=items))
    assert reasons(document, "confusion") == [reason]
    assert table(document, "confusion", "Roles: what is right (rows), what was said (columns)").rows[0][-1] == "60"


def test_controls_give_the_error_rate_and_the_recall() -> None:
    right, wrong = "given given given", "guessed guessed guessed"
    answers = [*[wrong] * 8, *[right] * 2, *[right] * 19, wrong]
    roles = [ItemRole.SUSPECT] * 10 + [ItemRole.CONTROL] * 20
    record = made_record(answers, roles=roles)
    rates = table(batch_document(record, scope=Scope(10, 210)), "dataset", "Error rate").rows
    found = {row[0]: row[1] for row in rates}
    assert found["Wrong labels, their number"] == "18"  # 8 suspects, and 1 of 20 controls stands for 10 of 200
    assert found["Recall: wrong labels that were suspected"] == "44.4\xa0%"
    without = batch_document(record)
    assert [row[1] for row in table(without, "dataset", "Label errors among").rows] == ["8 of 10", "1 of 20"]


def test_without_controls_the_rate_is_a_lower_bound() -> None:
    document = batch_document(crowd_record(), scope=Scope(None, 1000))
    rows = table(document, "dataset", "Error rate").rows
    assert rows[0][0] == "Wrong labels in the dataset, at least"
    assert rows[3][1] == "–"


def test_where_the_whole_dataset_was_suspected_the_rate_is_no_bound() -> None:
    document = batch_document(crowd_record(), scope=Scope(None, 60))
    rows = table(document, "dataset", "Error rate").rows
    assert [row[0] for row in rows] == [
        "Wrong labels in the dataset",
        "Wrong labels, their number",
        "Precision: suspects that are wrong",
    ]
    assert rows[0][1:] == rows[2][1:]
    _, (named, *figures) = table(document, "study", "What that means").rows
    assert (named, tuple(figures)) == ("Wrong labels in the dataset of 60", rows[0][1:])
    said = everything(document)
    assert said.count("A dataset of 60 Items, all of them suspected: the rate is that of the suspects") == 2
    for word in (", at least", "lower bound", "recall is not known", "No control Item"):
        assert word not in said
    part = everything(batch_document(crowd_record(), scope=Scope(None, 61)))
    assert part.count(", at least") >= 6
    assert "the rate is a lower bound" in part


@pytest.mark.parametrize("size", [None, 1000])
def test_a_figure_of_the_suspects_has_the_same_interval_wherever_it_stands(size: int | None) -> None:
    document = batch_document(crowd_record(), scope=Scope(None, size))
    [*_, errors] = table(document, "study", "Checked suspects by category").rows
    assert f"{errors[2]} ({errors[3]})" in fact(document, "Label errors among suspects")
    if size is None:
        [suspects] = table(document, "dataset", "Label errors among what").rows
        assert suspects[2:] == errors[2:]
        return
    number, rate = table(document, "study", "What that means").rows
    rows = table(document, "dataset", "Error rate").rows
    assert [row[1:] for row in rows[:3]] == [rate[1:], number[1:], errors[2:]]


def test_control_items_add_to_the_suspects_of_the_studys_table_and_their_verdicts_are_taken_as_they_are() -> None:
    roles = [ItemRole.SUSPECT] * 40 + [ItemRole.CONTROL] * 20
    record = crowd_record(roles=roles)
    document = batch_document(record, scope=Scope(None, 60))
    rows = {row[0]: row[1:] for row in table(document, "dataset", "Error rate").rows}
    [*_, errors] = table(document, "study", "Checked suspects by category").rows
    assert rows["Precision: suspects that are wrong"] == errors[2:]
    overlooked = rows["Wrong labels overlooked"]
    assert overlooked[1] == f"{overlooked[0]}–{overlooked[0]}"  # all that was not suspected was checked
    [(_, suspects, span)] = table(document, "study", "What that means").rows
    low, high = (int(end) + int(overlooked[0]) for end in span.split("–"))
    assert rows["Wrong labels, their number"] == (str(int(suspects) + int(overlooked[0])), f"{low}–{high}")
    assert everything(document).count("takes the Workers’ verdicts as they are") == 2
    assert "of recall, take the Workers’ verdicts as they are" in everything(document)


def test_where_all_suspects_were_checked_other_items_are_no_source_of_doubt() -> None:
    said = "so only other answers and other Workers"
    whole = everything(batch_document(crowd_record()))
    assert whole.count(said) == 4  # the table and the methods, as HTML and as Markdown
    assert "other Items" not in whole
    assert "respect items" not in whole
    part = everything(batch_document(crowd_record(), scope=Scope(100)))
    assert part.count("other Items, other answers and other Workers") == 2
    assert part.count("they respect items, answers and workers") == 2
    assert said not in part


@pytest.mark.parametrize(("scope", "field"), [(Scope(59), "suspects"), (Scope(None, 59), "dataset_size")])
def test_sizes_that_cannot_be_are_refused_by_name(scope: Scope, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        batch_document(crowd_record(), scope=scope)
    assert refused.value.problems[0].field == field


def test_a_dataset_that_cannot_hold_the_control_items_is_refused_rather_than_read_without_them() -> None:
    """They would be said not to have been checked."""
    record = crowd_record(roles=[ItemRole.SUSPECT] * 40 + [ItemRole.CONTROL] * 20)
    with pytest.raises(InvalidInput, match="a dataset of 59 Items cannot hold 40 suspects beside 20 control Items"):
        batch_document(record, scope=Scope(None, 59))
    assert "No control Item was checked" not in everything(batch_document(record, scope=Scope(None, 60)))


def test_one_item_is_said_so() -> None:
    assert fact(batch_document(made_record(["guessed"])), "Certain").startswith("0 of 1 Item from")


@pytest.mark.parametrize(("column", "sign", "first"), [("Score", 1, "largest"), ("label_quality", -1, "smallest")])
def test_precision_follows_the_files_own_ranking(column: str, sign: int, first: str) -> None:
    answers = [*["guessed guessed guessed"] * 10, *["given given given"] * 10]
    ranked = [sign * float(20 - number) for number in range(20)]
    document = batch_document(made_record(answers, extra={column: ranked, "other": ranked}))
    lead = section(document, "ranking").blocks[0]
    assert isinstance(lead, Text)
    assert f"“{column}” of the item file, {first} value first" in lead.text
    rows = table(document, "ranking", "Share of label errors").rows
    assert (rows[0][1], rows[-1][1]) == ("100.0\xa0%", "50.0\xa0%")


def test_workers_who_stand_out_come_first_and_nobody_is_named_by_id() -> None:
    rng = np.random.default_rng(3)
    items, who = 120, 6
    truth = rng.integers(0, 4, items)
    label = np.where(rng.random((items, who)) < 0.85, truth[:, None], rng.integers(0, 4, (items, who)))
    label[:, 4] = rng.integers(0, 4, items)  # two who share their wrong answers
    label[:, 5] = label[:, 4]
    rows = np.indices((items, who)).reshape(2, -1)
    document = batch_document(record_of(rows[0], rows[1], label.ravel(), items=items))
    found = table(document, "workers", "Workers, those who stand out first")
    assert {row[0] for row in found.rows[:2]} == {"W-0004", "W-0005"}
    assert all("shares wrong answers" in row[-1] for row in found.rows[:2])
    assert table(document, "workers", "Pairs who share wrong answers").rows[0][:2] == ("W-0004", "W-0005")


def test_many_workers_are_cut_short_and_counted() -> None:
    document = batch_document(crowd_record(items=300, workers=90))
    found = table(document, "workers", "Workers, those who stand out first (the first 40 of 90)")
    assert len(found.rows) == 40


def test_the_methods_hold_the_words_hashes_seeds_and_versions() -> None:
    text = html(batch_document(crowd_record()))
    for words in (
        "Both are right",
        "ab" * 32,
        "cd" * 32,
        "Seed of the Batch",
        "Label Jury 0.1.0",
        "arXiv:2103.14749",
        "$0.05",
    ):
        assert words in text


def test_that_masters_alone_could_answer_is_said() -> None:
    said = "Masters of the marketplace alone"
    assert said in everything(batch_document(made_record(["given given guessed"], masters=True)))
    assert said not in everything(batch_document(made_record(["given given guessed"])))


def test_the_profile_is_on_it_and_the_same_record_gives_the_same_bytes() -> None:
    first, second = (everything(batch_document(crowd_record())) for _ in range(2))
    assert first == second
    assert 'profile-local">local<' in first


def test_progress_is_told_section_by_section() -> None:
    told: list[str] = []
    batch_document(EXTREMES["one Response"], tell=told.append)
    assert len(told) == len(NAMES) - 1


@pytest.mark.parametrize(("usd_an_hour", "told"), [(949.87, True), (180.0, False), (12.5, False)])
def test_pay_of_answers_faster_than_people_is_told_from_pay(usd_an_hour: float, told: bool) -> None:
    """A reward of $0.05: at $180 an hour each Item took a second."""
    record = crowd_record()
    money = replace(record.money, hourly_usd=np.full(50, usd_an_hour))
    document = batch_document(replace(record, money=money))
    said = [block.text for block in section(document, "money").blocks if isinstance(block, Text)]
    assert any("less than a second an Item" in text and "simulated crowd" in text for text in said) is told
    assert ("faster than people can answer" in fact(document, "Pay")) is told


def asked_in_rounds(items: int = 200) -> tuple[BatchRecord, BatchRecord]:
    """Five answers on each Item, and what is left of them where three that agree are enough."""
    rng = np.random.default_rng(5)
    said = np.where(rng.random((items, 5)) < 0.9, 0, rng.integers(1, 4, (items, 5)))
    enough = (said[:, :3] == said[:, :1]).all(axis=1)
    answers = [" ".join(WORDS[label] for label in row) for row in said]
    fewer = [" ".join(line.split()[:3]) if at else line for line, at in zip(answers, enough, strict=True)]
    return made_record(answers), made_record(fewer, first_assignments=3)


def test_items_left_early_stand_for_panels_of_all() -> None:
    whole, rounds = (batch_document(record) for record in asked_in_rounds())
    shares = [table(document, "study", "Checked suspects").rows for document in (whole, rounds)]
    assert [row[:3] for row in shares[0]] == [row[:3] for row in shares[1]]
    again = [
        re.search(r"same category with probability ([\d.]+)", everything(document)) for document in (whole, rounds)
    ]
    assert all(again)
    first, second = (float(found[1]) for found in again if found)
    assert second == pytest.approx(first, abs=1.5)


@pytest.mark.parametrize(("first", "counted"), [(3, 3), (1, 2)])
def test_agreement_of_items_asked_in_rounds_is_that_of_the_first_answers(first: int, counted: int) -> None:
    """A single answer settles nothing, so that a second is asked for in any case."""
    _, rounds = asked_in_rounds()
    document = batch_document(replace(rounds, terms=replace(rounds.terms, first_assignments=first)))
    said = [block.text for block in section(document, "agreement").blocks if isinstance(block, Text)]
    assert any(f"Over the first {counted} answers" in text for text in said)
    assert any(f"{200 * counted} Responses on 200 Items" in text for text in said)
