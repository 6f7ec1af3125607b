"""What a Worker's form holds, as MTurk's Answer XML."""

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from app.marketplace.questions import SCHEMAS

NAMESPACE = SCHEMAS + "2005-10-01/QuestionFormAnswers.xsd"
RESERVED = frozenset({"assignmentId", "hitId", "workerId", "turkSubmitTo"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def answered(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The form's own fields: reserved names dropped, of several with one name the last kept.

    Characters that XML cannot carry are replaced by U+FFFD, so nothing of the answer is lost in silence.
    """
    return {_text(name): _text(value) for name, value in fields if name not in RESERVED and name}


def answer_xml(answers: dict[str, str]) -> str:
    """QuestionFormAnswers with one FreeText per field."""
    entries = "".join(
        f"<Answer><QuestionIdentifier>{_escaped(name)}</QuestionIdentifier>"
        f"<FreeText>{_escaped(value)}</FreeText></Answer>"
        for name, value in answers.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>'
        f'<QuestionFormAnswers xmlns="{NAMESPACE}">{entries}</QuestionFormAnswers>'
    )


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)


def _escaped(value: str) -> str:
    # A bare carriage return would be read back as a line feed.
    return escape(value, {"\r": "&#13;"})
