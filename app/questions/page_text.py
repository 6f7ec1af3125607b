"""The words of a page as its reader sees them, line by line."""

from app.questions.page_parser import PageParser

_SILENT = {"script", "style", "title", "noscript", "template", "textarea"}
_LINES = {
    "h1",
    "h2",
    "h3",
    "p",
    "div",
    "label",
    "li",
    "legend",
    "fieldset",
    "button",
    "form",
    "main",
    "blockquote",
    "br",
    "pre",
}


class _Words(PageParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[str]] = [[]]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        if tag in _LINES:
            self.lines.append([])
        if tag == "kbd":
            # The page sets keys apart by their looks: "Both are right3" otherwise.
            before = "".join(self.lines[-1])[-1:]
            self.lines[-1].append(" " if before.isalnum() or before == "]" else "")
        if tag in {"img", "audio", "video"} and not self._silent:
            self.lines.append([f"[{names.get('alt') or tag}]"])

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        if tag in _LINES:
            self.lines.append([])

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.lines[-1].append(data)


def lines_of(page: str) -> tuple[str, ...]:
    """The lines of text of an HTML page, spaces joined, empty ones left out; pictures and sounds by name, in brackets."""
    reader = _Words()
    reader.feed(page)
    reader.close()
    joined = (" ".join("".join(words).split()) for words in reader.lines)
    return tuple(line for line in joined if line)
