"""An archive as a ZIP file: written as a stream, in flat memory, and read back with every byte checked."""

import hashlib
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.domain import archive_format
from app.domain.archive_format import DamagedArchive, Manifest, Member, NotAnArchive, UnsafeArchive

CHUNK_BYTES = 256 * 1024
# A row holds one answer or one Item with its text.
LONGEST_LINE = 32_000_000
# OSError: zipfile does not check that an offset lies within the file, and a disk may not give its bytes back.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, OverflowError, UnicodeError),
)
_KINDS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# The same content gives the same bytes, whenever it is packed.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_ENCRYPTED = 0x1


# --- write ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sink:
    """What zipfile writes to and a stream reads from: no file, and never more than a chunk."""

    buffer: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self.buffer += data
        return len(data)

    def flush(self) -> None:
        """There is nothing below."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken


class Writer:
    """Packs files one after another. Each method gives the packed bytes as they come; the manifest comes last."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.media = self.media_bytes = 0
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]  # no seeking

    def text(self, name: str, content: str) -> Iterator[bytes]:
        """A file of its own."""
        data = content.encode()
        yield from self._pack(name, [data])
        self.members.append(Member(name, len(data), hashlib.sha256(data).hexdigest()))

    def table(self, name: str, columns: Sequence[str], lines: Iterable[str]) -> Iterator[bytes]:
        """One line a row."""
        digest, size, rows = hashlib.sha256(), 0, 0

        def blocks() -> Iterator[bytes]:
            nonlocal size, rows
            block = bytearray()
            for line in lines:
                block += line.encode()
                block += b"\n"
                rows += 1
                if len(block) >= CHUNK_BYTES:
                    digest.update(block)
                    size += len(block)
                    yield bytes(block)
                    block.clear()
            digest.update(block)
            size += len(block)
            yield bytes(block)

        yield from self._pack(name, blocks())
        self.members.append(Member(name, size, digest.hexdigest(), rows, tuple(columns)))

    def medium(self, sha256: str, path: Path) -> Iterator[bytes]:
        """A media file; it is compressed already. Raises DamagedArchive where it is not what its name says."""
        digest = hashlib.sha256()

        def blocks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while block := file.read(CHUNK_BYTES):
                    digest.update(block)
                    self.media_bytes += len(block)
                    yield block

        yield from self._pack(archive_format.media_name(sha256), blocks(), kind=zipfile.ZIP_STORED)
        if digest.hexdigest() != sha256:
            raise DamagedArchive(f"the media file {sha256} of this installation is damaged: restore it from a backup")
        self.media += 1

    def close(self, manifest: Manifest) -> Iterator[bytes]:
        """The manifest, and the end of the file."""
        yield from self._pack(archive_format.MANIFEST, [manifest.to_json()])
        self._zip.close()
        yield self._sink.take()

    def _pack(self, name: str, blocks: Iterable[bytes], *, kind: int = zipfile.ZIP_DEFLATED) -> Iterator[bytes]:
        info = zipfile.ZipInfo(name, _NO_TIME)
        info.compress_type, info.external_attr, info.create_system = kind, _MODE, 3
        with self._zip.open(info, "w", force_zip64=True) as packed:
            for block in blocks:
                packed.write(block)
                if len(self._sink.buffer) >= CHUNK_BYTES:
                    yield self._sink.take()


# --- read -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reader:
    """An archive whose names and sizes are in order. What its files hold is checked while they are read."""

    manifest: Manifest
    _zip: zipfile.ZipFile

    def lines(self, table: str) -> Generator[str, None, None]:
        """The rows of a table as JSON. Raises DamagedArchive, at the latest behind the last one."""
        member = self.manifest.member(table)
        digest, rows = hashlib.sha256(), 0
        with _damage(member.name), self._zip.open(member.name) as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE or not line.endswith(b"\n"):
                    raise DamagedArchive(f"{member.name}, line {rows + 1}: cut short or longer than any row")
                digest.update(line)
                rows += 1
                yield line[:-1].decode()
        if digest.hexdigest() != member.sha256 or rows != member.rows:
            raise DamagedArchive(f"{member.name} is not as it was written: its SHA-256 or its number of rows differs")

    def text(self, name: str) -> str:
        """A file of its own, which must be short. Raises DamagedArchive."""
        member = next(member for member in self.manifest.members if member.name == name)
        with _damage(name), self._zip.open(name) as file:
            content = file.read(LONGEST_LINE)
            if hashlib.sha256(content).hexdigest() != member.sha256:
                raise DamagedArchive(f"{name} is not as it was written: its SHA-256 differs")
            return content.decode()

    def media(self) -> list[str]:
        """The SHA-256 of each medium that it holds."""
        names = (info.filename for info in self._zip.infolist())
        return [name.removeprefix("media/") for name in names if archive_format.is_medium(name)]

    def medium(self, sha256: str, *, largest: int) -> bytes:
        """A media file. Raises DamagedArchive."""
        name = archive_format.media_name(sha256)
        with _damage(name), self._zip.open(name) as file:
            content = file.read(largest + 1)
        if len(content) > largest or hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedArchive(f"{name} is not as it was written, or too large")
        return content


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """The archive at `path`. Raises UnreadableArchive, as NotAnArchive, DamagedArchive, NewerArchive or UnsafeArchive."""
    try:
        file = path.open("rb")
    except OSError as fault:
        raise NotAnArchive(f"{path} cannot be read: {fault.strerror or fault}") from fault
    with file:
        _check_start(file, path)
        with _damage(path.name):
            packed = zipfile.ZipFile(file)
        with packed:
            yield Reader(_checked(packed, path.stat().st_size), packed)


def _check_start(file: IO[bytes], path: Path) -> None:
    try:
        start = file.read(4)
    except OSError as fault:
        raise NotAnArchive(f"{path} cannot be read: {fault.strerror or fault}") from fault
    file.seek(0)
    if not start.startswith(b"PK\x03\x04"):
        raise NotAnArchive(f"{path.name} is no ZIP file" if start else f"{path.name} is empty")


def _checked(packed: zipfile.ZipFile, size: int) -> Manifest:
    infos = packed.infolist()
    names = [info.filename for info in infos]
    if any(info.compress_type not in _KINDS or info.flag_bits & _ENCRYPTED for info in infos):
        raise UnsafeArchive("it is packed in a way that no archive of a Batch is")
    if archive_format.MANIFEST not in names:
        raise NotAnArchive(f"it has no {archive_format.MANIFEST}: this is no archive of a Batch")
    about = packed.getinfo(archive_format.MANIFEST)
    if about.file_size > archive_format.LARGEST_MANIFEST:
        raise UnsafeArchive(f"its {archive_format.MANIFEST} has {about.file_size:,} bytes")
    with _damage(archive_format.MANIFEST), packed.open(about) as file:
        manifest = archive_format.read(file.read(archive_format.LARGEST_MANIFEST))
    archive_format.check_names(names)
    archive_format.check_sizes((info.file_size for info in infos), size)
    sizes = {info.filename: info.file_size for info in infos}
    if wrong := [member.name for member in manifest.members if sizes[member.name] != member.bytes]:
        raise DamagedArchive(f"{wrong[0]} has {sizes[wrong[0]]:,} bytes, not as many as the manifest says")
    if sum(archive_format.is_medium(name) for name in names) != manifest.media:
        raise DamagedArchive("it does not hold the media that the manifest counts")
    return manifest


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """What zipfile raises on a damaged file, as DamagedArchive."""
    try:
        yield
    except _DAMAGE as fault:
        raise DamagedArchive(f"{name} is damaged or cut short: {fault}") from fault
