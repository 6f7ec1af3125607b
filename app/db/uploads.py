"""An upload on its way to the import: an item file alone, or a ZIP archive of an item file and its media."""

import errno
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.db.item_sources import ItemFile, detect_format
from app.db.media_files import LARGEST_FILE_BYTES
from app.errors import InvalidInput, Problem

MOST_MEMBERS = 20_000
# Media are compressed already, so an archive that grows more than this is no archive of media.
MOST_GROWTH = 20
_ITEM_FILES = {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"}
# An item file is text and may shrink well; it has no limit of its own but the archive's growth.
_FIELD = "file"
_DAMAGE = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)
# Of the errors of unpacking these are the machine's; the others (names too long, a file where a folder is) the archive's.
_OUR_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EACCES}


@dataclass(frozen=True, slots=True)
class Upload:
    """What the import needs. `media_root` is the folder of the archive's item file; None where no archive came."""

    items: ItemFile
    media_root: Path | None


@contextmanager
def opened(content: BinaryIO, name: str) -> Iterator[Upload]:
    """The upload in a temporary folder that is gone afterwards. `name` is what the sender called it.

    Raises InvalidInput for an unknown kind of file and for an archive that cannot be used.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    with tempfile.TemporaryDirectory(prefix="labeljury-upload-") as folder:
        if path.suffix.casefold() == ".zip":
            items = _unpacked(content, Path(folder))
            yield Upload(ItemFile(items, detect_format(items)), items.parent)
        else:
            format = detect_format(Path(path.name))
            kept = Path(folder) / f"items.{format}"
            with kept.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            yield Upload(ItemFile(kept, format), None)


def _unpacked(content: BinaryIO, folder: Path) -> Path:
    """The archive's one item file, unpacked beside its media."""
    try:
        _extract(content, folder)
    except _DAMAGE as fault:
        raise _not_unpackable(str(fault)) from fault
    except OSError as fault:
        if fault.errno in _OUR_FAULTS:
            raise
        # Without the path: it is one of ours.
        raise _not_unpackable(fault.strerror or str(fault)) from fault
    found = sorted(path for path in folder.rglob("*") if path.suffix.casefold() in _ITEM_FILES and path.is_file())
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:5]) or "none"
        kinds = ", ".join(sorted(_ITEM_FILES))
        raise InvalidInput(
            [Problem(f"an archive holds exactly one item file ({kinds}) and its media; found: {names}", field=_FIELD)]
        )
    return found[0]


def _extract(content: BinaryIO, folder: Path) -> None:
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    with zipfile.ZipFile(content) as archive:
        members = [member for member in archive.infolist() if _is_wanted(member)]
        _check(members, size)
        for member in members:
            archive.extract(member, folder)  # ZipFile takes `..` and leading slashes out of names itself


def _not_unpackable(why: str) -> InvalidInput:
    return InvalidInput([Problem(f"is no archive that can be unpacked: {why}", field=_FIELD)])


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    # What macOS adds to every archive, and hidden files.
    return not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse archives of `packed` bytes that would fill the disk.

    A member cannot exceed the unpacked size that it declares, where ZipFile stops reading. What it declares as its packed
    size is only its word.
    """
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS:
        message = f"has {len(members):,} files; at most {MOST_MEMBERS:,} fit, so split it into several Batches"
    elif unpacked > MOST_GROWTH * packed + LARGEST_FILE_BYTES:
        message = f"would unpack {packed:,} bytes to {unpacked:,}; pack fewer or larger files"
    else:
        return
    raise InvalidInput([Problem(message, field=_FIELD)])
