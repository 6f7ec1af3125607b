"""Finds and checks the HIT templates in hit_templates/.

A template is a folder: manifest.toml, question.html, example_items.jsonl (in the form that import reads), README.md.
"""

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput, NotFound, Problem
from app.questions.rendering import ShownItem, render

FOLDER = Path(__file__).resolve().parents[2] / "hit_templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_INCLUDE = re.compile(r'\{%-?\s*include\s+"(_shared/[a-z0-9_.-]+)"\s*-?%\}', re.ASCII)
_DEEPEST_INCLUDE = 4


@dataclass(frozen=True, slots=True)
class HitTemplate:
    """A checked template. `source` is whole: a Batch keeps it as one string and needs no file later.

    sha256: of the manifest and the source, so that two Batches can be seen to have asked the same question.
    """

    name: str
    media_type: MediaType
    title: str
    description: str
    keywords: str
    instructions: str
    seconds_per_item: int
    frame_height: int
    source: str
    sha256: str


class _TextField(NamedTuple):
    name: str
    longest: int


# The first three are MTurk's own limits on a HIT Type.
_TEXT_FIELDS = (
    _TextField("title", 128),
    _TextField("description", 2000),
    _TextField("keywords", 1000),
    _TextField("instructions", 4000),
)
_NUMBER_FIELDS = {"seconds_per_item": range(1, 3601), "frame_height": range(10_001)}


def load(name: str, *, folder: Path = FOLDER) -> HitTemplate:
    """The template called `name`, checked and tried out on an Item.

    Raises NotFound when there is none, InvalidInput listing every fault of its manifest or its question.
    """
    home = folder / name
    if not _NAME.fullmatch(name) or not (home / "manifest.toml").is_file():
        raise NotFound("HIT template", name)
    manifest, source = _read(home / "manifest.toml"), _whole_source(home / "question.html", folder)
    media_type, texts, numbers = _checked(manifest)
    template = HitTemplate(
        name=name,
        media_type=media_type,
        title=texts["title"],
        description=texts["description"],
        keywords=texts["keywords"],
        instructions=texts["instructions"],
        seconds_per_item=numbers["seconds_per_item"],
        frame_height=numbers["frame_height"],
        source=source,
        sha256=hashlib.sha256(f"{manifest}\0{source}".encode()).hexdigest(),
    )
    render(source, [_sample(media_type)], title=template.title, instructions=template.instructions)
    return template


def available(*, folder: Path = FOLDER) -> list[HitTemplate]:
    """All templates by name. Raises InvalidInput when one of them is faulty."""
    names = sorted(manifest.parent.name for manifest in folder.glob("*/manifest.toml"))
    return [load(name, folder=folder) for name in names if _NAME.fullmatch(name)]


def example_items(name: str, *, folder: Path = FOLDER) -> list[ShownItem]:
    """The Items that come with a template, as a preview shows them: `a` is the label that comes first in the alphabet.

    Raises NotFound when there is no such template or it has no examples, InvalidInput for a faulty line.
    """
    media_type = load(name, folder=folder).media_type
    path = folder / name / "example_items.jsonl"
    if not path.is_file():
        raise NotFound("example of HIT template", name)
    lines = [line for line in _read(path).splitlines() if line.strip()]
    return [_example(line, number, media_type) for number, line in enumerate(lines, start=1)]


def _checked(manifest: str) -> tuple[MediaType, dict[str, str], dict[str, int]]:
    """The manifest's media type, texts and numbers. Raises InvalidInput with all faults at once."""
    try:
        values: dict[str, object] = tomllib.loads(manifest)
    except tomllib.TOMLDecodeError as fault:
        raise InvalidInput([Problem(f"not valid TOML: {fault}", field="manifest.toml")]) from fault
    known = {"media_type", *_NUMBER_FIELDS, *(field.name for field in _TEXT_FIELDS)}
    problems = [Problem("unknown; remove it", field=f"manifest.toml, {name}") for name in sorted(values.keys() - known)]
    if values.get("media_type") not in set(MediaType):
        problems.append(Problem(f"must be one of {', '.join(MediaType)}", field="manifest.toml, media_type"))
    problems += [problem for field in _TEXT_FIELDS if (problem := _text_problem(field, values.get(field.name)))]
    problems += [problem for name in _NUMBER_FIELDS if (problem := _number_problem(name, values.get(name)))]
    if problems:
        raise InvalidInput(problems)
    texts = {field.name: str(values[field.name]).strip() for field in _TEXT_FIELDS}
    return MediaType(str(values["media_type"])), texts, {name: int(str(values[name])) for name in _NUMBER_FIELDS}


def _text_problem(field: _TextField, value: object) -> Problem | None:
    if isinstance(value, str) and value.strip() and len(value.strip()) <= field.longest:
        return None
    return Problem(f"must be text of 1 to {field.longest} characters", field=f"manifest.toml, {field.name}")


def _number_problem(name: str, value: object) -> Problem | None:
    allowed = _NUMBER_FIELDS[name]
    if type(value) is int and value in allowed:
        return None
    return Problem(f"must be a whole number from {allowed[0]} to {allowed[-1]}", field=f"manifest.toml, {name}")


def _whole_source(path: Path, folder: Path, depth: int = 0) -> str:
    """The file with each `{% include "_shared/…" %}` replaced by the file it names, and theirs likewise."""
    if depth > _DEEPEST_INCLUDE:
        raise InvalidInput([Problem("includes itself, or includes are nested too deep", field=path.name)])
    text = _read(path)
    if path.suffix in {".css", ".js"}:
        # MTurk takes 65,535 bytes for the whole question, and indentation is nearly a sixth of these.
        text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    return _INCLUDE.sub(lambda found: _whole_source(folder / found[1], folder, depth + 1), text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise InvalidInput([Problem("this file is missing", field=path.name)]) from fault
    except UnicodeDecodeError as fault:
        raise InvalidInput([Problem(f"not UTF-8: {fault}", field=path.name)]) from fault


def _sample(media_type: MediaType) -> ShownItem:
    return ShownItem(1, media_type, "one label", "another label", media_url="https://example.org/1", text="A text.")


def _example(line: str, number: int, media_type: MediaType) -> ShownItem:
    try:
        item = json.loads(line)
        first, second = sorted([str(item["given_label"]), str(item["guessed_label"])])
        media = str(item["media"])
    except (ValueError, LookupError, TypeError) as fault:
        message = "must be a JSON object with media, given_label and guessed_label"
        raise InvalidInput([Problem(message, line=number, field="example_items.jsonl")]) from fault
    if media_type is MediaType.TEXT:
        return ShownItem(number, media_type, first, second, text=media)
    return ShownItem(number, media_type, first, second, media_url=media)
