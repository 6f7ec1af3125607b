"""MTurk's Answer XML → what the Worker answered on each Item of the HIT.

Fields of Item n, as every page made from hit_templates/_shared posts them: `r<n>-choice`, `r<n>-order`, `r<n>-ms` and
`r<n>-comment`. A Worker can post anything, so nothing here is taken on trust.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.domain.vocabulary import Choice
from app.errors import ServiceError
from app.questions.order import ORDERED_CHOICES

MAX_ANSWER_CHARACTERS = 2_000_000
_LONGEST_MS = 2**31 - 1  # what the database's integer holds: 24 days
_FIELD = re.compile(r"r([1-9][0-9]{0,5})-(choice|order|ms|comment)", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)

Fields = Mapping[tuple[int, str], str]
"""(position, name) → text, as in `r<position>-<name>`."""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """One Worker's answer on one Item. `comment` is empty unless there is something to say about `cannot_tell`.

    order_shown: the four choices from top to bottom as this Worker saw them.
    elapsed_ms: from when the Item became the current one to its answer; None when the page did not say.
    """

    position: int
    choice: Choice
    order_shown: tuple[Choice, ...]
    comment: str
    elapsed_ms: int | None


class UnreadableAnswer(ServiceError):
    """An Assignment's answer cannot be read; `reason` says why to a person and quotes nothing that the Worker wrote."""

    http_status = 422

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def parse_answers(raw: str, *, item_count: int) -> list[ItemAnswer]:
    """One ItemAnswer for each position 1..item_count, in this order, from QuestionFormAnswers XML.

    Fields that are not ours are ignored, an absent comment is empty, an unusable time is None.
    Raises UnreadableAnswer for anything else: all of an Assignment can be read or none of it.
    """
    fields = _fields_of(_parsed(raw))
    beyond = sorted({position for position, _ in fields if position > item_count})
    if beyond:
        raise UnreadableAnswer(f"it answers item {beyond[0]}, but the HIT shows {item_count}")
    return [_item_answer(fields, position) for position in range(1, item_count + 1)]


def _parsed(raw: str) -> Element:
    text = raw.strip("\ufeff \t\r\n")
    if not text:
        raise UnreadableAnswer("it is empty")
    if len(raw) > MAX_ANSWER_CHARACTERS:
        raise UnreadableAnswer(f"it has {len(raw):,} characters; at most {MAX_ANSWER_CHARACTERS:,} are read")
    try:
        # As text, not bytes: MTurk declares encoding="ASCII" over answers that are not, and for text the declaration is moot.
        root: Element = fromstring(text, forbid_dtd=True)
    except ParseError as fault:
        raise UnreadableAnswer(f"it is not well-formed XML: {fault}") from fault
    except DefusedXmlException as fault:
        raise UnreadableAnswer("it declares a document type or entities, which no answer needs") from fault
    except UnicodeEncodeError as fault:
        raise UnreadableAnswer("it contains characters that no XML may contain") from fault
    if _local_name(root) != "QuestionFormAnswers":
        raise UnreadableAnswer("it is XML, but not QuestionFormAnswers")
    return root


def _fields_of(root: Element) -> Fields:
    fields: dict[tuple[int, str], str] = {}
    for answer in root:
        texts = {_local_name(child): child.text or "" for child in answer}
        field = _FIELD.fullmatch(texts.get("QuestionIdentifier", "").strip())
        if _local_name(answer) != "Answer" or field is None:
            continue
        key = (int(field[1]), field[2])
        if key in fields:
            raise UnreadableAnswer(f"item {key[0]}: its {key[1]} is given twice")
        fields[key] = texts.get("FreeText", "")
    return fields


def _item_answer(fields: Fields, position: int) -> ItemAnswer:
    return ItemAnswer(
        position=position,
        choice=_choice(fields, position),
        order_shown=_order_shown(fields, position),
        comment=fields.get((position, "comment"), ""),
        elapsed_ms=_elapsed_ms(fields.get((position, "ms"), "")),
    )


def _choice(fields: Fields, position: int) -> Choice:
    text = fields.get((position, "choice"), "").strip()
    if not text:
        raise UnreadableAnswer(f"item {position}: it has no choice")
    try:
        return Choice(text)
    except ValueError:
        raise UnreadableAnswer(f"item {position}: its choice is none of {', '.join(Choice)}") from None


def _order_shown(fields: Fields, position: int) -> tuple[Choice, ...]:
    words = [word.strip() for word in fields.get((position, "order"), "").split(",")]
    if sorted(words) != sorted(ORDERED_CHOICES):
        # Without the order a Worker's leaning to the first choice could not be measured: better seen than guessed.
        raise UnreadableAnswer(f"item {position}: the order shown does not name {', '.join(ORDERED_CHOICES)} once each")
    return tuple(Choice(word) for word in words)


def _elapsed_ms(text: str) -> int | None:
    if not _WHOLE_NUMBER.fullmatch(text.strip()):
        return None
    elapsed = int(text)
    return elapsed if elapsed <= _LONGEST_MS else None


def _local_name(element: Element) -> str:
    """The tag without its namespace: other endpoints are less exact about it than MTurk."""
    return element.tag.rpartition("}")[2]
