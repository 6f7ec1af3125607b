import pytest

from app.domain.correction_rules import Agreement, CorrectionRules, Fate, Reading
from app.domain.corrections import changes_of, read_as, set_changes_of, votes_text
from app.domain.study_sets import LabelSetItem, StudyItem
from app.domain.vocabulary import Category
from app.errors import InvalidInput

MAJORITY, UNANIMOUS = CorrectionRules(), CorrectionRules(agreement=Agreement.UNANIMOUS)
VALIDITY = CorrectionRules(reading=Reading.VALIDITY)
STRICT = CorrectionRules(multi_label=Fate.DROP, unresolved=Fate.DROP)


def item(given: int = 0, guessed: int = 0, both: int = 0, neither: int = 0, **columns: object) -> StudyItem:
    values = {"id": 7, "given": "cat", "guessed": "dog", "others": {}} | columns
    return StudyItem(counts=(given, guessed, both, neither), **values)  # type: ignore[arg-type]


def corrected(item: StudyItem, rules: CorrectionRules) -> object:
    """The new label, None for dropped, "kept" where nothing changes."""
    found = changes_of([item], rules)
    return found[0].corrected if found else "kept"


def test_what_most_call_the_guessed_label_gets_it_with_reason_and_votes() -> None:
    [change] = changes_of([item(given=1, guessed=4)], MAJORITY)
    assert (change.id, change.given, change.corrected, change.category) == (7, "cat", "dog", Category.CORRECTABLE)
    assert change.reason == "4 of 5 answers say the guessed label is right"
    assert (change.votes, change.answers) == ("given 1, guessed 4", 5)


def test_the_rule_is_written_out() -> None:
    assert str(STRICT) == "majority; categories; quorum 3; multi-label drop; unresolved drop"


def test_unanimity_is_asked_of_new_labels_alone() -> None:
    assert corrected(item(given=1, guessed=4), UNANIMOUS) == "kept"
    assert corrected(item(guessed=5), UNANIMOUS) == "dog"
    assert corrected(item(guessed=4, others={"neutral": 1}), UNANIMOUS) == "kept"
    strict = CorrectionRules(agreement=Agreement.UNANIMOUS, unresolved=Fate.DROP)
    assert corrected(item(given=3, guessed=2), strict) == "kept"
    [change] = changes_of([item(given=1, guessed=4)], strict)
    assert (change.corrected, change.reason) == (None, "dropped: the guessed label is right for most, not for all")


@pytest.mark.parametrize("votes", [item(both=3, given=2), item(neither=4), item(given=2, guessed=2, neither=1)])
def test_items_without_one_right_label_keep_the_given_one_unless_they_are_to_be_dropped(votes: StudyItem) -> None:
    assert corrected(votes, MAJORITY) == "kept"
    assert corrected(votes, STRICT) is None


def test_a_dropped_item_says_why() -> None:
    dropped = changes_of([item(both=3), item(neither=4), item(given=2, guessed=2)], STRICT)
    assert [change.reason for change in dropped] == [
        "dropped: both labels are right",
        "dropped: neither label is right",
        "dropped: no answer reached 3",
    ]


def test_two_questions_find_a_label_where_no_single_answer_wins() -> None:
    split = item(guessed=2, both=2, neither=1)
    assert (corrected(split, MAJORITY), corrected(split, VALIDITY)) == ("kept", "dog")
    [change] = changes_of([split], VALIDITY)
    assert change.reason == "4 of 5 answers say the guessed label is right"
    assert read_as([item(given=2, guessed=2, both=1)], Reading.VALIDITY) == [Category.MULTI_LABEL]


def test_items_whose_two_labels_are_one_never_change() -> None:
    same = StudyItem(7, "cat", "cat", (5, 5, 0, 0), {})
    for rules in (STRICT, CorrectionRules(reading=Reading.VALIDITY, multi_label=Fate.DROP)):
        assert corrected(same, rules) == "kept"


def test_items_without_answers_stay_whatever_the_rules() -> None:
    assert changes_of([item()], STRICT) == []
    assert changes_of([], VALIDITY) == []


def test_votes_are_told_without_what_nobody_said() -> None:
    assert votes_text(item(given=1, neither=2, others={"off-topic": 2})) == "given 1, neither 2, off-topic 2"


def label_set(**ticks: int) -> LabelSetItem:
    return LabelSetItem(2, frozenset({"crowd", "cheering"}), frozenset({"speech"}), ticks)


def test_a_label_set_becomes_what_the_quorum_ticked() -> None:
    [change] = set_changes_of([label_set(crowd=3, cheering=2, speech=4)], MAJORITY)
    assert change.corrected == {"crowd", "speech"}
    assert (change.reason, change.votes) == ("added speech; removed cheering", "cheering 2, crowd 3, speech 4")


def test_unanimous_ticks_add_and_only_their_absence_removes() -> None:
    [change] = set_changes_of([label_set(crowd=1, cheering=0, speech=5)], UNANIMOUS)
    assert change.corrected == {"crowd", "speech"}
    assert list(set_changes_of([label_set(crowd=1, cheering=1, speech=4)], UNANIMOUS)) == []


def test_a_label_set_that_nobody_was_asked_about_stays() -> None:
    assert list(set_changes_of([label_set()], MAJORITY)) == []


def test_more_ticks_than_workers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="item 2: a label has 6 answers, and 5 Workers were asked"):
        list(set_changes_of([label_set(crowd=6, cheering=0, speech=0)], UNANIMOUS))
