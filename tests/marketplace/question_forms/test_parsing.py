import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace import question_forms
from app.marketplace.question_forms.form import Choice, FreeText, Media, Overview, Style, Text
from app.marketplace.wire_errors import ParameterValidationError
from tests.marketplace.question_forms.forms import (
    NAMESPACE,
    PICTURE,
    form,
    formatted,
    free_text,
    overview,
    question,
    selection,
)

OLD = NAMESPACE.replace("2017-11-06", "2005-10-01")
EMBEDDED = (
    "<EmbeddedBinary><EmbeddedMimeType><Type>video</Type><SubType>mp4</SubType></EmbeddedMimeType>"
    "<DataURL>https://films.example/a.mp4</DataURL><AltText>A film</AltText><Width>320</Width><Height>80%</Height>"
    "<ApplicationParameter><Name>a</Name><Value>b</Value></ApplicationParameter></EmbeddedBinary>"
)


@pytest.mark.parametrize("namespace", [NAMESPACE, OLD])
def test_both_namespaces_are_read_in_the_requesters_order(namespace: str) -> None:
    xml = form(overview("<Title>T</Title>"), question(free_text()), overview(EMBEDDED), namespace=namespace)
    found = question_forms.parse(xml)
    assert [type(part).__name__ for part in found.parts] == ["Overview", "Question", "Overview"]
    film = found.parts[2]
    assert isinstance(film, Overview)
    assert film.content == (Media("video", "https://films.example/a.mp4", "A film", 320, None),)


def test_every_rule_of_a_text_is_read() -> None:
    rules = (
        '<IsNumeric minValue="-3" maxValue="10"/><Length minLength="2" maxLength="4"></Length>'
        '<AnswerFormatRegex regex="^\\d" errorText="A digit first" flags="i"/><AnswerFormatRegex regex="x$"/>'
    )
    answer = question_forms.parse(form(question(free_text(rules, default=" a\nb", lines=3)))).questions[0].answer
    assert isinstance(answer, FreeText)
    assert (answer.numeric, answer.lowest, answer.highest) == (True, -3, 10)
    assert (answer.min_length, answer.max_length, answer.default, answer.lines) == (2, 4, " a\nb", 3)
    assert [(one.pattern, one.message) for one in answer.formats] == [("^\\d", "A digit first"), ("x$", "")]


@pytest.mark.parametrize(
    ("style", "most", "expected"),
    [
        (None, None, (Style.RADIOBUTTON, 1)),
        ("radiobutton", None, (Style.RADIOBUTTON, 1)),
        ("dropdown", None, (Style.DROPDOWN, 1)),
        ("combobox", None, (Style.COMBOBOX, 1)),
        ("checkbox", None, (Style.CHECKBOX, 3)),
        ("multichooser", None, (Style.MULTICHOOSER, 3)),
        ("list", None, (Style.LIST, 3)),
        (None, 2, (Style.CHECKBOX, 2)),
        ("checkbox", 1, (Style.CHECKBOX, 1)),
        ("checkbox", 9, (Style.CHECKBOX, 3)),
    ],
)
def test_how_many_may_be_chosen_follows_from_count_and_style(
    style: str | None, most: int | None, expected: tuple[Style, int]
) -> None:
    answer = (
        question_forms.parse(form(question(selection("a", "b", style=style, most=most, other="")))).questions[0].answer
    )
    assert isinstance(answer, Choice)
    assert (answer.style, answer.most) == expected


def test_white_space_and_a_schema_location_do_no_harm() -> None:
    xml = form(f"\n  {question(free_text(), id=' q ')}\n")
    xml = xml.replace("xmlns=", 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="a b" xmlns=')
    found = question_forms.parse('\ufeff<?xml version="1.0" encoding="ISO-8859-1"?>\n' + xml).questions[0]
    assert (found.id, found.number, found.required, found.content) == ("q", 1, False, (Text("What?"),))


UPLOAD = (
    "<FileUploadAnswer><MaxFileSizeInBytes>9</MaxFileSizeInBytes><MinFileSizeInBytes>1</MinFileSizeInBytes>"
    "</FileUploadAnswer>"
)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "well-formed XML"),
        ("<a/>", "root element must be QuestionForm"),
        (form(question(free_text()), namespace=NAMESPACE[:-1]), "xmlns of QuestionForm"),
        (form(question(free_text()), namespace=""), "xmlns of QuestionForm"),
        (form(), "at least one Question"),
        (form(overview("<Title>T</Title>")), "at least one Question"),
        (form("<Nonsense/>"), "not Nonsense"),
        (form("text", question(free_text())), "elements only, not text"),
        (form(question(free_text()), question(free_text())), "occurs twice"),
        (form(question(free_text(), id=" ")), "QuestionIdentifier is empty"),
        (form(question(free_text()).replace("<IsRequired>false", "<IsRequired>no")), "true or false"),
        (form(question(free_text()).replace("<Question>", '<Question a="b">')), "no attribute a"),
        (form(question(free_text(), content="")), "QuestionContent is empty"),
        (form(overview(""), question(free_text())), "Overview is empty"),
        (form(question("")), "FreeTextAnswer or SelectionAnswer"),
        (form(question(free_text() + free_text())), "must not hold FreeTextAnswer here"),
        (form(question(UPLOAD)), "FileUploadAnswer was removed from MTurk on 2017-12-12"),
        (form(overview("<Application/>"), question(free_text())), "Application was removed"),
        (form(question(free_text('<IsNumeric minValue="2" maxValue="1"/>'))), "minValue 2 is more than maxValue 1"),
        (form(question(free_text('<Length minLength="3" maxLength="2"/>'))), "minLength 3 is more than maxLength 2"),
        (form(question(free_text('<Length maxLength="0"/>'))), "maxLength must be from 1"),
        (form(question(free_text('<IsNumeric minValue="1.5"/>'))), "minValue must be an integer"),
        (form(question(free_text(f'<IsNumeric minValue="{"9" * 5000}"/>'))), "minValue must be an integer"),
        (form(question(free_text("<IsNumeric/><IsNumeric/>"))), "Constraints must hold"),
        (form(question(free_text("<IsNumeric>yes</IsNumeric>"))), "IsNumeric must be empty"),
        (form(question(free_text("<Shouting/>"))), "not Shouting"),
        (form(question(free_text("<AnswerFormatRegex/>"))), "needs a regex"),
        (form(question(free_text('<AnswerFormatRegex regex="("/>'))), "is not valid"),
        (form(question(free_text('<AnswerFormatRegex regex="a" flags="x"/>'))), "does not know the flags"),
        (form(question(free_text('<AnswerFormatRegex regex="a"/>' * 51))), "a form may hold 50"),
        (form(question(free_text(lines=0))), "NumberOfLinesSuggestion must be from 1"),
        (form(question(selection())), "Selections must hold Selection"),
        (form(question(selection("a", "a"))), "occurs twice in one question"),
        (form(question(selection(""))), "SelectionIdentifier is empty"),
        (form(question(selection("a", style="slider"))), "StyleSuggestion slider"),
        (form(question(selection("a", "b", least=2, most=1))), "MinSelectionCount 2 is more"),
        (form(question(selection("a", "b", least=3, style="checkbox"))), "MinSelectionCount 3 is more"),
        (form(question(selection("a", most=0))), "MaxSelectionCount must be from 1"),
        (form(overview(PICTURE.replace("https://", "javascript://")), question(free_text())), "http or https URL"),
        (form(overview(PICTURE.replace("image", "hologram")), question(free_text())), "image, audio or video"),
        (form(overview("<List></List>"), question(free_text())), "List must hold ListItem"),
        (form(overview("<Title><b>x</b></Title>"), question(free_text())), "must hold text only"),
        (form(question(free_text())).replace("QuestionContent>", "Content>"), "must hold QuestionContent here"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + form(question(free_text(), content="<Text>&b;</Text>")), "DTD"),
        (form(question(free_text(), content=f"<Text>{'€' * 22_000}</Text>")), "65535"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_with_the_reason(xml: str, reason: str) -> None:
    with pytest.raises(ParameterValidationError) as refused:
        question_forms.parse(xml)
    assert reason in refused.value.message
    assert len(refused.value.message) < 450


def test_an_entity_bomb_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    with pytest.raises(ParameterValidationError, match="DTD"):
        question_forms.parse(f'<!DOCTYPE a [<!ENTITY e0 "lol">{entities}]>{form(question(free_text()))}')


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        '<p onclick="alert(1)">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt&#58;alert(1)">x</a>',
        '<a href="//example.org">x</a>',
        '<img src="data:image/svg+xml,x"/>',
        "<iframe></iframe>",
        "<form><input/></form>",
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "<p>",
        "a & b",
        "&nosuch;",
        "</div><div>",
        "<b>" * 100 + "</b>" * 100,
        "<b>" * 5000 + "</b>" * 5000,
    ],
)
def test_formatted_content_outside_of_the_subset_is_refused(markup: str) -> None:
    with pytest.raises(ParameterValidationError, match="XHTML subset"):
        question_forms.parse(form(overview(formatted(markup)), question(free_text())))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for xml in (
        text,
        form(text),
        form(question(text)),
        form(question(free_text(text))),
        form(overview(formatted(text))),
    ):
        with contextlib.suppress(ParameterValidationError):
            question_forms.parse(xml.encode("utf-8", "replace").decode())


PIECES = [
    "<Question>", "</Question>", "<QuestionIdentifier>", "</QuestionIdentifier>", "a", "<Text/>", "<QuestionContent>",
    "</QuestionContent>", "<AnswerSpecification>", "</AnswerSpecification>", "<FreeTextAnswer/>", "<SelectionAnswer>",
    "</SelectionAnswer>", "<Selections>", "</Selections>", "<Selection>", "</Selection>", "<Constraints/>", "<IsNumeric/>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_order_of_the_elements_is_read_or_refused(pieces: list[str]) -> None:
    with contextlib.suppress(ParameterValidationError):
        question_forms.parse(form(*pieces))
