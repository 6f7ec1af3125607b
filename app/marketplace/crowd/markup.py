"""HTML → a tree, as forgiving as a browser where it matters here: unclosed and stray tags do no harm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


@dataclass(slots=True)
class Element:
    """A tag with what is inside it, in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """The words of its class attribute."""
        return self.attributes.get("class", "").split()

    def get(self, name: str) -> str:
        """An attribute's value; empty when it is absent."""
        return self.attributes.get(name, "")

    def all(self, *tags: str, **attributes: str) -> "Iterator[Element]":
        """Every element below this one with one of these tags and all of these attributes, in the page's order."""
        # A stack, not recursion: a page may nest as deep as it likes.
        stack = self.children[::-1]
        while stack:
            node = stack.pop()
            if isinstance(node, Element):
                if (not tags or node.tag in tags) and _has(node, attributes):
                    yield node
                stack.extend(reversed(node.children))

    def first(self, *tags: str, **attributes: str) -> "Element | None":
        """The first of `all`."""
        return next(self.all(*tags, **attributes), None)

    def text(self, *, without: str = "") -> str:
        """All text below, elements with the tag `without` left out; each run of white space is one space."""
        return " ".join("".join(node for node in self._nodes(without) if isinstance(node, str)).split())

    def _nodes(self, without: str = "") -> "Iterator[Element | str]":
        stack: list[Element | str] = self.children[::-1]
        while stack:
            node = stack.pop()
            if isinstance(node, Element) and without and node.tag == without:
                continue
            yield node
            if isinstance(node, Element):
                stack.extend(reversed(node.children))


def _has(element: Element, attributes: Mapping[str, str]) -> bool:
    return not attributes or all(element.attributes.get(name) == value for name, value in attributes.items())


@dataclass(frozen=True, slots=True)
class Document:
    """A page's tree under a nameless root, and its elements by their id: the first, where an id stands twice."""

    root: Element
    by_id: Mapping[str, Element]


def parse(html: str) -> Document:
    """The page as a tree."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return Document(builder.root, builder.by_id)


@lru_cache(maxsize=256)
def parse_once(html: str) -> Document:
    """The page as a tree that others look at too. A HIT's question is the same for all who work on it."""
    return parse(html)


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("")
        self.by_id: dict[str, Element] = {}
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        if element.attributes.get("id"):
            self.by_id.setdefault(element.attributes["id"], element)
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In HTML the slash of <div/> means nothing.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        depth = next((at for at in range(len(self._open) - 1, 0, -1) if self._open[at].tag == tag), None)
        if depth is not None:
            del self._open[depth:]

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """A comment, as in browsers, where Python's parser raises AssertionError: `<![if x]>` and other unknown declarations."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i, report)
