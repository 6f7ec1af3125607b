from app.domain.study_sets import (
    LabelSetItem,
    LabelSets,
    StudyItem,
    StudySet,
    answered,
    categories_of,
    row_of,
)
from app.domain.vocabulary import Category, Option


def item(
    given: int = 0,
    guessed: int = 0,
    both: int = 0,
    neither: int = 0,
    *,
    id: int = 1,
    others: dict[str, int] | None = None,
) -> StudyItem:
    return StudyItem(id, "cat", "dog", (given, guessed, both, neither), others or {})


def test_given_is_tested_first_also_where_each_vote_stands_under_both_names() -> None:
    assert categories_of([item(given=5, guessed=5), item(given=3, neither=3)]) == [Category.NON_ERROR] * 2


def test_the_answer_that_alone_reaches_the_quorum_wins() -> None:
    found = categories_of([item(guessed=3), item(both=4), item(neither=3), item(given=2, guessed=2)])
    assert found == [Category.CORRECTABLE, Category.MULTI_LABEL, Category.NEITHER, Category.NON_AGREEMENT]
    assert categories_of([item(guessed=3, both=3)]) == [Category.NON_AGREEMENT]


def test_an_answer_that_is_none_of_the_four_agrees_on_neither_label() -> None:
    assert categories_of([item(others={"neutral": 5})]) == [Category.NON_AGREEMENT]
    tied = item(guessed=2, others={"neutral": 2})
    assert categories_of([tied], quorum=2) == [Category.NON_AGREEMENT]
    assert categories_of([item(given=3, others={"neutral": 3})]) == [Category.NON_ERROR]


def test_no_items_have_no_categories() -> None:
    assert categories_of([]) == []


def test_what_workers_could_not_answer_is_not_counted_as_none() -> None:
    items = (item(given=3), item(guessed=3), item(neither=4))
    row = row_of(StudySet("mnist", items, frozenset({Option.GIVEN, Option.GUESSED, Option.NEITHER})))
    assert (row.checked, row.non_errors, row.errors, row.non_agreement, row.correctable) == (3, 1, 2, 0, 1)
    assert (row.multi_label, row.neither) == (None, 1)


def test_items_that_nobody_answered_were_not_checked() -> None:
    assert answered([item()]) == ()
    assert row_of(StudySet("x", (item(), item(given=3)), frozenset(Option))).checked == 1


def test_label_sets_are_right_where_the_set_that_holds_is_the_given_one() -> None:
    right = LabelSetItem(1, frozenset({"crowd"}), frozenset({"speech"}), {"crowd": 3, "speech": 2})
    added = LabelSetItem(2, frozenset({"crowd"}), frozenset({"speech"}), {"crowd": 5, "speech": 3})
    nothing = LabelSetItem(3, frozenset({"crowd"}), frozenset(), {"crowd": 0})
    row = row_of(LabelSets("audioset", (right, added, nothing)))
    assert (row.checked, row.non_errors, row.errors) == (3, 1, 2)
    assert (row.non_agreement, row.correctable, row.multi_label, row.neither) == (None,) * 4
