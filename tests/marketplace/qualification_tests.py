"""A Qualification test with its key, and Qualification Types that Rita defines."""

from typing import TYPE_CHECKING, Any

import httpx2

from tests.marketplace.people import Browser

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/"
TEST = f"""<QuestionForm xmlns="{SCHEMAS}2017-11-06/QuestionForm.xsd">
<Question><QuestionIdentifier>bird</QuestionIdentifier><IsRequired>true</IsRequired>
<QuestionContent><Text>Which one is a bird?</Text></QuestionContent>
<AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
<Selection><SelectionIdentifier>robin</SelectionIdentifier><Text>A robin</Text></Selection>
<Selection><SelectionIdentifier>trout</SelectionIdentifier><Text>A trout</Text></Selection>
</Selections></SelectionAnswer></AnswerSpecification></Question>
</QuestionForm>"""
KEY = f"""<AnswerKey xmlns="{SCHEMAS}2005-10-01/AnswerKey.xsd"><Question><QuestionIdentifier>bird</QuestionIdentifier>
<AnswerOption><SelectionIdentifier>robin</SelectionIdentifier><AnswerScore>10</AnswerScore></AnswerOption>
<DefaultScore>-2</DefaultScore></Question></AnswerKey>"""


def type_values(**changed: Any) -> dict[str, Any]:
    """The input of CreateQualificationType for an ordinary one."""
    return {
        "Name": "Knows birds",
        "Description": "Tells birds from fish",
        "QualificationTypeStatus": "Active",
        **changed,
    }


def define(mturk: "MTurkClient", **changed: Any) -> str:
    """Create an ordinary Qualification Type; its id."""
    return mturk.create_qualification_type(**type_values(**changed))["QualificationType"]["QualificationTypeId"]


def requirement(type_id: str, comparator: str, *values: int, **more: Any) -> dict[str, Any]:
    """One QualificationRequirement."""
    needed: dict[str, Any] = {"QualificationTypeId": type_id, "Comparator": comparator, **more}
    return {**needed, "IntegerValues": list(values)} if values else needed


def ask(browser: Browser, type_id: str) -> httpx2.Response:
    """Press the button that asks for the Qualification."""
    return browser.post(f"/worker/qualifications/{type_id}/request")


def hand_in(browser: Browser, type_id: str, **fields: str) -> httpx2.Response:
    """Hand in the test."""
    return browser.post(f"/worker/qualifications/{type_id}/test", **fields)
