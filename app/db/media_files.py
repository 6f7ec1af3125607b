"""Imported media: checked, kept under the hash of its content, known to the world by a random token."""

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db.media_formats import content_type_of
from app.db.tables import MediaFile
from app.domain.item_values import Unusable
from app.domain.vocabulary import MediaType

LARGEST_FILE_BYTES = 20_000_000
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A file taken in by this import. Two rows that name the same content share its token."""

    token: str
    sha256: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Intake:
    """The media of one import, waiting in a folder of their own until `keep`."""

    root: Path | None
    media_dir: Path
    waiting: Path
    media_type: MediaType
    by_sha256: dict[str, NewMedia] = field(default_factory=dict)

    def take(self, name: str) -> tuple[NewMedia, bool]:
        """The file called `name` under the root, and whether this import sees its content for the first time.

        Raises Unusable where the file is not there, outside the root, too large, or not what its Batch shows.
        """
        content = _read(_inside(self.root, name))
        sha256 = hashlib.sha256(content).hexdigest()
        if known := self.by_sha256.get(sha256):
            return known, False
        kind = content_type_of(content, self.media_type)
        media = NewMedia(secrets.token_urlsafe(_TOKEN_BYTES), sha256, kind, len(content))
        if not path_of(self.media_dir, sha256).is_file():
            self.waiting.mkdir(parents=True, exist_ok=True)
            (self.waiting / sha256).write_bytes(content)
        self.by_sha256[sha256] = media
        return media, True

    def keep(self) -> None:
        """Move what waits to where it is served from. Call it last: a file that is kept stays, whatever happens."""
        for sha256 in self.by_sha256:
            if (self.waiting / sha256).is_file():
                place = path_of(self.media_dir, sha256)
                place.parent.mkdir(parents=True, exist_ok=True)
                # Another import may have brought the same content meanwhile; replacing it by itself harms nobody.
                os.replace(self.waiting / sha256, place)


@contextmanager
def intake(media_type: MediaType, *, root: Path | None, media_dir: Path) -> Iterator[Intake]:
    """Take media in; what is not kept when the block ends is removed.

    root: the only folder files may come from; None when none may.
    media_dir: where media are served from. Files wait inside it, so that keeping them is a rename.
    """
    waiting = media_dir / f".incoming-{secrets.token_hex(8)}"
    try:
        yield Intake(root.resolve() if root else None, media_dir, waiting, media_type)
    finally:
        if waiting.exists():
            shutil.rmtree(waiting)


def path_of(media_dir: Path, sha256: str) -> Path:
    """Where the content with this hash is kept: `<media_dir>/ab/abcdef…`."""
    return media_dir / sha256[:2] / sha256


def record(db: Session, media: list[NewMedia]) -> None:
    """Write the rows of `media`, before the Items that name their tokens."""
    if media:
        rows = [
            {"token": m.token, "sha256": m.sha256, "content_type": m.content_type, "size_bytes": m.size_bytes}
            for m in media
        ]
        db.execute(insert(MediaFile), rows)


def _inside(root: Path | None, name: str) -> Path:
    if root is None:
        raise Unusable(
            "names a file, and files cannot be taken from here; use a URL in column 'url', or name their folder"
        )
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise Unusable(f"cannot be read: {fault}") from fault
    if not path.is_relative_to(root):
        raise Unusable("is outside the folder of the media; move it there or name a folder that holds all of them")
    return path


def _read(path: Path) -> bytes:
    """The content of a regular file, read once: what is checked is what is kept."""
    try:
        with open(path, "rb", opener=_open_carefully) as file:
            about = os.fstat(file.fileno())
            content = file.read(LARGEST_FILE_BYTES + 1) if stat.S_ISREG(about.st_mode) else b""
    except FileNotFoundError:
        raise Unusable("does not exist in the folder of the media") from None
    except IsADirectoryError:
        raise Unusable("is a folder, not a file") from None
    except OSError as fault:
        raise Unusable(f"cannot be read: {fault.strerror or fault}") from fault
    if not content:
        raise Unusable("is empty" if stat.S_ISREG(about.st_mode) else "is not a regular file")
    if len(content) > LARGEST_FILE_BYTES:
        raise Unusable(f"has {max(about.st_size, len(content)):,} bytes; a media file may have {LARGEST_FILE_BYTES:,}")
    return content


def _open_carefully(path: str, flags: int) -> int:
    # A named pipe must not make us wait; a link that was put there after the path was checked is not followed.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
