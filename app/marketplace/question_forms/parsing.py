"""QuestionForm XML → QuestionForm, by the rules of its schema."""

from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

from app.marketplace.question_forms import formats, formatted_content
from app.marketplace.question_forms.form import (
    BulletList,
    Choice,
    Content,
    Formatted,
    FreeText,
    Media,
    Overview,
    Question,
    QuestionForm,
    Selection,
    Style,
    Text,
    Title,
)
from app.marketplace.xml_documents import (
    SCHEMAS,
    InOrder,
    check_attributes,
    children,
    fault,
    integer_of,
    name_of,
    root_of,
    shown,
    stripped,
    text_of,
)

NAMESPACES = frozenset(SCHEMAS + version + "/QuestionForm.xsd" for version in ("2017-11-06", "2005-10-01"))
_INT = 2**31
_MOST_LINES = 50
_REMOVED = "was removed from MTurk on 2017-12-12 and is not supported"
_WHITESPACE = " \t\r\n"


@lru_cache(maxsize=128)
def parse(xml: str, *, parameter: str = "Question") -> QuestionForm:
    """The form in `xml`. Raises ParameterValidationError naming the fault. The result is remembered for a while."""
    return from_root(root_of(xml, parameter))


def from_root(root: Element) -> QuestionForm:
    """The form under the root element `QuestionForm`."""
    namespace, _, name = root.tag.rpartition("}")
    namespace = namespace.removeprefix("{")
    if name != "QuestionForm":
        raise fault(f"the root element must be QuestionForm, not {name_of(root)}")
    if namespace not in NAMESPACES:
        raise fault(f"the xmlns of QuestionForm must be exactly {max(NAMESPACES)}")
    return _Reader(namespace).form(root)


class _Reader:
    """Reads the elements of one namespace, counting what the whole form may hold once."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._ids: set[str] = set()
        self._patterns = 0

    def form(self, root: Element) -> QuestionForm:
        parts: list[Overview | Question] = []
        for child in children(root):
            if self._is(child, "Overview"):
                parts.append(Overview(self._content(child)))
            elif self._is(child, "Question"):
                parts.append(self._question(child))
            else:
                raise fault(f"QuestionForm must hold Overview and Question, not {name_of(child)}")
        if not self._ids:
            raise fault("QuestionForm must hold at least one Question")
        return QuestionForm(tuple(parts))

    def _is(self, element: Element, name: str) -> bool:
        return element.tag == f"{{{self._namespace}}}{name}"

    def _in_order(self, element: Element) -> InOrder:
        return InOrder(element, self._namespace)

    def _question(self, element: Element) -> Question:
        walk = self._in_order(element)
        id = stripped(walk.required("QuestionIdentifier"))
        if id in self._ids:
            raise fault(f"the QuestionIdentifier {shown(id)} occurs twice")
        self._ids.add(id)
        name = walk.optional("DisplayName")
        required = walk.optional("IsRequired")
        content = self._content(walk.required("QuestionContent"))
        answer = self._answer(walk.required("AnswerSpecification"))
        walk.end()
        return Question(
            number=len(self._ids),
            id=id,
            name=None if name is None else text_of(name).strip() or None,
            required=required is not None and _boolean(required),
            content=content,
            answer=answer,
        )

    def _content(self, element: Element) -> tuple[Content, ...]:
        found = tuple(self._piece(child) for child in children(element))
        if not found:
            raise fault(f"{name_of(element)} is empty")
        return found

    def _piece(self, element: Element) -> Content:
        if self._is(element, "Title"):
            return Title(text_of(element).strip())
        if self._is(element, "List"):
            walk = self._in_order(element)
            items = tuple(text_of(item).strip() for item in walk.all("ListItem"))
            walk.end()
            return BulletList(items)
        if self._is(element, "EmbeddedBinary"):
            return self._embedded(element)
        if self._is(element, "Application"):
            raise fault(f"Application {_REMOVED}")
        return self._shown(element)

    def _shown(self, element: Element) -> Text | Formatted | Media:
        """What may stand in a Selection, too."""
        if self._is(element, "Text"):
            return Text(text_of(element).strip())
        if self._is(element, "FormattedContent"):
            return Formatted(formatted_content.parse(text_of(element)))
        if self._is(element, "Binary"):
            return self._binary(element)
        raise fault(f"{name_of(element)} is not known here")

    def _binary(self, element: Element) -> Media:
        walk = self._in_order(element)
        mime = self._in_order(walk.required("MimeType"))
        kind = stripped(mime.required("Type"))
        if kind not in {"image", "audio", "video"}:
            raise fault(f"the Type of a MimeType must be image, audio or video, not {shown(kind)}")
        mime.optional("SubType")
        mime.end()
        url, alt = self._address(walk), text_of(walk.required("AltText")).strip()
        walk.end()
        return Media(kind, url, alt)

    def _embedded(self, element: Element) -> Media:
        walk = self._in_order(element)
        mime = self._in_order(walk.required("EmbeddedMimeType"))
        kind = stripped(mime.required("Type"))
        mime.required("SubType")
        mime.end()
        url, alt = self._address(walk), text_of(walk.required("AltText")).strip()
        width, height = (_length(walk.required(name)) for name in ("Width", "Height"))
        while (parameter := walk.optional("ApplicationParameter")) is not None:
            children(parameter)
        walk.end()
        return Media(kind if kind in {"image", "audio", "video"} else "other", url, alt, width, height)

    def _address(self, walk: InOrder) -> str:
        url = stripped(walk.required("DataURL"))
        if not formatted_content.is_address(url):
            raise fault("DataURL must be an http or https URL")
        return url

    def _answer(self, element: Element) -> FreeText | Choice:
        walk = self._in_order(element)
        found = walk.one_of("FreeTextAnswer", "SelectionAnswer", "FileUploadAnswer")
        walk.end()
        if self._is(found, "FileUploadAnswer"):
            raise fault(f"FileUploadAnswer {_REMOVED}")
        return self._free_text(found) if self._is(found, "FreeTextAnswer") else self._choice(found)

    def _free_text(self, element: Element) -> FreeText:
        walk = self._in_order(element)
        constraints, default = walk.optional("Constraints"), walk.optional("DefaultText")
        lines = walk.optional("NumberOfLinesSuggestion")
        walk.end()
        values: dict[str, object] = {}
        for child in () if constraints is None else self._constraints(constraints):
            values.update(self._constraint(child, values))
        return FreeText(
            **values,  # type: ignore[arg-type] # _constraint names FreeText's own members
            default="" if default is None else text_of(default),
            lines=1 if lines is None else min(_MOST_LINES, integer_of(text_of(lines), name_of(lines), 1, _INT)),
        )

    def _constraints(self, element: Element) -> Iterator[Element]:
        for child in children(element):
            if child.text and child.text.strip():
                raise fault(f"{name_of(child)} must be empty")
            if len(child):
                raise fault(f"{name_of(child)} must be empty")
            yield child

    def _constraint(self, element: Element, before: dict[str, object]) -> dict[str, object]:
        if self._is(element, "AnswerFormatRegex"):
            check_attributes(element, ("regex", "errorText", "flags"))
            self._patterns += 1
            if self._patterns > formats.MOST_PATTERNS or "regex" not in element.attrib:
                raise fault(f"AnswerFormatRegex needs a regex; a form may hold {formats.MOST_PATTERNS}")
            attributes = element.attrib
            message = attributes.get("errorText", "").strip()
            one = formats.checked(attributes["regex"], attributes.get("flags", "").strip(), message)
            return {"formats": (*before.get("formats", ()), one)}  # type: ignore[misc] # a tuple, as set here
        if self._is(element, "IsNumeric") and "numeric" not in before:
            low, high = _bounds(element, "minValue", "maxValue", (-_INT, -_INT))
            return {"numeric": True, "lowest": low, "highest": high}
        if self._is(element, "Length") and "min_length" not in before:
            low, high = _bounds(element, "minLength", "maxLength", (0, 1))
            return {"min_length": low, "max_length": high}
        raise fault(f"Constraints must hold IsNumeric, Length and AnswerFormatRegex, not {name_of(element)}")

    def _choice(self, element: Element) -> Choice:
        walk = self._in_order(element)
        least, most, style = (
            walk.optional(name) for name in ("MinSelectionCount", "MaxSelectionCount", "StyleSuggestion")
        )
        inside = self._in_order(walk.required("Selections"))
        walk.end()
        selections = self._selections(inside)
        other = inside.optional("OtherSelection")
        inside.end()
        return _counted(selections, None if other is None else self._free_text(other), least, most, style)

    def _selections(self, walk: InOrder) -> tuple[Selection, ...]:
        found = [self._selection(element) for element in walk.all("Selection")]
        ids = [selection.id for selection in found]
        if len(set(ids)) < len(ids):
            twice = next(id for id in ids if ids.count(id) > 1)
            raise fault(f"the SelectionIdentifier {shown(twice)} occurs twice in one question")
        return tuple(found)

    def _selection(self, element: Element) -> Selection:
        walk = self._in_order(element)
        id = stripped(walk.required("SelectionIdentifier"))
        content = self._shown(walk.one_of("Text", "FormattedContent", "Binary"))
        walk.end()
        return Selection(id, content)


def _counted(
    selections: tuple[Selection, ...],
    other: FreeText | None,
    least: Element | None,
    most: Element | None,
    style: Element | None,
) -> Choice:
    """The Choice with its counts. Without MaxSelectionCount, one, but all for a style that invites several."""
    named = None if style is None else text_of(style).strip()
    if named is not None and named not in set(Style):
        raise fault(f"the StyleSuggestion {shown(named)} is none of {', '.join(Style)}")
    available = len(selections) + (other is not None)
    wanted = Style(named) if named is not None else None
    several = {Style.CHECKBOX, Style.LIST, Style.MULTICHOOSER}
    highest = available if wanted in several else 1
    if most is not None:
        highest = integer_of(text_of(most), name_of(most), 1, _INT)
    lowest = 0 if least is None else integer_of(text_of(least), name_of(least), 0, _INT)
    if lowest > min(highest, available):
        raise fault(f"MinSelectionCount {lowest} is more than can be selected ({min(highest, available)})")
    default = Style.RADIOBUTTON if highest == 1 else Style.CHECKBOX
    return Choice(selections, lowest, min(highest, available), wanted or default, other)


def _bounds(element: Element, low_name: str, high_name: str, lowest: tuple[int, int]) -> tuple[int | None, int | None]:
    check_attributes(element, (low_name, high_name))
    low, high = (
        integer_of(element.attrib[name], name, bound, _INT) if name in element.attrib else None
        for name, bound in zip((low_name, high_name), lowest, strict=True)
    )
    if low is not None and high is not None and low > high:
        raise fault(f"{low_name} {low} is more than {high_name} {high}")
    return low, high


def _boolean(element: Element) -> bool:
    text = text_of(element).strip(_WHITESPACE)
    if text not in {"true", "false", "1", "0"}:
        raise fault(f"{name_of(element)} must be true or false")
    return text in {"true", "1"}


def _length(element: Element) -> int | None:
    """Pixels, when a number of them is given; 80% and the like are left to the page."""
    text = text_of(element).strip().removesuffix("px")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None  # noqa: PLR2004 - no screen is wider
