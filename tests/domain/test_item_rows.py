import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.item_rows import ItemRow, Medium, SourceRow, check_row, column_name, header_problems
from app.domain.vocabulary import ItemRole, MediaType
from app.errors import Problem

ROW: dict[str, object] = {
    "id": "7",
    "url": "https://images.example/7.png",
    "given_label": "cat",
    "guessed_label": "dog",
}


def checked(batch: MediaType = MediaType.IMAGE, /, *, https_only: bool = False, **values: object) -> ItemRow:
    """The row of a sound file, with some values replaced; fails where it has faults."""
    row, problems = check_row(SourceRow(2, ROW | values), media_type=batch, https_only=https_only)
    assert problems == []
    return row


def problem(batch: MediaType = MediaType.IMAGE, /, *, https_only: bool = False, **values: object) -> Problem:
    """The one fault of the row with some values replaced."""
    _, problems = check_row(SourceRow(2, ROW | values), media_type=batch, https_only=https_only)
    assert len(problems) == 1, problems
    assert problems[0].line == 2
    return problems[0]


def test_a_sound_row_becomes_an_item() -> None:
    assert checked() == ItemRow(
        2, "7", ItemRole.SUSPECT, Medium.URL, "https://images.example/7.png", "cat", "dog", extra="{}"
    )


@pytest.mark.parametrize(
    ("id", "kept"), [("007", "007"), (" 7", " 7"), (7, "7"), (Decimal("7.50"), "7.50"), ("١٢", "١٢"), (b"x7", "x7")]
)
def test_an_id_is_kept_as_it_was_given(id: object, kept: str) -> None:
    assert checked(id=id).external_id == kept


@pytest.mark.parametrize("column", ["id", "given_label", "guessed_label"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_an_empty_id_or_label_is_named(column: str, value: object) -> None:
    _, problems = check_row(SourceRow(2, ROW | {column: value}), media_type=MediaType.IMAGE)
    assert problems == [Problem("is empty", line=2, field=column)]


def test_a_name_nearly_right_is_recognised_where_the_right_one_is_missing() -> None:
    row = {name: value for name, value in ROW.items() if name != "guessed_label"} | {"Guess_Label": "dog"}
    _, [fault] = check_row(SourceRow(3, row), media_type=MediaType.IMAGE)
    assert fault.message == "guessed_label is missing (found 'Guess_Label': did you mean 'guessed_label'?)"


@pytest.mark.parametrize("guessed", ["cat", " cat ", "cat\n"])
def test_two_labels_that_look_the_same_leave_nothing_to_ask(guessed: str) -> None:
    assert "nothing to ask" in problem(guessed_label=guessed).message


def test_composed_and_decomposed_characters_look_the_same() -> None:
    assert "nothing to ask" in problem(given_label="caf\u00e9", guessed_label="cafe\u0301").message


def test_labels_are_kept_with_their_spaces_so_that_they_match_the_dataset() -> None:
    assert checked(given_label=" cat").given_label == " cat"


def test_a_label_of_500_characters_is_the_longest() -> None:
    assert checked(given_label="x" * 500).given_label == "x" * 500
    assert problem(given_label="x" * 501).message == "has 501 characters; at most 500 fit"


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x1b", "\x7f", "\x9f", "\ud800", "\ufffe", "\U0001ffff"])
def test_a_character_that_no_page_can_show_is_named_with_its_position(character: str) -> None:
    message = problem(given_label=f"ca{character}t").message
    assert f"U+{ord(character):04X} at position 3" in message


def test_emoji_right_to_left_marks_markup_and_line_ends_are_welcome() -> None:
    text = "<b>&\"'\r\n\t]]>👩\u200d🚀 \u202eعربى\u202c"
    row = checked(MediaType.TEXT, url=None, text=text, given_label="<i>", guessed_label="👍🏽")
    assert (row.medium, row.medium_value, row.given_label, row.guessed_label) == (Medium.TEXT, text, "<i>", "👍🏽")


@pytest.mark.parametrize(
    ("media_type", "value", "medium"),
    [
        (MediaType.IMAGE, "https://images.example/1.png", Medium.URL),
        (MediaType.IMAGE, "HTTP://images.example/1.png", Medium.URL),
        (MediaType.IMAGE, "cats/1.png", Medium.PATH),
        (MediaType.AUDIO, "/data/1.wav", Medium.PATH),
        (MediaType.TEXT, "I liked it.", Medium.TEXT),
        (MediaType.TEXT, "https://example.com is down again", Medium.TEXT),
    ],
)
def test_the_column_media_holds_a_url_a_path_or_a_text(media_type: MediaType, value: str, medium: Medium) -> None:
    row = checked(media_type, url="", media=value)
    assert (row.medium, row.medium_value) == (medium, value)


def test_an_item_without_its_example_is_refused() -> None:
    assert problem(url=" ") == Problem(
        "the example is missing; fill one of url, path, text or media", line=2, field="media"
    )


def test_an_item_with_two_examples_is_refused() -> None:
    assert "given 2 times (url and path)" in problem(path="1.png").message


def test_a_text_among_images_and_a_url_among_texts_are_refused() -> None:
    assert "in a Batch of image each Item has a URL or a file" in problem(url="", text="A cat.").message
    assert "in a Batch of text each Item has its text" in problem(MediaType.TEXT).message


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://images.example/1.png", "must begin with https:// or http://"),
        ("javascript:alert(1)", "must begin with https:// or http://"),
        ("https://", "must begin with https:// or http:// and a host"),
        ("https:///1.png", "must begin with https:// or http:// and a host"),
        ("https://images.example/a cat.png", "write %20"),
        ("https://images.example/a\ncat.png", "contains a space"),
        ("https://rita:secret@images.example/1.png", "user name or password"),
        ("https://images.example/" + "x" * 2_000, "a URL may have 2,000"),
    ],
)
def test_a_url_that_no_browser_would_load_is_refused(url: str, why: str) -> None:
    assert why in problem(url=url).message


@pytest.mark.parametrize(
    ("path", "given", "guessed", "named"),
    [
        ("cat/0001.png", "cat", "dog", "cat"),
        ("Dog/0001.png", "cat", "dog", "dog"),
        ("x.png?class=CAT&n=1", "cat", "dog", "cat"),
        ("golden_retriever/1.png", "golden retriever", "beagle", "golden retriever"),
        ("golden-retriever.png", "golden retriever", "beagle", "golden retriever"),
        ("Golden%20Retriever/1.png", "beagle", "golden_retriever", "golden_retriever"),
        ("n02123045/x.jpg", "n02123045", "n02123159", "n02123045"),
        ("comp.graphics/38.png", "comp.graphics", "sci.med", "comp.graphics"),
        ("caf%C3%A9/1.png", "cafe\u0301", "bar", "cafe\u0301"),
        ("cat/1.png", "cat", "7", "cat"),
        ("hot_dog/hot_dog_1.png", "dog", "hot dog", "hot dog"),
        ("dog/1.png", "dog", "hot dog", "dog"),
    ],
)
def test_a_url_that_tells_whose_label_is_whose_is_refused(path: str, given: str, guessed: str, named: str) -> None:
    fault = problem(url=f"https://images.example/{path}", given_label=given, guessed_label=guessed)
    assert fault.field == "url"
    assert f"contains the label {named!r}, which would tell Workers whose label is whose" in fault.message
    assert "column 'path'" in fault.message
    assert "rename it" in fault.message


@pytest.mark.parametrize(
    ("path", "given", "guessed"),
    [
        ("cat-or-dog/1.png", "cat", "dog"),
        ("catalogue/concatenated/1.png", "cat", "dog"),
        ("retriever/golden/1.png", "golden retriever", "beagle"),
        ("4/247.png", "4", "6"),
        ("cat/1.png", "cat", "Cat!"),
        ("hot-dog-and-dog.png", "dog", "hot dog"),
        ("-/!!.png", "-", "!!"),
    ],
)
def test_a_url_that_holds_both_labels_or_none_is_welcome(path: str, given: str, guessed: str) -> None:
    assert checked(url=f"https://images.example/{path}", given_label=given, guessed_label=guessed).medium is Medium.URL


def test_an_unblinding_url_is_recognised_in_the_column_media_and_a_path_and_a_text_may_hold_a_label() -> None:
    assert problem(url="", media="https://images.example/cat/1.png").field == "media"
    assert checked(url="", path="cat/1.png").medium is Medium.PATH
    assert checked(MediaType.TEXT, url="", text="https://images.example/cat/1.png").medium is Medium.TEXT


def test_http_is_refused_where_pages_come_by_https() -> None:
    assert checked(url="http://images.example/1.png").medium is Medium.URL
    assert "use https:" in problem(https_only=True, url="http://images.example/1.png").message
    assert checked(https_only=True).medium is Medium.URL


def test_a_web_address_in_the_column_for_files_is_recognised() -> None:
    assert "put it into column 'url'" in problem(url="", path="https://images.example/1.png").message


def test_another_media_type_than_the_batchs_is_refused() -> None:
    assert checked(media_type=" Image ").medium is Medium.URL
    assert problem(media_type="audio") == Problem("is 'audio'; this Batch takes image", line=2, field="media_type")


def test_the_role_is_suspect_unless_it_says_gold_or_control() -> None:
    assert checked(role="").role is ItemRole.SUSPECT
    assert checked(role=" Gold ").role is ItemRole.GOLD
    assert problem(role="golden").message == "is 'golden'; this Batch takes suspect, gold or control"


def test_all_faults_of_a_row_are_found_at_once() -> None:
    row = SourceRow(9, {"id": "", "url": "no", "given_label": "", "guessed_label": "x" * 600, "role": "boss"})
    _, problems = check_row(row, media_type=MediaType.IMAGE)
    assert [p.field for p in problems] == ["id", "given_label", "guessed_label", "url", "role"]


def test_other_columns_are_kept_with_their_json_types() -> None:
    when = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    row = checked(score=0.25, n=3, ok=True, none=None, tags=["a", {"b": 1}], when=when, price=Decimal("1.10"), raw=b"a")
    assert json.loads(row.extra) == {
        "score": 0.25,
        "n": 3,
        "ok": True,
        "none": None,
        "tags": ["a", {"b": 1}],
        "when": "2026-11-23T12:00:00+00:00",
        "price": "1.10",
        "raw": "a",
    }


def test_not_a_number_is_written_as_postgresql_writes_it() -> None:
    row = checked(scores=[float("nan"), float("inf"), float("-inf")])
    assert json.loads(row.extra) == {"scores": ["NaN", "Infinity", "-Infinity"]}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\x00b", "U+0000 at position 2, which cannot be stored"),
        ({"deep": ["\ud800"]}, "U+D800"),
        ({"a\x00": 1}, "U+0000"),
        (b"\x89PNG", "binary data"),
        ("x" * 1_000_001, "leave this out"),
    ],
)
def test_another_column_that_cannot_be_kept_is_named(value: object, why: str) -> None:
    fault = problem(note=value)
    assert fault.field == "note"
    assert why in fault.message


def test_nesting_without_end_is_refused() -> None:
    nest: list[object] = []
    for _ in range(60):
        nest = [nest]
    assert "nested deeper than 50" in problem(note=nest).message


def test_a_label_that_is_a_list_is_refused() -> None:
    assert problem(given_label=["cat"]).message == "must be text or a number, not a list or an object"


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.text() | st.floats(), st.lists, max_leaves=5)))
def test_whatever_is_kept_is_json_that_postgresql_takes(extra: dict[str, object]) -> None:
    row, problems = check_row(
        SourceRow(2, ROW | {f"x{name}": value for name, value in extra.items()}), media_type=MediaType.IMAGE
    )
    if not problems:
        row.extra.encode()
        json.loads(row.extra, parse_constant=pytest.fail)
        assert "\\u0000" not in row.extra.replace("\\\\", "")


def test_column_names_are_trimmed_and_known_ones_folded() -> None:
    assert [column_name(name) for name in (" ID", "Given_Label ", "My Score ")] == ["id", "given_label", "My Score"]


def test_a_sound_header_has_no_problems() -> None:
    assert header_problems(["id", "media", "given_label", "guessed_label", "score"]) == []


def test_missing_columns_are_one_problem_that_tells_what_was_found_and_what_is_needed() -> None:
    [found] = header_problems(["id", "given_label", "guess_label"])
    assert found.line == 1
    assert found.message == (
        "columns are missing: guessed_label is missing (found 'guess_label': did you mean 'guessed_label'?); the example"
        " itself: one of url, path, text or media. Columns found: id, given_label and guess_label"
    )


def test_a_column_that_appears_twice_is_named() -> None:
    [found] = header_problems(["id", "url", "given_label", "guessed_label", "note", "note"])
    assert found.message == "a column appears twice: note; rename or remove one"
