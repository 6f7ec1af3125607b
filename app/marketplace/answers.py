"""What a Worker's form holds, as MTurk's Answer XML."""

from collections.abc import Iterable, Mapping

from app.marketplace.xml_documents import SCHEMAS, escaped, storable

NAMESPACE = SCHEMAS + "2005-10-01/QuestionFormAnswers.xsd"
RESERVED = frozenset({"assignmentId", "hitId", "workerId", "turkSubmitTo"})


def answered(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The form's own fields: reserved names dropped, of several with one name the last kept.

    Characters that XML cannot carry are replaced by U+FFFD, so nothing of the answer is lost in silence.
    """
    return {storable(name): storable(value) for name, value in fields if name not in RESERVED and name}


def answer_xml(answers: Mapping[str, str]) -> str:
    """QuestionFormAnswers with one FreeText per field."""
    return document(free_text(name, value) for name, value in answers.items())


def document(entries: Iterable[str]) -> str:
    """QuestionFormAnswers around its Answer elements."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>'
        f'<QuestionFormAnswers xmlns="{NAMESPACE}">{"".join(entries)}</QuestionFormAnswers>'
    )


def entry(question_id: str, answer: str) -> str:
    """One Answer element; `answer` is XML."""
    return f"<Answer><QuestionIdentifier>{escaped(question_id)}</QuestionIdentifier>{answer}</Answer>"


def free_text(question_id: str, text: str) -> str:
    """One Answer element with a text."""
    return entry(question_id, f"<FreeText>{escaped(text)}</FreeText>")
