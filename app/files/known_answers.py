"""The answers that are known beside the four, and what to say of one that is not, such as `gessed`."""

from collections import Counter
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from app.domain.plurals import counted
from app.domain.study_sets import StudySet

# What the study's Workers could answer beside the four: it says that neither label is agreed on.
OTHERS = frozenset({"neutral", "off-topic"})
_ALIKE = 0.75  # of 1: `gessed` and `guessed` are 0.92; `other` and `both` 0.67
_MOST_PAIRS = 1_000_000  # about two seconds
_SHOWN, _LONGEST_SHOWN = 8, 60


def key_of(word: object) -> str:
    """A word as it is compared: trimmed, in small letters, with - for _ and spaces."""
    return "-".join(str(word).casefold().replace("_", " ").split())


def meant_for(word: str, known: Collection[str]) -> str | None:
    """The known answer that a word is most like, or None where it is like none."""
    return next(iter(get_close_matches(key_of(word), sorted(known), n=1, cutoff=_ALIKE)), None)


def asked(word: str, known: Collection[str]) -> str:
    """`'gessed' (did you mean 'guessed'?)`, or the word alone."""
    quoted = repr(word if len(word) <= _LONGEST_SHOWN else f"{word[: _LONGEST_SHOWN - 1]}…")
    meant = meant_for(word, known)
    return quoted if meant is None else f"{quoted} (did you mean {meant!r}?)"


def told(unknown: Mapping[str, int], known: Collection[str]) -> str:
    """Unknown answers and how often each was given, the most frequent first, equally frequent ones sorted; a few of many."""
    words = sorted(unknown, key=lambda word: (-unknown[word], word))
    shown = ", ".join(f"{asked(word, known)} {counted(unknown[word], 'time')}" for word in words[:_SHOWN])
    return shown + (f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else "")


def slips_of(study: StudySet, *, others: Collection[str] = ()) -> str:
    """Answers by class that no Item has for a label and that are like one, as `told`; empty where there are none.

    Other classes may well be no Item's label, and of very many nothing is said. others: names of answers beside the classes.
    """
    labels = {
        key_of(label)
        for item in study.items
        for label in (item.given, item.guessed, item.given_name, item.guessed_name)
        if label is not None
    }
    given = Counter[str]()
    for item in study.items:
        given.update(item.others)
    known = labels | OTHERS | {key_of(name) for name in others}
    unknown = {word: times for word, times in given.items() if times and word not in known}
    if len(unknown) * len(labels) > _MOST_PAIRS:
        return ""
    return told({word: times for word, times in unknown.items() if meant_for(word, labels)}, labels)
