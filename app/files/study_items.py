"""One object of the study's JSON → an Item with its counts, and everything that is wrong with it.

Three forms occur. Options: `mturk` counts given, guessed, both and neither, and for sentiment neutral and off-topic.
Class words: `mturk` counts the classes themselves (positive, negative, …), which are compared with the two labels, case
aside. Label sets: the labels are lists, and `mturk` has a count for each label in either.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.consensus.votes import OPTIONS
from app.domain.study_sets import Label, LabelSetItem, StudyItem
from app.domain.vocabulary import Option
from app.files.known_answers import OTHERS, asked, key_of
from app.files.whole_text import is_whole

MOST_ANSWERS = 1_000_000_000
_LONGEST_SHOWN, _MOST_LISTED = 60, 8

_GIVEN, _GUESSED = ("given_original_label", "given_label"), ("our_guessed_label", "guessed_label")
_ROLES = {option.value: option for option in Option}


class Faulty(ValueError):
    """An object that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Labels:
    """An object's labels: as they are, and by the names that people call them."""

    given: Label
    guessed: Label
    given_name: str | None
    guessed_name: str | None


def id_of(found: Mapping[str, object]) -> Label:
    """The Item's id, as given. Raises Faulty."""
    return _label(found, "id")


def votes_of(found: Mapping[str, object]) -> dict[str, int]:
    """The object's counts by option, as written, or none. Raises Faulty for anything but whole numbers from 0."""
    if "mturk" not in found:
        raise Faulty('mturk is missing: the counts of the Workers\' answers, such as {"given": 3, "guessed": 2}')
    counts = found["mturk"]
    if counts is None:
        return {}
    if not isinstance(counts, Mapping):
        raise Faulty(f"mturk must be an object of counts by answer, not {shown(counts)}")
    if len({key_of(name) for name in counts}) < len(counts):
        raise Faulty(f"mturk names an answer twice: {', '.join(map(str, counts))}")
    return {_whole("an answer in mturk", str(name)): _count(str(name), value) for name, value in counts.items()}


def _count(name: str, value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Faulty(f"mturk: {name!r} is {shown(value)}; a count is a whole number")
    if not 0 <= value <= MOST_ANSWERS:
        raise Faulty(f"mturk: {name!r} is {shown(value)}; a count is at least 0 and at most {MOST_ANSWERS:,}")
    return value


def has_label_sets(found: Mapping[str, object]) -> bool:
    """Whether the object's labels are lists."""
    return any(isinstance(found.get(name), list) for name in _set_names())


def label_set_item(found: Mapping[str, object]) -> LabelSetItem:
    """An Item whose labels are lists. Raises Faulty."""
    given, guessed = (_label_list(found, names) for names in (_GIVEN, _GUESSED))
    counts = votes_of(found)
    asked = given | guessed
    if counts and (missing := sorted(asked - counts.keys())):
        raise Faulty(f"mturk has no count for the label {_listed(missing)}")
    if unknown := sorted(counts.keys() - asked):
        raise Faulty(f"mturk counts {_listed(unknown)}, which is neither a given nor a guessed label")
    return LabelSetItem(id_of(found), given, guessed, counts)


def labels_of(found: Mapping[str, object]) -> Labels:
    """The given and the guessed label. Raises Faulty."""
    given, guessed = _fields(found)
    return Labels(_label(found, given), _label(found, guessed), _name(found, given), _name(found, guessed))


def _fields(found: Mapping[str, object]) -> tuple[str, str]:
    """The names under which the object has its two labels."""
    given, guessed = (next((name for name in names if name in found), names[0]) for names in (_GIVEN, _GUESSED))
    return given, guessed


def by_options(found: Mapping[str, object], *, votes: Mapping[str, int], others: Collection[str] = OTHERS) -> StudyItem:
    """An Item whose counts are by option. `others`: the answers that may stand beside the four. Raises Faulty."""
    known = {key_of(name): count for name, count in votes.items()}
    if unknown := [name for name in votes if key_of(name) not in _ROLES and key_of(name) not in others]:
        known_ones = [*_ROLES, *sorted(others)]
        raise Faulty(
            f"mturk: unknown answer {_cut([asked(name, known_ones) for name in unknown])}; known are {', '.join(known_ones)}"
        )
    counts = _four(known.get(option.value, 0) for option in OPTIONS)
    return _item(found, labels_of(found), counts, {n: count for n, count in known.items() if n not in _ROLES})


def by_class_words(found: Mapping[str, object], *, votes: Mapping[str, int], words: Collection[str]) -> StudyItem:
    """An Item whose counts are by class. `words`: the keys of all classes that the file counts. Raises Faulty.

    Votes for a class that is neither label count as other answers, as do those for off-topic.
    """
    labels = labels_of(found)
    if not votes:
        return _item(found, labels, (0, 0, 0, 0), {})
    given_field, guessed_field = _fields(found)
    given = _word_of("given", (labels.given, labels.given_name), words, field=given_field)
    guessed = _word_of("guessed", (labels.guessed, labels.guessed_name), words, field=guessed_field)
    known = {key_of(name): count for name, count in votes.items()}
    mine = {given, guessed}
    both, neither = (0 if word in mine else known.get(word, 0) for word in (Option.BOTH, Option.NEITHER))
    others = {name: count for name, count in known.items() if name not in {*mine, Option.BOTH, Option.NEITHER}}
    return _item(found, labels, (known.get(given, 0), known.get(guessed, 0), both, neither), others)


def _word_of(role: str, labels: Iterable[object], words: Collection[str], *, field: str) -> str:
    named = [label for label in labels if label is not None]
    for label in named:
        if key_of(label) in words:
            return key_of(label)
    told = f"the {role} label {shown(named[0])} is none of the answers ({_listed(sorted(words))})"
    if len(named) == 1 and str(named[0]).strip().removeprefix("-").isdigit():
        raise Faulty(f"{told}: it is a number and they are words; give what people call it as {field}_name")
    raise Faulty(f"{told}, and the answers are not given, guessed, both and neither either")


def _item(
    found: Mapping[str, object], labels: Labels, counts: tuple[int, int, int, int], others: Mapping[str, int]
) -> StudyItem:
    return StudyItem(id_of(found), labels.given, labels.guessed, counts, others, labels.given_name, labels.guessed_name)


def _four(counts: Iterable[int]) -> tuple[int, int, int, int]:
    given, guessed, both, neither = counts
    return given, guessed, both, neither


def _label(found: Mapping[str, object], name: str) -> Label:
    value = found.get(name)
    if value is None:
        raise Faulty(f"{name} is missing")
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise Faulty(f"{name} is {shown(value)}; it must be a whole number or text")
    return value if isinstance(value, int) else _whole(name, value)


def _whole(name: str, text: str) -> str:
    if not is_whole(text):
        raise Faulty(f"{name} is {shown(text)}, which holds half a character")
    return text


def _name(found: Mapping[str, object], label: str) -> str | None:
    name = found.get(f"{label}_name")
    return None if name is None else _whole(f"{label}_name", str(name))


def _label_list(found: Mapping[str, object], names: tuple[str, str]) -> frozenset[str]:
    name = next((name for name in (*(f"{name}s" for name in names), *names) if name in found), f"{names[0]}s")
    value = found.get(name)
    if not isinstance(value, list) or any(not isinstance(label, str | int) for label in value):
        raise Faulty(f"{name} must be a list of labels, not {shown(value)}")
    if len(set(value)) < len(value):
        raise Faulty(f"{name} names a label twice: {_listed(value)}")
    return frozenset(_whole(name, str(label)) for label in value)


def _set_names() -> Iterable[str]:
    return (written for name in (*_GIVEN, *_GUESSED) for written in (name, f"{name}s"))


def shown(value: object) -> str:
    """A value as a message quotes it."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _listed(names: Iterable[object]) -> str:
    return _cut([repr(name) for name in names])


def _cut(found: Sequence[str]) -> str:
    more = len(found) - _MOST_LISTED
    return ", ".join(found[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
