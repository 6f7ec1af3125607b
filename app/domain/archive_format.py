"""The format of a Batch's archive: its files, what its manifest says, what makes it unusable. See docs/archive.md."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.errors import InvalidInput, Problem

FORMAT = "labeljury-batch-archive"
# Raised when older versions could no longer read what is written.
VERSION = 1
MANIFEST = "manifest.json"
README = "README.txt"
TEMPLATE = "template.html"
# The tables, in the order in which they are written and read: what a row refers to comes before it.
TABLES = (
    "batches",
    "media_files",
    "workers",
    "hit_groups",
    "items",
    "hits",
    "hit_items",
    "assignments",
    "operations",
    "responses",
    "consensus",
    "payments",
    "dropped_workers",
    "audit",
)
LARGEST_MANIFEST = 1_000_000
# Rows are JSON that shrinks ten to thirty times. What grows more than this is no archive but an attack on the disk.
MOST_GROWTH = 250
GROWTH_ALLOWED = 64_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA = re.compile(r"media/[0-9a-f]{64}")


class UnreadableArchive(InvalidInput):
    """A file that cannot be used as an archive; the message says why. Nothing of it was written anywhere."""

    def __init__(self, message: str) -> None:
        super().__init__([Problem(message, field="file")])


class NotAnArchive(UnreadableArchive):
    """Something else: no ZIP file, or a ZIP file of another program."""


class DamagedArchive(UnreadableArchive):
    """Cut short, or changed since it was written."""


class NewerArchive(UnreadableArchive):
    """Written by a later version, in a format that this one does not know."""


class UnsafeArchive(UnreadableArchive):
    """Made to harm whoever unpacks it: names outside the archive, sizes out of all proportion."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive. rows, columns: of a table's file. sha256: of its content, unpacked."""

    name: str
    bytes: int
    sha256: str
    rows: int = 0
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the archive says of itself. worker_ids: whether it holds the Workers' marketplace ids, or only pseudonyms.

    media: how many media files it holds; each is named after its own SHA-256.
    """

    service_version: str
    created_at: datetime
    batch: Mapping[str, str | int]
    worker_ids: bool
    media: int
    media_bytes: int
    members: Sequence[Member]
    format: str = FORMAT
    version: int = VERSION

    def member(self, table: str) -> Member:
        """The file of a table. `read` has seen to it that there is one."""
        return next(member for member in self.members if member.name == name_of(table))

    def to_json(self) -> bytes:
        """As it stands in the archive."""
        said = asdict(self) | {"created_at": self.created_at.isoformat()}
        return json.dumps(said, indent=1, ensure_ascii=False).encode()


def name_of(table: str) -> str:
    """The file of a table: one JSON object a line."""
    return f"{table}.jsonl"


def media_name(sha256: str) -> str:
    """The file of a medium."""
    return f"media/{sha256}"


def is_medium(name: str) -> bool:
    """Whether this is the name of a medium's file."""
    return _MEDIA.fullmatch(name) is not None


def read(content: bytes) -> Manifest:
    """The manifest. Raises NotAnArchive, NewerArchive, DamagedArchive."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotAnArchive(f"its {MANIFEST} is no JSON: this is no archive of a Batch") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise NotAnArchive(f"its {MANIFEST} is not that of an archive of a Batch")
    version = said.get("version")
    if isinstance(version, int) and version > VERSION:
        raise NewerArchive(
            f"it has version {version} of the format and this version of Label Jury reads up to {VERSION};"
            f" it was written by Label Jury {said.get('service_version')}: use that or a later one"
        )
    try:
        manifest = _manifest(said)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArchive(f"its {MANIFEST} lacks something or holds something else than it should") from error
    expected = {*map(name_of, TABLES), README, TEMPLATE}
    if {member.name for member in manifest.members} != expected or len(manifest.members) != len(expected):
        raise DamagedArchive(f"its {MANIFEST} does not name the files that an archive has")
    return manifest


def _manifest(said: Mapping[str, Any]) -> Manifest:
    if said["version"] != VERSION or isinstance(said["version"], bool):
        raise ValueError("version")
    batch = {str(key): value for key, value in dict(said["batch"]).items() if isinstance(value, str | int)}
    return Manifest(
        service_version=str(said["service_version"]),
        created_at=datetime.fromisoformat(said["created_at"]),
        batch={"number": int(batch["number"]), "name": str(batch["name"]), **batch},
        worker_ids=_flag(said["worker_ids"]),
        media=_count(said["media"]),
        media_bytes=_count(said["media_bytes"]),
        members=[_member(member) for member in said["members"]],
    )


def _member(said: Mapping[str, Any]) -> Member:
    if not _SHA256.fullmatch(said["sha256"]):
        raise ValueError("sha256")
    columns = [str(column) for column in said["columns"]]
    return Member(str(said["name"]), _count(said["bytes"]), said["sha256"], _count(said["rows"]), columns)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("no count")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("no flag")
    return value


def check_names(names: Sequence[str]) -> None:
    """Raise UnsafeArchive for names that no archive of ours has, or that it has twice; DamagedArchive where one is missing."""
    allowed = {*map(name_of, TABLES), README, TEMPLATE, MANIFEST}
    if strange := [name for name in names if name not in allowed and not is_medium(name)]:
        raise UnsafeArchive(f"it holds {strange[0][:100]!r}, which no archive of a Batch does")
    if len(set(names)) != len(names):
        raise UnsafeArchive("it holds two files of one name")
    if missing := sorted(allowed - set(names)):
        raise DamagedArchive(f"{missing[0]} is missing")


def check_sizes(unpacked: Iterable[int], packed: int) -> None:
    """Raise UnsafeArchive where files that declare these sizes cannot honestly come out of `packed` bytes."""
    total = sum(unpacked)
    if total > MOST_GROWTH * packed + GROWTH_ALLOWED:
        raise UnsafeArchive(f"it would unpack {packed:,} bytes to {total:,}")
