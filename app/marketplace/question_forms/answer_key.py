"""AnswerKey: what the answers to a Qualification test are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from app.marketplace import answers
from app.marketplace.question_forms.form import QuestionForm
from app.marketplace.xml_documents import (
    SCHEMAS,
    InOrder,
    fault,
    integer_of,
    name_of,
    root_of,
    shown,
    stripped,
    text_of,
)

NAMESPACE = SCHEMAS + "2005-10-01/AnswerKey.xsd"
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Scoring:
    """What sets of SelectionIdentifiers earn in one question, and what everything else earns."""

    by_selection: Mapping[frozenset[str], int]
    default: int


@dataclass(frozen=True, slots=True)
class Percentage:
    """The sum in percent of the most that can be reached."""

    maximum: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The sum times a factor."""

    factor: Decimal


@dataclass(frozen=True, slots=True)
class Ranges:
    """A value for each range of sums (bounds included; the first that fits), and one for sums in none."""

    ranges: tuple[tuple[int, int, int], ...]
    otherwise: int


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """A whole key. Without a mapping the sum itself is the Qualification's value."""

    questions: Mapping[str, Scoring]
    mapping: Percentage | Scale | Ranges | None


@lru_cache(maxsize=128)
def parse(xml: str) -> AnswerKey:
    """The key in `xml`. Raises ParameterValidationError naming the fault."""
    root = root_of(xml, "AnswerKey")
    if root.tag != f"{{{NAMESPACE}}}AnswerKey":
        raise fault(f"the root element must be AnswerKey with the xmlns {NAMESPACE}, not {name_of(root)}")
    walk = InOrder(root, NAMESPACE)
    questions: dict[str, Scoring] = {}
    for element in walk.all("Question"):
        id, scoring = _question(element)
        if id in questions:
            raise fault(f"the QuestionIdentifier {shown(id)} occurs twice")
        questions[id] = scoring
    mapping = walk.optional("QualificationValueMapping")
    walk.end()
    return AnswerKey(questions, None if mapping is None else _mapping(mapping))


def check(key: AnswerKey, form: QuestionForm) -> None:
    """Raise ParameterValidationError when the key scores a question that the test does not ask."""
    missing = [id for id in key.questions if id not in {question.id for question in form.questions}]
    if missing:
        raise fault(f"the AnswerKey's question {shown(missing[0])} is not in the Test")


def score(key: AnswerKey, answer_xml: str) -> int:
    """The value that these answers (QuestionFormAnswers, as `answer_xml` writes them) earn, within 32 bits."""
    given = _given(answer_xml)
    total = sum(
        scoring.by_selection.get(given.get(id, frozenset()), scoring.default) for id, scoring in key.questions.items()
    )
    return max(_LOWEST, min(_HIGHEST, _mapped(total, key.mapping)))


def _mapped(total: int, mapping: Percentage | Scale | Ranges | None) -> int:
    if isinstance(mapping, Percentage):
        return _rounded(Decimal(total) * 100 / mapping.maximum)
    if isinstance(mapping, Scale):
        return _rounded(total * mapping.factor)
    if isinstance(mapping, Ranges):
        return next((value for low, high, value in mapping.ranges if low <= total <= high), mapping.otherwise)
    return total


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def _given(answer_xml: str) -> dict[str, frozenset[str]]:
    """For each answered question what was chosen. Words of one's own beside it make it another answer."""
    root: Element = fromstring(answer_xml.encode(), forbid_dtd=True)
    inside = f"{{{answers.NAMESPACE}}}"
    found: dict[str, frozenset[str]] = {}
    for answer in root.iter(f"{inside}Answer"):
        chosen = frozenset(element.text or "" for element in answer.iter(f"{inside}SelectionIdentifier"))
        own = answer.find(f"{inside}OtherSelectionText") is not None
        # No key can name the empty identifier.
        found[answer.findtext(f"{inside}QuestionIdentifier") or ""] = chosen | {""} if own else chosen
    return found


def _question(element: Element) -> tuple[str, Scoring]:
    walk = InOrder(element, NAMESPACE)
    id = stripped(walk.required("QuestionIdentifier"))
    by_selection: dict[frozenset[str], int] = {}
    for option in walk.all("AnswerOption"):
        inside = InOrder(option, NAMESPACE)
        chosen = frozenset(stripped(one) for one in inside.all("SelectionIdentifier"))
        by_selection.setdefault(chosen, _score(inside.required("AnswerScore")))
        inside.end()
    default = walk.optional("DefaultScore")
    walk.end()
    return id, Scoring(by_selection, 0 if default is None else _score(default))


def _score(element: Element) -> int:
    return integer_of(text_of(element), name_of(element), _LOWEST, _HIGHEST)


def _mapping(element: Element) -> Percentage | Scale | Ranges:
    walk = InOrder(element, NAMESPACE)
    kind = walk.one_of("PercentageMapping", "ScaleMapping", "RangeMapping")
    walk.end()
    inside = InOrder(kind, NAMESPACE)
    if name_of(kind) == "PercentageMapping":
        maximum = inside.required("MaximumSummedScore")
        inside.end()
        return Percentage(integer_of(text_of(maximum), name_of(maximum), 1, _HIGHEST))
    if name_of(kind) == "ScaleMapping":
        factor = _decimal(inside.required("SummedScoreMultiplier"))
        inside.end()
        return Scale(factor)
    ranges = tuple(_range(one) for one in inside.all("SummedScoreRange"))
    otherwise = _score(inside.required("OutOfRangeQualificationValue"))
    inside.end()
    return Ranges(ranges, otherwise)


def _range(element: Element) -> tuple[int, int, int]:
    walk = InOrder(element, NAMESPACE)
    low, high, value = (
        _score(walk.required(name)) for name in ("InclusiveLowerBound", "InclusiveUpperBound", "QualificationValue")
    )
    walk.end()
    if low > high:
        raise fault(f"InclusiveLowerBound {low} is more than InclusiveUpperBound {high}")
    return low, high, value


def _decimal(element: Element) -> Decimal:
    text = text_of(element).strip()
    digits = text.removeprefix("-").replace(".", "", 1)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 16:  # noqa: PLR2004 - beyond any sensible factor
        raise fault(f"{name_of(element)} must be a decimal number")
    return Decimal(text)
