"""Every form of MTurk's Answer XML becomes rows; nothing that is stored breaks the page."""

import pytest

from app.marketplace.requester_site.answer_tables import Row, rows

HEAD = (
    '<QuestionFormAnswers xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas'
    '/2005-10-01/QuestionFormAnswers.xsd">'
)


def xml(*answers: str) -> str:
    return HEAD + "".join(f"<Answer>{answer}</Answer>" for answer in answers) + "</QuestionFormAnswers>"


def test_texts_and_choices_keep_their_order() -> None:
    found = rows(
        xml(
            "<QuestionIdentifier>b</QuestionIdentifier><FreeText>one &lt;b&gt;\ntwo</FreeText>",
            "<QuestionIdentifier>a</QuestionIdentifier><SelectionIdentifier>x</SelectionIdentifier>"
            "<SelectionIdentifier>y</SelectionIdentifier><OtherSelectionText>z</OtherSelectionText>",
            "<QuestionIdentifier>empty</QuestionIdentifier><FreeText></FreeText>",
            "<QuestionIdentifier>none</QuestionIdentifier>",
        )
    )
    assert found == [
        Row("b", ("one <b>\ntwo",), is_choice=False),
        Row("a", ("x", "y", "z"), is_choice=True),
        Row("empty", ("",), is_choice=False),
        Row("none", (), is_choice=False),
    ]


@pytest.mark.parametrize("stored", [None, "", "not XML", "<a>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a/>"])
def test_what_is_no_answer_has_no_rows(stored: str | None) -> None:
    assert rows(stored) == []
