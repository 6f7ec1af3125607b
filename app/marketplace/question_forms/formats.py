"""AnswerFormatRegex: a Requester's JavaScript pattern, tried on the server without letting it run away.

The pattern is rewritten for `regex`, which can be stopped by the clock and lets other threads run meanwhile. Patterns
that would take long to compile are refused; one that takes long to match is given up, and the text passes: MTurk
guarantees nothing of an answer but its schema.
"""

import time
from dataclasses import dataclass
from functools import lru_cache

import regex

from app.marketplace.xml_documents import fault, shown

LONGEST_PATTERN = 1000
MOST_PATTERNS = 50
# All patterns of one form together get this long.
PATIENCE_S = 0.25
_LARGEST_EXPANSION = 10_000
_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
# Without effect on a search for one match.
_IDLE_FLAGS = frozenset("dguvy")
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_"}


@dataclass(frozen=True, slots=True)
class Format:
    """A pattern that must be found in the text, and what to tell the Worker when it is not."""

    pattern: str
    flags: str
    message: str


class Patience:
    """How much time is left for patterns."""

    def __init__(self, seconds: float = PATIENCE_S) -> None:
        self._until = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds; not positive once they are used up."""
        return self._until - time.monotonic()


def checked(pattern: str, flags: str, message: str) -> Format:
    """The format. Raises ParameterValidationError for a pattern or flags that cannot be used."""
    if len(pattern) > LONGEST_PATTERN:
        raise fault(f"the regex of AnswerFormatRegex must have {LONGEST_PATTERN} characters at most")
    if not set(flags) <= _FLAGS.keys() | _IDLE_FLAGS:
        raise fault(f"AnswerFormatRegex does not know the flags {shown(flags)}")
    try:
        _compiled(pattern, flags)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise fault(f"the regex {shown(pattern)} of AnswerFormatRegex is not valid ({shown(str(error))})") from None
    return Format(pattern, flags, message)


def fits(text: str, wanted: Format, patience: Patience) -> bool:
    """Is the pattern somewhere in the text? Yes, too, when no time is left to find out."""
    left_s = patience.left_s()
    if left_s <= 0:
        return True
    try:
        return _compiled(wanted.pattern, wanted.flags).search(text, timeout=left_s, concurrent=True) is not None
    except TimeoutError:
        return True


# Here, and not in `regex` as well: a compiled pattern may take a megabyte.
@lru_cache(maxsize=100)
def _compiled(pattern: str, flags: str) -> "regex.Pattern[str]":
    options = regex.VERSION0
    for letter in flags:
        options |= _FLAGS.get(letter, 0)
    return regex.compile(_Translation(pattern, multiline="m" in flags).result(), options, cache_pattern=False)


class _Translation:
    r"""Rewrites what JavaScript means differently (`$`, `\d`, `\w`, `[^]`) and measures how far counts multiply."""

    def __init__(self, pattern: str, *, multiline: bool) -> None:
        self._pattern = pattern
        self._end = "$" if multiline else r"\Z"
        self._at = 0
        # For each open group what it holds so far, and how large its last part is.
        self._sizes = [0]
        self._last = 0

    def result(self) -> str:
        """The pattern for `regex`. Raises ValueError for one that grows too large."""
        parts = []
        while self._at < len(self._pattern):
            parts.append(self._part())
            if sum(self._sizes) > _LARGEST_EXPANSION:
                raise ValueError("its repetitions multiply too far")
        return "".join(parts)

    def _part(self) -> str:
        character = self._pattern[self._at]
        if character == "\\":
            return self._atom(self._escaped())
        if character == "[":
            return self._atom(self._bracketed())
        self._at += 1
        if character == "(":
            self._sizes.append(0)
        elif character == ")" and len(self._sizes) > 1:
            self._last = max(1, self._sizes.pop())
            self._sizes[-1] += self._last
        elif character == "{":
            return self._repeated()
        elif character == "$":
            return self._end
        else:
            return self._atom(character)
        return character

    def _atom(self, text: str) -> str:
        self._last = 1
        self._sizes[-1] += 1
        return text

    def _escaped(self) -> str:
        letter = self._pattern[self._at + 1 : self._at + 2]
        self._at += 2
        if letter.lower() in _CLASSES:
            return f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]"
        return "\\" + letter

    def _bracketed(self) -> str:
        start = self._at
        self._at += 1
        if self._pattern.startswith("[^]", start) or self._pattern.startswith("[]", start):
            self._at = start + (3 if self._pattern[start + 1] == "^" else 2)
            return r"[\s\S]" if self._pattern[start + 1] == "^" else r"(?!)"
        parts = ["["]
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            self._at += 1
            if character == "]":
                return "".join([*parts, "]"])
            if character == "\\":
                letter = self._pattern[self._at : self._at + 1]
                self._at += 1
                parts.append(_CLASSES.get(letter, "\\" + letter))
            else:
                parts.append("\\[" if character == "[" else character)
        return self._pattern[start:]

    def _repeated(self) -> str:
        r"""A count such as {2,5}; a brace that is none stands for itself."""
        end = self._pattern.find("}", self._at)
        inside = self._pattern[self._at : end] if end >= 0 else ""
        counts = inside.split(",")
        if len(counts) > 2 or not counts[0].isdecimal() or not (counts[-1].isdecimal() or not counts[-1]):  # noqa: PLR2004 - a lowest and a highest count
            return self._atom(r"\{")
        self._at = end + 1
        if max(len(count) for count in counts) > len(str(_LARGEST_EXPANSION)):
            raise ValueError("its repetitions multiply too far")
        # The upper bound of a lone character costs nothing: ^.{0,5000}$ is no larger than ^.*$.
        lone = len(self._sizes) == 1 and self._last == 1
        times = max(1, int(counts[0]) if lone else max(int(count) for count in counts if count))
        self._sizes[-1] += self._last * (times - 1)
        self._last *= times
        return "{" + inside + "}"
