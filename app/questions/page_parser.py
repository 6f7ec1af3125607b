"""HTML as browsers read it, where Python's own parser gives up."""

from html.parser import HTMLParser


class PageParser(HTMLParser):
    """Python's parser; `<![if x]>` and other unknown declarations, at which it raises AssertionError, are comments."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Where the section at `i` ends, -1 for nowhere: the HTML standard, 13.2.5.42, makes a bogus comment of it."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i, report)
