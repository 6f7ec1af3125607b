"""The study's JSON files: a list of objects, one an Item → a set of the study. Faults name the file and the Item."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from os.path import realpath  # where Python 3.11's `Path.resolve` raises RuntimeError for links in a circle
from pathlib import Path
from typing import TypeVar

from app.domain.study_sets import LabelSets, StudySet
from app.domain.vocabulary import Option
from app.errors import InvalidInput, Problem
from app.files.known_answers import OTHERS, key_of
from app.files.repeated_names import Pair, Repeated, object_of
from app.files.study_items import (
    Faulty,
    by_class_words,
    by_options,
    has_label_sets,
    id_of,
    label_set_item,
    shown,
    votes_of,
)
from app.files.whole_text import whole_name

SHOWN_PROBLEMS = 20
_ENDING = "_mturk"
_BETWEEN_ITEMS = " \t\r\n[],"
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04")  # gzip, zip

T = TypeVar("T")


def dataset_name(path: Path) -> str:
    """What a file is about: `cifar10_mturk.json` → `cifar10`."""
    stem = whole_name(path.stem)
    return stem[: -len(_ENDING)] if stem.casefold().endswith(_ENDING) and len(stem) > len(_ENDING) else stem


def read_studies(paths: Sequence[Path], *, others: Collection[str] = ()) -> list[StudySet | LabelSets]:
    """The sets of several files, in this order. Raises InvalidInput with the faults of all, and for a file given twice."""
    if twice := [path for path, times in Counter(map(realpath, paths)).items() if times > 1]:
        raise InvalidInput(
            [
                Problem("is given more than once, and would count as often; give it once", field=Path(path).name)
                for path in twice
            ]
        )
    sets: list[StudySet | LabelSets] = []
    problems: list[Problem] = []
    total = 0
    for path in paths:
        try:
            sets.append(read_study(path, others=others))
        except InvalidInput as fault:
            problems += fault.problems
            total += fault.total
    if problems:
        raise InvalidInput(problems[:SHOWN_PROBLEMS], total=total)
    return sets


def read_study(path: Path, *, others: Collection[str] = ()) -> StudySet | LabelSets:
    """The set of one file. `others`: names of answers beside the four, neutral and off-topic that its Workers could give.

    Raises InvalidInput, which names the file, and the Item by its number and id.
    """
    found = _objects(path)
    again = _again(path, found)
    repeated = tuple(dict.fromkeys(id_of(found[n]) for n in sorted(again)))
    if all(has_label_sets(item) for item in found):
        sets = _each(path, found, lambda n: label_set_item(found[n]))
        return LabelSets(dataset_name(path), _without(sets, again), repeated)
    votes = _each(path, found, lambda n: votes_of(found[n]))
    words = frozenset(key_of(name) for counts in votes for name in counts)
    if words & {Option.GIVEN, Option.GUESSED}:
        beside = OTHERS | {key_of(name) for name in others}
        items = _each(path, found, lambda n: by_options(found[n], votes=votes[n], others=beside))
        offered = words
    else:
        items = _each(path, found, lambda n: by_class_words(found[n], votes=votes[n], words=words))
        offered = words | {Option.GIVEN, Option.GUESSED}
    options = frozenset(option for option in Option if option in offered)
    return StudySet(dataset_name(path), _without(items, again), options, repeated)


def _again(path: Path, found: Sequence[Mapping[str, object]]) -> frozenset[int]:
    """The numbers of objects that an earlier one is to the letter. Raises InvalidInput where two have one id and differ."""
    first: dict[str, int] = {}
    again: list[int] = []
    problems: list[Problem] = []
    for number, item in enumerate(found):
        earlier = first.setdefault(str(item["id"]), number)
        if earlier == number:
            continue
        again.append(number)
        if unlike := [name for name in {**found[earlier], **item} if item.get(name) != found[earlier].get(name)]:
            told = f"has the id of item {earlier + 1} and differs from it in {', '.join(unlike)}"
            problems.append(Problem(f"{told}; leave one out or rename it", field=_place(path, number, item)))
    if problems:
        raise InvalidInput(problems[:SHOWN_PROBLEMS], total=len(problems))
    return frozenset(again)


def _without(items: Sequence[T], numbers: Collection[int]) -> tuple[T, ...]:
    return tuple(item for number, item in enumerate(items) if number not in numbers)


def _each(path: Path, found: Sequence[Mapping[str, object]], read: Callable[[int], T]) -> tuple[T, ...]:
    """What `read` makes of each object, by its number from 0. Raises InvalidInput with what it could not read."""
    items: list[T] = []
    problems: list[Problem] = []
    total = 0
    for number, item in enumerate(found):
        try:
            items.append(read(number))
        except Faulty as fault:
            total += 1
            if len(problems) < SHOWN_PROBLEMS:
                problems.append(Problem(str(fault), field=_place(path, number, item)))
    if total:
        raise InvalidInput(problems, total=total)
    return tuple(items)


def _place(path: Path, number: int, item: Mapping[str, object]) -> str:
    named = f" (id {shown(item['id'])})" if item.get("id") is not None else ""
    return f"{path.name}, item {number + 1}{named}"


def _objects(path: Path) -> list[Mapping[str, object]]:
    """The file's list of objects, each with an id."""
    loaded = _loaded(path)
    if not isinstance(loaded, list):
        kind = "an object" if isinstance(loaded, dict) else shown(loaded)
        raise _refused(path, f"must be a JSON list of objects, one an Item, not {kind}")
    if not loaded:
        raise _refused(path, "the list is empty; it needs at least one Item")
    for number, item in enumerate(loaded):
        if not isinstance(item, dict):
            raise _refused(path, f"item {number + 1} must be a JSON object, not {shown(item)}")
    _each(path, loaded, lambda n: id_of(loaded[n]))
    return loaded


def _loaded(path: Path) -> object:
    try:
        found = path.read_bytes()
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    if found.startswith(_COMPRESSED):
        raise _refused(path, "is compressed; unpack it first")
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _refused(path, "is not UTF-8; save it as UTF-8") from fault
    try:
        return _DECODER.decode(text)
    except _RepeatedName as fault:
        raise _refused(path, str(fault), line=_line_of_repeated(text)) from fault
    except json.JSONDecodeError as fault:
        lines = "; JSON Lines are not read: make one list of all objects" if fault.msg == "Extra data" else ""
        raise _refused(path, f"is no JSON that can be read: {fault}{lines}") from fault
    except (ValueError, RecursionError) as fault:
        raise _refused(path, f"is no JSON that can be read: {fault}") from fault


class _RepeatedName(ValueError):
    """An object has a name twice; the message says which."""


def _object(pairs: Sequence[Pair]) -> dict[str, object]:
    value = object_of(pairs)
    if isinstance(value, Repeated):
        raise _RepeatedName(f"the name {shown(value.name)} appears twice in one object of the Item that begins here")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _line_of_repeated(text: str) -> int:
    """The line, from 1, on which the first Item begins whose object has a name twice; there is one."""
    place = 0
    while True:
        while text[place] in _BETWEEN_ITEMS:
            place += 1
        try:
            _, place = _DECODER.raw_decode(text, place)
        except _RepeatedName:
            return text.count("\n", 0, place) + 1


def _refused(path: Path, message: str, *, line: int | None = None) -> InvalidInput:
    return InvalidInput([Problem(message, line=line, field=path.name)])
