"""A cheap check that a page is HTML5, for the faults that MTurk is known to refuse, and those that lose a page.

It is no validator: which element may stand in which other is not looked at. What it names, the HTML standard calls a
parse error.
"""

import re
from html.entities import html5

_MARK = re.compile(r"[<&]")
_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""(?P<space>[\s/]*)(?P<name>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
)
_TAG_END = re.compile(r"\s*/?>")
_END_TAG = re.compile(r"[A-Za-z][^\s/>]*\s*>")
_REFERENCE = re.compile(r"(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|(?P<name>[A-Za-z][A-Za-z0-9]*));")
_AMBIGUOUS = re.compile(r"&([A-Za-z0-9]+;)")
# Their text is not markup; in the second group references still count, which nobody minds.
_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "title", "textarea"})
_ONCE = frozenset({"html", "head", "body"})
_AROUND = 40


class _Fault(Exception):
    """What is wrong, and where."""

    def __init__(self, what: str, at: int) -> None:
        self.what, self.at = what, at
        super().__init__(what)


def first_fault(page: str) -> str | None:
    """What is wrong first, in words for the Requester; None for a page without these faults."""
    try:
        _scan(page)
    except _Fault as found:
        line = page.count("\n", 0, found.at) + 1
        near = " ".join(page[found.at : found.at + _AROUND].split())
        return f"{found.what} (line {line}, at {near!r})"
    return None


def _scan(page: str) -> None:
    seen: set[str] = set()
    at = 0
    while (mark := _MARK.search(page, at)) is not None:
        at = mark.start()
        if page[at] == "&":
            at = _after_ampersand(page, at)
        elif page.startswith("<!--", at):
            at = _after(page, "-->", at, "a comment is not closed")
        elif page.startswith("<![CDATA[", at):
            at = _after(page, "]]>", at, "a CDATA section is not closed")
        elif page.startswith("<!", at):
            at = _after(page, ">", at, "a declaration is not closed")
        elif page.startswith("</", at):
            at = _after_end_tag(page, at)
        else:
            at = _after_start_tag(page, at, seen)


def _after(page: str, end: str, at: int, what: str) -> int:
    found = page.find(end, at + 2)
    if found < 0:
        raise _Fault(what, at)
    return found + len(end)


def _after_ampersand(page: str, at: int) -> int:
    following = page[at + 1 : at + 2]
    if not following.isalnum() and following != "#":
        return at + 1  # nothing that could be mistaken for a reference
    found = _REFERENCE.match(page, at + 1)
    if found is None or (found["name"] and found["name"] + ";" not in html5):
        raise _Fault("an & must be written &amp; where it does not begin a character reference", at)
    return found.end()


def _after_end_tag(page: str, at: int) -> int:
    found = _END_TAG.match(page, at + 2)
    if found is None:
        raise _Fault("an end tag is not well-formed", at)
    return found.end()


def _after_start_tag(page: str, at: int, seen: set[str]) -> int:
    named = _NAME.match(page, at + 1)
    if named is None:
        raise _Fault("a < must be written &lt; where it does not begin a tag", at)
    name = named[0].lower()
    if name in _ONCE:
        if name in seen:
            raise _Fault(f"there is a second {name} tag", at)
        seen.add(name)
    end = _after_attributes(page, at, named.end())
    # A script without </script> swallows the page to its end.
    return end if name not in _RAW or page[end - 2] == "/" else _after_raw(page, name, end)


def _after_attributes(page: str, tag: int, at: int) -> int:
    names: set[str] = set()
    while (end := _TAG_END.match(page, at)) is None:
        found = _ATTRIBUTE.match(page, at)
        if found is None:
            raise _Fault("a tag is not well-formed", tag)
        name = found["name"].lower()
        if not found["space"]:
            raise _Fault("there is no space between attributes", tag)
        if name in names:
            raise _Fault(f"the attribute {name[:_AROUND]} occurs twice in one tag", tag)
        names.add(name)
        for reference in _AMBIGUOUS.findall(found["value"] or ""):
            if reference not in html5:
                raise _Fault("an & must be written &amp; where it does not begin a character reference", tag)
        at = found.end()
    return end.end()


def _after_raw(page: str, name: str, at: int) -> int:
    found = re.compile(f"</{name}[\\s/>]", re.IGNORECASE).search(page, at)
    if found is None:
        raise _Fault(f"{name} is not closed", at)
    return found.start()
