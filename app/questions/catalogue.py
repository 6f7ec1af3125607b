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
_INDENTATION = re.compile(r"^[ \t]+|[ \t]+$|\n(?=\n)", re.MULTILINE)


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
    written = (home / "manifest.toml").read_bytes()
    manifest = _manifest(written, media_types=[str(media_type) for media_type in MediaType])
    source = _whole_source(home / "question.html", folder)
    template = HitTemplate(
        name=name,
        media_type=MediaType(str(manifest["media_type"])),
        title=str(manifest["title"]),
        description=str(manifest["description"]),
        keywords=str(manifest["keywords"]),
        instructions=str(manifest["instructions"]),
        seconds_per_item=int(manifest["seconds_per_item"]),
        frame_height=int(manifest["frame_height"]),
        source=source,
        sha256=hashlib.sha256(written + b"\0" + source.encode()).hexdigest(),
    )
    render(source, [_sample(template.media_type)], title=template.title, instructions=template.instructions)
    return template


def available(*, folder: Path = FOLDER) -> list[HitTemplate]:
    """All templates by name. Raises InvalidInput when one of them is faulty."""
    names = sorted(manifest.parent.name for manifest in folder.glob("*/manifest.toml"))
    return [load(name, folder=folder) for name in names if _NAME.fullmatch(name)]


def example_items(name: str, *, folder: Path = FOLDER) -> list[ShownItem]:
    """The Items that come with a template, as a preview shows them; which label is whose is the file's secret.

    Raises NotFound when there is no such template or it has no examples, InvalidInput for a faulty line.
    """
    template = load(name, folder=folder)
    path = folder / name / "example_items.jsonl"
    if not path.is_file():
        raise NotFound("example of HIT template", name)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [_example(line, number, template.media_type) for number, line in enumerate(lines, start=1)]
