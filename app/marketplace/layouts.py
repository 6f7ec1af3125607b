"""HIT layouts: questions with placeholders, `${name}`, that CreateHIT fills from HITLayoutParameters.

MTurk has no operation that makes one; here the operator or the Requester's pages do.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import questions
from app.marketplace.ids import new_id
from app.marketplace.questions import HTMLQuestion
from app.marketplace.store import HITLayout
from app.marketplace.wire_errors import ParameterValidationError, does_not_exist, not_valid, out_of_range
from app.marketplace.xml_documents import root_of

MOST_PARAMETERS = 25
LONGEST_NAME = 200
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.-]{1,100})\}")
_XML = re.compile(r"\s*<(\?xml |(HTMLQuestion|ExternalQuestion|QuestionForm)\b)")
_PAGE = re.compile(r"\s*(<\?xml[^>]*\?>)?\s*<HTMLQuestion\b")
_SHOWN = 10


def create(db: Session, requester_id: str, name: str, question: str, now: datetime) -> str:
    """Keep a layout; its HITLayoutId. `question` is Question XML, or an HTML page that becomes an HTMLQuestion.

    Raises ParameterValidationError for a name or a question that cannot be used whatever the placeholders hold.
    """
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise not_valid("Name", name)
    if "\0" in question:
        raise not_valid("Question", "a text with NUL characters")
    xml = question if _XML.match(question) else questions.html_question(question)
    if _PLACEHOLDER.search(xml) is None:
        questions.check(xml)
    else:
        root_of(xml, "Question")
    layout = HITLayout(id=new_id(), requester_id=requester_id, name=name, question=xml, created_at=now)
    db.add(layout)
    db.flush()
    return layout.id


def owned_by(db: Session, requester_id: str) -> Sequence[HITLayout]:
    """The Requester's layouts, newest first."""
    statement = select(HITLayout).where(HITLayout.requester_id == requester_id)
    return db.scalars(statement.order_by(HITLayout.created_at.desc(), HITLayout.id)).all()


def placeholders(question: str) -> list[str]:
    """The names for which a layout wants values, in their order."""
    return [*dict.fromkeys(_PLACEHOLDER.findall(question))]


def fill(db: Session, requester_id: str, layout_id: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    """The layout's Question XML with these values; names that it does not hold are ignored.

    parameters: HITLayoutParameters of the wire. Raises RequestError for an unknown layout, ParameterValidationError for
    missing values. The result must still be checked.
    """
    values = _values(parameters)
    layout = db.get(HITLayout, layout_id)
    if layout is None or layout.requester_id != requester_id:
        raise does_not_exist("HITLayout", layout_id)
    missing = [name for name in placeholders(layout.question) if name not in values]
    if missing:
        listed = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        raise ParameterValidationError(f"HITLayoutParameters lacks a value for: {listed}.")
    return _filled(layout.question, values)


def _values(parameters: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if len(parameters) > MOST_PARAMETERS:
        raise out_of_range("HITLayoutParameters", len(parameters), 0, MOST_PARAMETERS)
    values: dict[str, str] = {one["Name"]: one["Value"] for one in parameters}
    if len(values) < len(parameters):
        raise ParameterValidationError("HITLayoutParameters names a parameter twice.")
    return values


def _filled(question: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return values[match[1]]

    # A page is filled as text: inside CDATA a value could end it.
    if _PAGE.match(question) and isinstance(page := questions.read(question), HTMLQuestion):
        return questions.html_question(_PLACEHOLDER.sub(value, page.html), page.frame_height)
    return _PLACEHOLDER.sub(value, question)
