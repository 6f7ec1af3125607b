"""The rows of an item file: what their columns mean, and everything that is wrong with them.

A file has the columns `id`, `given_label`, `guessed_label` and the example itself: one of `url`, `path` or `text`, or
`media`, which may hold either. `media_type` and `role` may be there; any other column is kept as it is, as `extra`. A gold
row may name its right answer in `expected_option` (`domain/gold.py`).
"""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

from app.domain import gold
from app.domain.item_values import Unusable, as_text, check_shown, json_safe
from app.domain.vocabulary import ItemRole, MediaType
from app.errors import Problem

REQUIRED = ("id", "given_label", "guessed_label")
MEDIA = ("url", "path", "text", "media")
KNOWN = frozenset((*REQUIRED, *MEDIA, "media_type", "role"))

# An id of 500 four-byte characters still fits PostgreSQL's index entry of 2,704 bytes.
LONGEST_ID = LONGEST_LABEL = 500
LONGEST_URL = 2_000
LARGEST_EXTRA_BYTES = 1_000_000

_ROLES = tuple(ItemRole)

_WEB_URL = re.compile(r"https?://(?P<authority>[^\s/?#\\]+)\S*", re.IGNORECASE)
# Made once: json.dumps would make one for each row.
_JSON = json.JSONEncoder(ensure_ascii=False)
_ANY_URL = re.compile(r"[a-z][a-z0-9+.-]*://|data:", re.IGNORECASE)
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as a file gave it. `line` counts from 1; `values` go by `column_name`."""

    line: int
    values: Mapping[str, object]


class Medium(StrEnum):
    """How an Item's medium is given."""

    URL = "url"
    PATH = "path"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One row as an Item to be. `medium_value` is empty where the medium is at fault; `extra` is a JSON object, as text."""

    line: int
    external_id: str
    role: ItemRole
    medium: Medium
    medium_value: str
    given_label: str
    guessed_label: str
    extra: str


def column_name(written: str) -> str:
    """A column's name: trimmed, and in small letters where it is one we know."""
    trimmed = written.strip()
    folded = trimmed.casefold()
    return folded if folded in KNOWN else trimmed


def header_problems(columns: Sequence[str]) -> list[Problem]:
    """What is wrong with a table's columns, given by `column_name`."""
    problems = []
    if twice := [name for name, times in Counter(columns).items() if times > 1]:
        problems.append(Problem(f"a column appears twice: {_listed(twice)}; rename or remove one", line=1))
    missing = [_missing(name, columns) for name in REQUIRED if name not in columns]
    if not any(name in columns for name in MEDIA):
        missing.append("the example itself: one of url, path, text or media")
    if missing:
        found = _listed(columns) or "none"
        problems.append(Problem(f"columns are missing: {'; '.join(missing)}. Columns found: {found}", line=1))
    return problems


def check_row(row: SourceRow, *, media_type: MediaType, https_only: bool = False) -> tuple[ItemRow, list[Problem]]:
    """The row as an Item and all its faults; a faulty value is empty in the Item.

    https_only: refuse http: URLs, because browsers do not load them into a page that came by https.
    """
    checks = _Checks(row, [])
    external_id = checks.required("id", longest=LONGEST_ID)
    given, guessed = (checks.required(name, longest=LONGEST_LABEL) for name in ("given_label", "guessed_label"))
    if given and _as_seen(given) == _as_seen(guessed):
        checks.fault(
            "guessed_label", f"is the same as given_label ({given[:100]!r}): there is nothing to ask; drop the row"
        )
    medium, value = checks.medium(media_type, (given, guessed), https_only=https_only)
    checks.word("media_type", [media_type], default=media_type)
    role = ItemRole(checks.word("role", _ROLES, default=ItemRole.SUSPECT))
    if role is ItemRole.GOLD and (fault := gold.expected_fault(row.values.get(gold.EXPECTED), line=row.line)):
        checks.problems.append(fault)
    item = ItemRow(row.line, external_id, role, medium, value, given, guessed, checks.extra())
    return item, checks.problems


@dataclass(slots=True)
class _Checks:
    """The checks of one row, which note every fault they find."""

    row: SourceRow
    problems: list[Problem]

    def fault(self, field: str, message: str) -> str:
        """Note a fault; the value counts as empty from here on."""
        self.problems.append(Problem(message, line=self.row.line, field=field))
        return ""

    def text(self, name: str) -> str:
        """The value as text that a page can show, or nothing."""
        value = self.row.values.get(name)
        # The usual value first: what is printable can be shown.
        if isinstance(value, str) and value.isprintable():
            return value
        if value is None or value == "":
            return ""
        try:
            text = as_text(value)
            check_shown(text)
        except Unusable as fault:
            return self.fault(name, str(fault))
        return text

    def required(self, name: str, *, longest: int) -> str:
        before = len(self.problems)
        text = self.text(name)
        if len(text) > longest:
            return self.fault(name, f"has {len(text):,} characters; at most {longest} fit")
        if not text.strip() and len(self.problems) == before:
            return self.fault(name, "is empty" if name in self.row.values else _missing(name, list(self.row.values)))
        return text

    def word(self, name: str, words: Sequence[str], *, default: str) -> str:
        if name not in self.row.values:
            return default
        text = self.text(name).strip()
        if text and text.casefold() not in words:
            return self.fault(name, f"is {text[:100]!r}; this Batch takes {_listed(words, 'or')}") or default
        return text.casefold() or default

    def medium(self, media_type: MediaType, labels: tuple[str, str], *, https_only: bool) -> tuple[Medium, str]:
        before = len(self.problems)
        filled = [(name, text) for name in MEDIA if name in self.row.values and (text := self.text(name)).strip()]
        if len(self.problems) > before:
            return Medium.TEXT, ""
        if len(filled) != 1:
            return Medium.TEXT, self.fault(*_not_one_medium([name for name, _ in filled]))
        [(name, value)] = filled
        medium = _medium_of(name, value, media_type)
        if (medium is Medium.TEXT) is not (media_type is MediaType.TEXT):
            wanted = (
                "its text in column 'text'" if media_type is MediaType.TEXT else "a URL or a file in 'url' or 'path'"
            )
            return medium, self.fault(name, f"is a {medium}; in a Batch of {media_type} each Item has {wanted}")
        if medium is Medium.URL and (fault := _url_fault(value.strip(), labels, https_only=https_only)):
            return medium, self.fault(name, fault)
        if medium is Medium.PATH and _ANY_URL.match(value.strip()):
            return medium, self.fault(name, "is a web address and no file; put it into column 'url'")
        return medium, value if medium is Medium.TEXT else value.strip()

    def extra(self) -> str:
        kept: dict[str, object] = {}
        for name, value in self.row.values.items():
            if name in KNOWN:
                continue
            try:
                # The usual value first here too: what is printable can be kept.
                plain = isinstance(value, str) and value.isprintable() and name.isprintable()
                kept[name if plain else str(json_safe(name))] = value if plain else json_safe(value)
            except Unusable as fault:
                self.fault(repr(name)[1:-1], str(fault))
        written = _JSON.encode(kept) if kept else "{}"
        # Bytes are counted only where characters leave it open: the usual row has a few dozen.
        if len(written) * 4 > LARGEST_EXTRA_BYTES and len(written.encode()) > LARGEST_EXTRA_BYTES:
            largest = max(kept, key=lambda name: len(str(kept[name])))
            return self.fault(
                largest, f"the other columns of a row may take {LARGEST_EXTRA_BYTES:,} bytes; leave this out"
            )
        return written


def _medium_of(name: str, value: str, media_type: MediaType) -> Medium:
    if name != "media":
        return Medium(name)
    if media_type is MediaType.TEXT:
        return Medium.TEXT
    return Medium.URL if _ANY_URL.match(value.strip()) else Medium.PATH


def _url_fault(url: str, labels: tuple[str, str], *, https_only: bool) -> str | None:
    if len(url) > LONGEST_URL:
        return f"has {len(url):,} characters; a URL may have {LONGEST_URL:,}"
    found = _WEB_URL.fullmatch(url)
    if not found and len(url.split()) != 1:
        return "contains a space; write %20 instead"
    if not found:
        return f"is no web address ({url[:100]!r}); it must begin with https:// or http:// and a host"
    if "@" in found["authority"]:
        return "contains a user name or password; browsers do not load it and Workers would see it"
    if https_only and url[:6].casefold() != "https:":
        return "begins with http:, which browsers do not load into the marketplace's https pages; use https:"
    return _telling(url, labels)


def _telling(url: str, labels: tuple[str, str]) -> str | None:
    """The fault of an address that holds one of the two labels as words: it stands in the source of the Worker's page.

    Labels without a letter are passed over, since any number may be an id.
    """
    address, named = _words(unquote(url)), []
    words_of = {label: _label_words(label) for label in labels}
    # The longer first, and taken out: an address with "hot dog" does not name "dog" as well.
    for label in sorted(labels, key=lambda label: len(words_of[label]), reverse=True):
        words = words_of[label]
        if words in address and any(letter.isalpha() for letter in words):
            named.append(label)
            address = address.replace(words, " / ")
    if len(named) != 1 or len(set(words_of.values())) == 1:
        return None
    return (
        f"contains the label {named[0][:100]!r}, which would tell Workers whose label is whose; give the file in column"
        " 'path' (files are served under random names) or rename it"
    )


def _not_one_medium(filled: Sequence[str]) -> tuple[str, str]:
    if not filled:
        return "media", f"the example is missing; fill one of {_listed(MEDIA, 'or')}"
    return filled[0], f"the example is given {len(filled)} times ({_listed(filled)}); keep one and rename the others"


def _missing(name: str, found: Iterable[str]) -> str:
    others = {column.casefold(): column for column in found if column not in KNOWN}
    close = difflib.get_close_matches(name, list(others), n=1, cutoff=0.6)
    return f"{name} is missing" + (f" (found {others[close[0]]!r}: did you mean {name!r}?)" if close else "")


# A file's labels are few and come again and again.
@lru_cache(maxsize=4096)
def _as_seen(label: str) -> str:
    """A label as a page shows it: white space folded, characters composed."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def _words(text: str) -> str:
    """The words of a text in small letters, each with a space on either side, so that none is found inside another."""
    return "".join(f" {word} " for word in _NO_WORD.split(unicodedata.normalize("NFC", text).casefold()) if word)


@lru_cache(maxsize=4096)
def _label_words(label: str) -> str:
    return _words(label)


def _listed(names: Iterable[str], last: str = "and") -> str:
    *others, final = [*names] or [""]
    return f"{', '.join(others)} {last} {final}" if others else final
