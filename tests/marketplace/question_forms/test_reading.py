"""What a Worker hands in: taken by the form's rules, or sent back with a word for each fault."""

from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace import answers, question_forms
from tests.marketplace.question_forms.forms import PICTURE, form, free_text, question, selection, text_rules


def problem(answer: str, *fields: tuple[str, str], required: bool = False) -> str:
    """What a Worker reads about the one question of a form; nothing when the answer is taken."""
    other = question(free_text(), id="other")
    xml = form(question(answer, required=required), other)
    return question_forms.read(question_forms.parse(xml), [*fields, ("q2", "x")]).problems.get("q", "")


def taken(answer: str, *fields: tuple[str, str]) -> list[tuple[str, str]]:
    """The elements of the Answer XML, names without namespace."""
    filled = question_forms.read(question_forms.parse(form(question(answer))), fields)
    assert filled.problems == {}
    root: Element = fromstring(question_forms.answer_xml(filled).encode())
    assert root.tag == f"{{{answers.NAMESPACE}}}QuestionFormAnswers"
    return [(one.tag.rpartition("}")[2], one.text or "") for one in root.iter() if not len(one)]


@pytest.mark.parametrize(
    ("rules", "text", "expected"),
    [
        ("<IsNumeric/>", "12", ""),
        ("<IsNumeric/>", " -1.5 ", ""),
        ("<IsNumeric/>", ".5", ""),
        ("<IsNumeric/>", "1e5", "Please enter a number."),
        ("<IsNumeric/>", "١٢", "Please enter a number."),
        ("<IsNumeric/>", "1,5", "Please enter a number."),
        ("<IsNumeric/>", "NaN", "Please enter a number."),
        ("<IsNumeric/>", "9" * 10_000, "Please enter a number."),
        ('<IsNumeric minValue="2" maxValue="5"/>', "2", ""),
        ('<IsNumeric minValue="2" maxValue="5"/>', "5", ""),
        ('<IsNumeric minValue="2" maxValue="5"/>', "5.01", "Please enter a number from 2 to 5."),
        ('<IsNumeric minValue="2"/>', "1", "Please enter a number not below 2."),
        ('<IsNumeric maxValue="2"/>', "3", "Please enter a number not above 2."),
        ('<Length minLength="3"/>', "ab", "Please write at least 3 characters; these are 2."),
        ('<Length maxLength="3"/>', "abcd", "Please write 3 characters at most; these are 4."),
        ('<Length minLength="3" maxLength="3"/>', "👍👍👍", ""),
        ('<Length maxLength="3"/>', "a\r\nb", ""),
        (
            '<AnswerFormatRegex regex="^[A-Z]{2}$" errorText="Two capitals, &lt;please&gt;"/>',
            "ab",
            "Two capitals, <please>",
        ),
        ('<AnswerFormatRegex regex="^[A-Z]{2}$"/>', "ab", "This answer does not have the form that is asked for."),
        ('<AnswerFormatRegex regex="a"/><AnswerFormatRegex regex="b" errorText="No b"/>', "a", "No b"),
    ],
)
def test_texts_keep_to_their_rules(rules: str, text: str, expected: str) -> None:
    assert problem(free_text(rules), ("q1", text)) == expected


@pytest.mark.parametrize(
    ("answer", "values", "expected"),
    [
        (selection("a", "b"), ["a"], ""),
        (selection("a", "b"), ["a", "b"], "Please choose 1 at most."),
        (selection("a", "b"), ["a", "a"], ""),
        (selection("a", "b"), ["c"], "Please choose from what is offered."),
        (selection("a", "b"), ["a\0"], "Please choose from what is offered."),
        (selection("a", "b", "c", style="checkbox", least=2), ["a"], "Please choose at least 2."),
        (selection("a", "b", "c", style="checkbox", least=2), ["a", "c"], ""),
        (selection("a", "b", "c", style="checkbox", most=2), ["a", "b", "c"], "Please choose 2 at most."),
        (selection("a", "b", style="dropdown"), ["b"], ""),
        (selection("a", "b", style="combobox"), ["The b"], ""),
        (selection("a", "b", style="combobox"), ["b"], ""),
        (selection("a", "b", style="combobox"), ["The c"], "Please choose from what is offered."),
    ],
)
def test_choices_keep_to_what_is_offered(answer: str, values: list[str], expected: str) -> None:
    assert problem(answer, *(("q1", value) for value in values)) == expected


OWN = text_rules('<Length maxLength="5"/>', default="Say")


@pytest.mark.parametrize(
    ("answer", "fields", "expected"),
    [
        (selection("a", other=OWN), [("q1", ""), ("q1.other", "mine")], ""),
        (selection("a", other=OWN), [("q1", ""), ("q1.other", " ")], "You chose “Other”: please write your own answer."),
        (selection("a", other=OWN), [("q1", "a"), ("q1.other", "Say")], ""),
        (selection("a", other=OWN), [("q1", "a"), ("q1.other", "x")], "Please choose one or write your own answer, not both."),
        (selection("a", other=OWN), [("q1.other", "longer")], "Please write 5 characters at most; these are 6."),
        (selection("a", other=OWN, style="dropdown"), [("q1", ""), ("q1.other", "Say")], ""),
        (selection("a", style="dropdown"), [("q1", ""), ("q1.other", "ignored")], ""),
    ],
)  # fmt: skip
def test_words_of_ones_own_count_as_a_choice(answer: str, fields: list[tuple[str, str]], expected: str) -> None:
    assert problem(answer, *fields) == expected


@pytest.mark.parametrize(
    "answer", [free_text(), selection("a"), selection("a", style="combobox"), selection("a", other="")]
)
def test_a_required_question_wants_an_answer_and_another_does_not(answer: str) -> None:
    for fields in ([], [("q1", "")], [("q1.other", " ")]):
        assert problem(answer, *fields) in {"", "You chose “Other”: please write your own answer."}
        assert problem(answer, *fields, required=True) != ""


def test_a_form_without_any_answer_is_not_handed_in() -> None:
    filled = question_forms.read(question_forms.parse(form(question(free_text()))), [("q1", " ")])
    assert filled.problems == {"q": "Please answer at least one question."}


@pytest.mark.parametrize(
    ("answer", "fields", "expected"),
    [
        (free_text(), [("q1", "a <b> & \r\n\0👍")], [("FreeText", "a <b> & \r\n\ufffd👍")]),
        (selection("a", "b"), [("q1", "b")], [("SelectionIdentifier", "b")]),
        (
            selection("a", "b", style="checkbox", other=""),
            [("q1", "b"), ("q1", "a"), ("q1", ""), ("q1.other", "c")],
            [("SelectionIdentifier", "a"), ("SelectionIdentifier", "b"), ("OtherSelectionText", "c")],
        ),
        (selection("a", style="combobox"), [("q1", "The a")], [("SelectionIdentifier", "a")]),
        (selection("a", style="combobox", other=""), [("q1", "else")], [("OtherSelectionText", "else")]),
        (selection("a", style="combobox", contents={"a": PICTURE}), [("q1", "a")], [("SelectionIdentifier", "a")]),
    ],
)
def test_answers_are_written_as_mturk_writes_them(
    answer: str, fields: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    assert taken(answer, *fields) == [("QuestionIdentifier", "q"), *expected]


def test_questions_may_be_called_like_the_pages_own_fields() -> None:
    xml = form(*(question(free_text(), id=id) for id in ("assignmentId", "csrf", "q2", "<x>")))
    fields = [("assignmentId", "3A"), ("csrf", "t"), ("q1", "1"), ("q3", "3"), ("q4", "4")]
    filled = question_forms.read(question_forms.parse(xml), fields)
    assert [(one.question_id, one.text) for one in filled.answers] == [("assignmentId", "1"), ("q2", "3"), ("<x>", "4")]


RICH = question_forms.parse(
    form(
        question(free_text('<IsNumeric minValue="1"/><Length maxLength="9"/><AnswerFormatRegex regex="."/>'), id="n"),
        question(selection("a", "b", other=text_rules('<Length minLength="2"/>')), id="r", required=True),
        question(selection("a", "b", style="checkbox", least=1), id="c"),
        question(selection("a", "b", style="combobox", other=""), id="k"),
    )
)
NAMES = st.sampled_from(["q1", "q2", "q2.other", "q3", "q4", "q4.other", "assignmentId", ""]) | st.text(max_size=5)
VALUES = st.sampled_from(["a", "b", "", "The a", "12"]) | st.text(max_size=12)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_whatever_is_posted_is_taken_as_valid_xml_or_sent_back(fields: list[tuple[str, str]]) -> None:
    filled = question_forms.read(RICH, fields)
    assert filled.problems or filled.answers
    root: Element = fromstring(question_forms.answer_xml(filled).encode())
    assert len(root) == len(filled.answers)
    question_forms.fields_html(RICH, given=filled.given, problems=filled.problems)
