import json
from pathlib import Path

import pytest

from app.domain.study_sets import LabelSets, StudySet, categories_of, row_of
from app.domain.vocabulary import Category, Option
from app.errors import InvalidInput
from app.files.study_json import dataset_name, read_studies, read_study

PUBLISHED = {
    # dataset: checked, non-errors, errors, non-agreement, correctable, multi-label, neither
    "mnist": (100, 85, 15, 2, 10, None, 3),
    "cifar10": (275, 221, 54, 32, 18, 0, 4),
    "20news": (93, 11, 82, 43, 22, 12, 5),
    "imdb": (1310, 585, 725, 552, 173, None, None),
    "audioset": (307, 32, 275, None, None, None, None),
}
ITEM = {"id": 1, "given_original_label": "cat", "our_guessed_label": "dog", "mturk": {"given": 3, "guessed": 2}}
REVIEW = {
    "id": 22360,
    "given_original_label": "Positive",
    "our_guessed_label": "Neutral",
    "mturk": {"positive": 1, "negative": 1, "neutral": 3, "off-topic": 0},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pets_mturk.json"


def read(path: Path, *items: object) -> StudySet:
    path.write_text(json.dumps(items))
    found = read_study(path)
    assert isinstance(found, StudySet)
    return found


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_studys_files_give_the_studys_table(dataset: str, study: Path) -> None:
    row = row_of(read_study(study / f"{dataset}_mturk.json"))
    counts = (row.checked, row.non_errors, row.errors, row.non_agreement, row.correctable, row.multi_label, row.neither)
    assert (row.dataset, counts) == (dataset, PUBLISHED[dataset])


def test_a_set_is_called_as_its_file() -> None:
    assert [dataset_name(Path(name)) for name in ("d/cifar10_mturk.json", "pets.json", "_mturk.json")] == [
        "cifar10",
        "pets",
        "_mturk",
    ]


def test_labels_and_ids_stay_as_they_are(path: Path) -> None:
    [item] = read(path, ITEM | {"id": "007", "given_original_label": 3, "given_original_label_name": "cat"}).items
    assert (item.id, item.given, item.given_name, item.guessed, item.guessed_name) == ("007", 3, "cat", "dog", None)


def test_counts_by_class_words_are_compared_with_the_labels_case_aside(path: Path) -> None:
    found = read(path, REVIEW, REVIEW | {"id": 2, "given_original_label": "Neutral", "our_guessed_label": "negative"})
    assert [item.counts for item in found.items] == [(1, 3, 0, 0), (3, 1, 0, 0)]
    assert found.items[0].others == {"negative": 1, "off-topic": 0}
    assert categories_of(found.items) == [Category.CORRECTABLE, Category.NON_ERROR]
    assert found.offered == {Option.GIVEN, Option.GUESSED}


def test_class_words_may_stand_in_the_labels_names(path: Path) -> None:
    numbered = {"given_original_label": 2, "given_original_label_name": "Positive", "our_guessed_label": "neutral"}
    assert read(path, REVIEW | numbered).items[0].counts == (1, 3, 0, 0)


def test_a_class_that_some_items_leave_out_has_no_votes_there(path: Path) -> None:
    found = read(path, REVIEW, REVIEW | {"id": 2, "mturk": {"neutral": 4}})
    assert found.items[1].counts == (0, 4, 0, 0)


def test_answers_beside_the_four_are_known_by_name(path: Path) -> None:
    counts = {"Given": 1, "GUESSED": 1, "neutral": 2, "off_topic": 1, "both": 0}
    found = read(path, ITEM | {"mturk": counts})
    assert (found.items[0].counts, found.items[0].others) == ((1, 1, 0, 0), {"neutral": 2, "off-topic": 1})
    assert found.offered == {Option.GIVEN, Option.GUESSED, Option.BOTH}
    path.write_text(json.dumps([ITEM | {"mturk": {"given": 1, "too dark": 4}}]))
    assert isinstance(read_study(path, others=["Too dark"]), StudySet)


def test_label_sets_are_read_as_sets(path: Path) -> None:
    item = {
        "id": 2,
        "given_original_labels": ["Crowd"],
        "our_guessed_labels": ["Speech"],
        "mturk": {"Crowd": 3, "Speech": 1},
    }
    path.write_text("\ufeff" + json.dumps([item]))
    found = read_study(path)
    assert isinstance(found, LabelSets)
    assert found.items[0].given == {"Crowd"}
    assert row_of(found).non_errors == 1


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"given": 2.5}, "'given' is 2.5; a count is a whole number"),
        ({"given": "3"}, "'given' is '3'; a count is a whole number"),
        ({"given": True}, "'given' is True; a count is a whole number"),
        ({"given": None}, "'given' is nothing; a count is a whole number"),
        ({"given": float("nan")}, "'given' is nan; a count is a whole number"),
        ({"given": -1}, "'given' is -1; a count is at least 0"),
        ({"given": 10**30}, "a count is at least 0 and at most 1,000,000,000"),
        ({"given": 3, "Given": 3}, "mturk names an answer twice: given, Given"),
        (
            {"given": 3, "gven": 2},
            "unknown answer 'gven' (did you mean 'given'?); known are given, guessed, both, neither, neutral, off-topic",
        ),
        ({"yes": 3, "no": 2}, "the given label 'cat' is none of the answers ('no', 'yes')"),
        ([3, 2], "mturk must be an object of counts by answer, not [3, 2]"),
    ],
)
def test_counts_that_cannot_be_used_name_file_item_and_fault(counts: object, reason: str, path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(path, ITEM | {"id": 9, "mturk": counts})
    assert str(refused.value).startswith("pets_mturk.json, item 1 (id 9): ")
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("mturk", "mturk is missing"),
        ("id", "pets_mturk.json, item 1: id is missing"),
        ("our_guessed_label", "our_guessed_label is missing"),
    ],
)
def test_what_an_item_lacks_is_named(missing: str, reason: str, path: Path) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read(path, {name: value for name, value in ITEM.items() if name != missing})


def test_a_whole_count_may_be_written_with_a_point(path: Path) -> None:
    assert read(path, ITEM | {"mturk": {"given": 3.0}}).items[0].counts == (3, 0, 0, 0)


def test_an_item_that_the_file_has_again_to_the_letter_counts_once(path: Path) -> None:
    found = read(path, ITEM, ITEM | {"id": 2}, dict(reversed(ITEM.items())), ITEM)
    assert [item.id for item in found.items] == [1, 2]
    assert found.repeated == (1,)


def test_two_items_of_one_id_that_differ_are_refused_with_their_places(path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(path, ITEM, ITEM | {"id": 2}, ITEM | {"mturk": {"given": 5}}, {**ITEM, "id": "2", "url": "x"})
    assert str(refused.value) == (
        "pets_mturk.json, item 3 (id 1): has the id of item 1 and differs from it in mturk; leave one out or rename it\n"
        "pets_mturk.json, item 4 (id '2'): has the id of item 2 and differs from it in id, url; leave one out or rename it"
    )


def test_a_fault_behind_a_repeated_item_is_named_by_its_place_in_the_file(path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"item 3 \(id 3\): mturk: 'given' is -1"):
        read(path, ITEM, ITEM, ITEM | {"id": 3, "mturk": {"given": -1}})


@pytest.mark.parametrize("nothing", [{}, None, {"given": 0}])
def test_an_item_without_votes_stays_and_was_not_checked(nothing: object, path: Path) -> None:
    found = read(path, ITEM, ITEM | {"id": 2, "mturk": nothing})
    assert [item.checked for item in found.items] == [True, False]
    assert row_of(found).checked == 1


def test_a_class_word_item_without_votes_need_not_be_of_the_classes(path: Path) -> None:
    found = read(path, REVIEW, REVIEW | {"id": 2, "given_original_label": "Sarcastic", "mturk": {}})
    assert [item.answers for item in found.items] == [5, 0]


def test_a_file_in_which_nobody_answered_is_read(path: Path) -> None:
    row = row_of(read(path, ITEM | {"mturk": {}}))
    assert (row.checked, row.non_errors, row.errors, row.multi_label) == (0, 0, 0, None)


def test_label_sets_without_counts_were_not_checked_and_without_ticks_were(path: Path) -> None:
    labels = {"given_original_labels": ["a"], "our_guessed_labels": ["b"]}
    counts: list[object] = [{}, {"a": 0, "b": 0}, {"a": 4, "b": 0}]
    path.write_text(json.dumps([labels | {"id": n, "mturk": of} for n, of in enumerate(counts)]))
    row = row_of(read_study(path))
    assert (row.checked, row.non_errors, row.errors) == (2, 1, 1)


def test_label_sets_need_a_count_for_each_label_and_no_other(path: Path) -> None:
    labels = {"id": 2, "given_original_labels": ["a"], "our_guessed_labels": ["b"]}
    for counts, reason in (({"a": 1}, "no count for the label 'b'"), ({"a": 1, "b": 1, "c": 1}, "counts 'c', which")):
        path.write_text(json.dumps([labels | {"mturk": counts}]))
        with pytest.raises(InvalidInput, match=reason):
            read_study(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no JSON that can be read"),
        (b"{", "is no JSON that can be read"),
        (b"[" * 100_000, "is no JSON that can be read"),
        (b"[]", "the list is empty"),
        (b"{}", "must be a JSON list of objects, one an Item, not an object"),
        (b"7", "must be a JSON list of objects, one an Item, not 7"),
        (b"[1]", "item 1 must be a JSON object, not 1"),
        ("[]".encode("utf-16"), "is not UTF-8"),
        (b"\x1f\x8b\x08", "is compressed; unpack it first"),
        (b'{"id": 1}\n{"id": 2}\n', "JSON Lines are not read: make one list of all objects"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(content: bytes, reason: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_study(path)
    assert str(refused.value).startswith("pets_mturk.json: ")
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("content", "line", "name"),
    [
        (b'[{"id": 1, "id": 2}]', 1, "id"),
        (b'\xef\xbb\xbf\n {"id": 1, "id": 2}', 2, "id"),
        (b'[\n{"id": 1},\n\n {"id": 2,\n"mturk": {"given": 3, "given": 2}},\n[', 4, "given"),
        (b'[[1], 2, "]",\r\n{"a": [{"b": {}, "b": 2}]}]', 2, "b"),
    ],
)
def test_an_object_that_has_a_name_twice_is_refused_by_its_line(
    content: bytes, line: int, name: str, path: Path
) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_study(path)
    assert str(refused.value).startswith(f"line {line}, pets_mturk.json: the name '{name}' appears twice in one object")


def test_all_faulty_files_are_named_at_once(path: Path, tmp_path: Path) -> None:
    path.write_text("[]")
    with pytest.raises(InvalidInput) as refused:
        read_studies([path, tmp_path / "absent.json"])
    assert [problem.field for problem in refused.value.problems] == ["pets_mturk.json", "absent.json"]


def test_many_faults_are_counted_and_a_few_shown(path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(path, *({"id": number} for number in range(50)))
    assert (len(refused.value.problems), refused.value.total) == (20, 50)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "\ud83d"},
        {"our_guessed_label": "a\ud83d"},
        {"given_original_label_name": "\ude00"},
        {"mturk": {"cat": 1, "dog": 2, "\ud83d": 3}},
        {"given_original_label": ["cat", "\ud83d"], "our_guessed_label": ["dog"]},
    ],
)
def test_half_a_character_is_refused_where_it_would_be_written(path: Path, change: dict[str, object]) -> None:
    path.write_text(json.dumps([ITEM | change]))
    with pytest.raises(InvalidInput, match=r"pets_mturk\.json, item 1.*\\u.*, which holds half a character"):
        read_study(path)
