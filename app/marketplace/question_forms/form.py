"""A QuestionForm as values."""

from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

from app.marketplace.question_forms.formats import Format


class Style(StrEnum):
    """How a Requester suggests to show selections."""

    RADIOBUTTON = "radiobutton"
    CHECKBOX = "checkbox"
    LIST = "list"
    DROPDOWN = "dropdown"
    COMBOBOX = "combobox"
    MULTICHOOSER = "multichooser"


@dataclass(frozen=True, slots=True)
class Title:
    """A heading."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class BulletList:
    """A list of plain texts."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formatted:
    """FormattedContent: a tree of the XHTML subset, checked."""

    tree: Element


@dataclass(frozen=True, slots=True)
class Media:
    """Binary and EmbeddedBinary: a picture, a sound or a film at an address. `kind` is image, audio, video or other."""

    kind: str
    url: str
    alt: str
    width: int | None = None
    height: int | None = None


Content = Title | Text | BulletList | Formatted | Media


@dataclass(frozen=True, slots=True)
class FreeText:
    """What may be written, and how large its box is."""

    numeric: bool = False
    lowest: int | None = None
    highest: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    formats: tuple[Format, ...] = ()
    default: str = ""
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Selection:
    """One thing to choose."""

    id: str
    content: Text | Formatted | Media


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be chosen: `least` to `most` of the selections, an own answer (`other`) counting as one."""

    selections: tuple[Selection, ...]
    least: int
    most: int
    style: Style
    other: FreeText | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Content outside of the questions."""

    content: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `number` counts from 1."""

    number: int
    id: str
    name: str | None
    required: bool
    content: tuple[Content, ...]
    answer: FreeText | Choice


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """The whole form, in the Requester's order."""

    parts: tuple[Overview | Question, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions alone."""
        return tuple(part for part in self.parts if isinstance(part, Question))
