"""XML as it comes over the wire: Question, Test, AnswerKey and Answer documents, read safely and strictly.

Every fault is a ParameterValidationError in MTurk's words.
"""

import re
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.marketplace.wire_errors import ParameterValidationError, out_of_range

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/"
LARGEST_DOCUMENT = 65_535
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_SHOWN = 80
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: str) -> str:
    """The text with U+FFFD for characters that XML cannot carry, so that nothing is lost in silence."""
    return _NOT_XML.sub("\ufffd", text)


def escaped(text: str) -> str:
    """The text for an element; a bare carriage return would be read back as a line feed."""
    return escape(text, {"\r": "&#13;"})


def root_of(xml: str, parameter: str) -> Element:
    """The document's root. Raises ParameterValidationError for what is too large, not well-formed or holds a DTD."""
    size = len(xml.encode())
    if size > LARGEST_DOCUMENT:
        raise out_of_range(parameter, f"of {size} bytes", 1, LARGEST_DOCUMENT)
    try:
        # As bytes: an encoding declaration inside a str would be an error.
        root: Element = fromstring(_without_declaration(xml).encode(), forbid_dtd=True)
    except DefusedXmlException:
        raise fault("a DTD is not allowed") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise fault(f"it is not well-formed XML ({error})") from None
    return root


def fault(what: str, code: str = "XMLParseError") -> ParameterValidationError:
    """The document is not what its schema asks for; `what` says where."""
    return ParameterValidationError(
        "There was an error parsing the XML question or answer data in your request. Please make sure the data is"
        f" well-formed and validates against the appropriate schema. Details: {what}.",
        code,
    )


def shown(text: str) -> str:
    """A text from the document, short enough for a message."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def name_of(element: Element) -> str:
    """The element's name without its namespace."""
    return shown(element.tag.rpartition("}")[2])


def children(parent: Element) -> list[Element]:
    """The elements inside; text between them is a fault."""
    check_attributes(parent)
    found = list(parent)
    if any(text and text.strip() for text in (parent.text, *(child.tail for child in found))):
        raise fault(f"{name_of(parent)} must hold elements only, not text")
    return found


def text_of(element: Element) -> str:
    """The text of an element without children."""
    check_attributes(element)
    if len(element):
        raise fault(f"{name_of(element)} must hold text only (put markup into CDATA)")
    return element.text or ""


def stripped(element: Element) -> str:
    """The element's text without white space around it; none at all is a fault."""
    text = text_of(element).strip()
    if not text:
        raise fault(f"{name_of(element)} is empty")
    return text


def integer_of(text: str | None, where: str, lowest: int, highest: int) -> int:
    """An integer of the schema within its bounds."""
    digits = (text or "").strip()
    unsigned = digits.removeprefix("-") if digits.startswith("-") else digits.removeprefix("+")
    # int() refuses thousands of digits.
    if not unsigned.isascii() or not unsigned.isdigit() or len(unsigned) > 16:  # noqa: PLR2004 - beyond every bound we have
        raise fault(f"{where} must be an integer")
    if not lowest <= int(digits) <= highest:
        raise fault(f"{where} must be from {lowest} to {highest}")
    return int(digits)


def check_attributes(element: Element, allowed: Collection[str] = ()) -> None:
    """Refuse an attribute that the schema does not know."""
    for name in element.attrib:
        if name not in allowed and not name.startswith(_XSI):
            raise fault(f"{name_of(element)} has no attribute {shown(name.rpartition('}')[2])}")


class InOrder:
    """Walks an element's children in the order that its schema prescribes."""

    def __init__(self, parent: Element, namespace: str) -> None:
        self._parent = parent
        self._namespace = namespace
        self._left = children(parent)[::-1]

    def optional(self, name: str) -> Element | None:
        """The next child when it is called `name`."""
        if self._left and self._left[-1].tag == f"{{{self._namespace}}}{name}":
            return self._left.pop()
        return None

    def required(self, name: str) -> Element:
        """The next child, which must be called `name`."""
        found = self.optional(name)
        if found is None:
            raise fault(f"{name_of(self._parent)} must hold {name} here, not {self._next()}")
        return found

    def one_of(self, *names: str) -> Element:
        """The next child, which must have one of these names."""
        for name in names:
            found = self.optional(name)
            if found is not None:
                return found
        raise fault(f"{name_of(self._parent)} must hold {' or '.join(names)} here, not {self._next()}")

    def all(self, name: str) -> Iterator[Element]:
        """The next children as long as they are called `name`: at least one."""
        yield self.required(name)
        while (found := self.optional(name)) is not None:
            yield found

    def end(self) -> None:
        """Nothing may be left."""
        if self._left:
            raise fault(f"{name_of(self._parent)} must not hold {self._next()} here")

    def _next(self) -> str:
        return name_of(self._left[-1]) if self._left else "its end"


def _without_declaration(xml: str) -> str:
    """The wire has decoded the text already, whatever encoding the XML declaration names."""
    text = xml.lstrip("\ufeff \t\r\n")
    return text.partition("?>")[2] if text.startswith("<?xml ") else text
