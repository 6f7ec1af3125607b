"""Ordinary inputs and XML that the contract's tests start from."""

import secrets
from typing import TYPE_CHECKING, Any

from tests.marketplace.people import hit_values, html_question

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import HITTypeDef

XSD = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas"
EXTERNAL = (
    f'<ExternalQuestion xmlns="{XSD}/2006-07-14/ExternalQuestion.xsd"><ExternalURL>https://example.org/a?b=1&amp;c=2'
    "</ExternalURL><FrameHeight>400</FrameHeight></ExternalQuestion>"
)
FORM = (
    f'<QuestionForm xmlns="{XSD}/2017-11-06/QuestionForm.xsd"><Question><QuestionIdentifier>bird</QuestionIdentifier>'
    "<IsRequired>true</IsRequired><QuestionContent><Text>Which one is a bird?</Text></QuestionContent>"
    "<AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections><Selection>"
    "<SelectionIdentifier>wren</SelectionIdentifier><Text>Wren</Text></Selection><Selection><SelectionIdentifier>newt"
    "</SelectionIdentifier><Text>Newt</Text></Selection></Selections></SelectionAnswer></AnswerSpecification>"
    "</Question></QuestionForm>"
)
KEY = (
    f'<AnswerKey xmlns="{XSD}/2005-10-01/AnswerKey.xsd"><Question><QuestionIdentifier>bird</QuestionIdentifier>'
    "<AnswerOption><SelectionIdentifier>wren</SelectionIdentifier><AnswerScore>7</AnswerScore></AnswerOption>"
    "</Question></AnswerKey>"
)
NOWHERE = "3" + "X" * 29


def fresh() -> str:
    """A text that nobody has used before: for tokens, names and titles."""
    return secrets.token_hex(8)


def hit_input(**changed: Any) -> dict[str, Any]:
    """CreateHIT for an ordinary HIT of a type of its own."""
    return hit_values(**{"Title": f"Which label fits? {fresh()}", **changed})


def type_input(**changed: Any) -> dict[str, Any]:
    """CreateHITType for a type of its own."""
    values = hit_input()
    kept = ("Title", "Description", "Reward", "AssignmentDurationInSeconds")
    return {**{name: values[name] for name in kept}, **changed}


def publish(mturk: "MTurkClient", **changed: Any) -> "HITTypeDef":
    """Create an ordinary HIT of a type of its own."""
    return mturk.create_hit(**hit_input(**changed))["HIT"]


def qualification_type(mturk: "MTurkClient", **changed: Any) -> str:
    """Create a Qualification Type; its id."""
    values = {"Name": f"Knows birds {fresh()}", "Description": "By ear", "QualificationTypeStatus": "Active", **changed}
    return mturk.create_qualification_type(**values)["QualificationType"]["QualificationTypeId"]


def question_of(size: int) -> str:
    """An HTMLQuestion of exactly `size` bytes, with two-byte letters in it."""
    empty = html_question().replace("<body>", "<body><p>ää</p>")
    missing = size - len(empty.encode())
    return empty.replace("<p>ää</p>", f"<p>ää{'x' * missing}</p>")
