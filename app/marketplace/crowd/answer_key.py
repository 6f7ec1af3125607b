"""The answer key: what is true about an Item, or how it was voted on, found by what a Worker sees of it.

A file of JSON Lines, or one JSON list. Each entry has one of `url`, `sha256` (of the medium's bytes), `text`; then
`given_label`, `guessed_label` and `truth` (given, guessed, both, neither), `votes` (how often each was said), or both.
The label-error study's own files are read too (`given_original_label_name`, `our_guessed_label_name`, `mturk`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.marketplace.crowd.behaviours import Choice, SeenItem
from app.marketplace.crowd.errors import BadAnswerKey

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_PROBLEMS = 20
_MOST_VOTES = 1_000


class Vote(StrEnum):
    """An answer in the words of the dataset's owner."""

    GIVEN = "given"
    GUESSED = "guessed"
    BOTH = "both"
    NEITHER = "neither"
    CANNOT_TELL = "cannot_tell"


class Sight(StrEnum):
    """By what an entry's Item is recognised."""

    URL = "url"
    SHA256 = "sha256"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Entry:
    """One Item of the key. `number` is its place in the file, from 0; `votes` is empty where only the truth is known."""

    number: int
    sight: Sight
    seen_as: str
    given_label: str
    guessed_label: str
    truth: Vote | None
    votes: tuple[Vote, ...]

    def choice(self, vote: Vote, item: SeenItem) -> Choice:
        """`vote` in the page's words: which of `a` and `b` is the given label is seen by its text."""
        if vote in {Vote.GIVEN, Vote.GUESSED}:
            a_is_given = plain(item.label_a) == plain(self.given_label)
            return Choice.A if a_is_given == (vote is Vote.GIVEN) else Choice.B
        return Choice(vote.value)


class AnswerKey:
    """Entries by what is seen."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_sight: dict[tuple[Sight, str], list[Entry]] = {}
        for entry in self.entries:
            self._by_sight.setdefault((entry.sight, entry.seen_as), []).append(entry)
        self.needs_bytes = any(entry.sight is Sight.SHA256 for entry in self.entries)

    def find(self, item: SeenItem, *, sha256: str | None = None) -> Entry | None:
        """The entry of this Item: the same medium or text, and the same two labels."""
        seen = [
            (Sight.URL, item.media_url),
            (Sight.SHA256, sha256),
            (Sight.TEXT, plain(item.text) if item.text else None),
        ]
        labels = sorted([plain(item.label_a), plain(item.label_b)])
        for sight, value in seen:
            for entry in self._by_sight.get((sight, value), []) if value is not None else []:
                if sorted([plain(entry.given_label), plain(entry.guessed_label)]) == labels:
                    return entry
        return None


def load(path: Path) -> AnswerKey:
    """Read the file. Raises BadAnswerKey naming the file, the entries and their faults."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadAnswerKey([f"{path}: cannot be read: {fault}"]) from fault
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "answer key") -> AnswerKey:
    """The key in `text`. Raises BadAnswerKey listing up to 20 faults."""
    entries: list[Entry] = []
    problems: list[str] = []
    for where, value in _values(text, name):
        try:
            entries.append(_entry(len(entries), value))
        except ValueError as fault:
            problems.append(f"{where}: {fault}")
    if not entries and not problems:
        problems.append(f"{name}: it holds no entries")
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        raise BadAnswerKey([*problems[:_MOST_PROBLEMS], *([f"… and {more} more"] if more > 0 else [])])
    return AnswerKey(entries)


def plain(text: str) -> str:
    """`text` as it can be compared after its way through a page: white space and invisible characters do not count."""
    visible = (character for character in text if character.isprintable() or character.isspace())
    return " ".join("".join(visible).replace("\N{REPLACEMENT CHARACTER}", "").split())


def _values(text: str, name: str) -> Iterator[tuple[str, object]]:
    if text.lstrip().startswith("["):
        yield from ((f"{name}, entry {at}", value) for at, value in enumerate(_decoded(text, name), start=1))
        return
    # Only "\n" ends a line: JSON strings may hold the other characters that splitlines() takes for line ends.
    for at, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{name}, line {at}", _decoded(line, f"{name}, line {at}")


def _decoded(text: str, where: str) -> list[object]:
    try:
        value: list[object] = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise BadAnswerKey([f"{where}: not JSON: {fault}"]) from fault
    return value


def _entry(number: int, value: object) -> Entry:
    """One entry. Raises ValueError saying what is wrong with it."""
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - a fault of the file, gathered with the others
    sight = next((sight for sight in Sight if value.get(sight)), None)
    if sight is None:
        raise ValueError("needs one of url, sha256, text")
    given = _text(value, "given_label", "given_original_label_name", "given_original_label")
    guessed = _text(value, "guessed_label", "our_guessed_label_name", "our_guessed_label")
    votes = _votes(value.get("votes", value.get("mturk", {})))
    if plain(given) == plain(guessed):
        # In the study such an item's votes for the label stand under both names: see the README beside its files.
        votes = tuple(vote for vote in votes if vote is not Vote.GUESSED)
    truth = _vote(value["truth"], "truth") if value.get("truth") is not None else _most_frequent(votes)
    if truth is None and not votes:
        raise ValueError("needs truth or votes")
    return Entry(number, sight, _seen_as(sight, value[sight]), given, guessed, truth, votes)


def _seen_as(sight: Sight, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{sight} must be text")  # noqa: TRY004 - as above
    if sight is Sight.TEXT:
        return plain(value)
    if sight is Sight.SHA256 and not _SHA256.fullmatch(value.lower()):
        raise ValueError("sha256 must be 64 hexadecimal digits")
    return value.lower() if sight is Sight.SHA256 else value


def _text(value: Mapping[str, object], *names: str) -> str:
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found.strip():
            return found
    raise ValueError(f"needs {names[0]}, a text that is not empty")


def _votes(counts: object) -> tuple[Vote, ...]:
    if not isinstance(counts, dict):
        raise ValueError('votes must be an object such as {"given": 3, "guessed": 2}')  # noqa: TRY004 - as above
    votes: list[Vote] = []
    for name, count in counts.items():
        if type(count) is not int or not 0 <= count <= _MOST_VOTES:
            raise ValueError(f"votes for {name!r}: {count!r} is not a whole number from 0 to {_MOST_VOTES}")
        votes += [_vote(name, "votes")] * count
    return tuple(sorted(votes, key=list(Vote).index))


def _vote(name: object, where: str) -> Vote:
    try:
        return Vote(str(name))
    except ValueError:
        raise ValueError(f"{where}: {name!r} is none of {', '.join(Vote)}") from None


def _most_frequent(votes: tuple[Vote, ...]) -> Vote | None:
    """The one most frequent vote; None for a tie or no votes."""
    counts = sorted(((votes.count(vote), vote) for vote in Vote), reverse=True)
    return counts[0][1] if counts[0][0] > counts[1][0] else None
