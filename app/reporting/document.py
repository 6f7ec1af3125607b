"""A report as values: sections of paragraphs, tables, plots and quotations, which become HTML or Markdown elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _LONGEST_NAME = 16, 24


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text. columns: their titles, the first names the rows; words: the places of those that hold words, no numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = (0,)

    @property
    def wide(self) -> tuple[int, ...]:
        """The places of columns whose words need room to be read, rather than a column one word wide."""
        cells = zip(*self.rows, strict=True)
        return tuple(at for at, column in enumerate(cells) if at in self.words and max(map(len, column)) > _WIDE)

    @property
    def whole_names(self) -> bool:
        """Whether the rows' names are short ones, such as ids, which are not to be broken."""
        return all(len(row[0]) <= _LONGEST_NAME and " " not in row[0] for row in self.rows)


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture and the table of what it shows. name: unique in its report; svg: from `svg.drawing`; text: what is to be seen."""

    name: str
    title: str
    text: str
    svg: str
    table: Table


@dataclass(frozen=True, slots=True)
class Screen:
    """A page as a picture. name: unique in its report; svg: of no size of its own, so that the page fits itself to the
    reader's; text: said in its place.
    """

    name: str
    title: str
    text: str
    svg: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class NotEnough:
    """In place of a finding: why these Responses do not give it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences, each a point of its own."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words exactly as they stand elsewhere. `folded`: long, so that a reader opens it first."""

    title: str
    lines: tuple[str, ...]
    folded: bool = False


Block = Table | Plot | Screen | Text | NotEnough | Bullets | Facts | Quotation


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part. `name` is its address within the document."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. profile: of the marketplace, shown beside the title; lead: what it is about, in one sentence."""

    title: str
    profile: str
    lead: str
    sections: tuple[Section, ...]

    @property
    def plots(self) -> Sequence[Plot]:
        """All plots, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Plot)]

    @property
    def screens(self) -> Sequence[Screen]:
        """All pictures of pages, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Screen)]
