import os
import struct
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from mutagen.ogg import OggPage
from PIL import Image
from sqlalchemy.orm import Session

from app.db import media_files
from app.db.media_files import Intake, path_of
from app.db.media_formats import content_type_of
from app.db.tables import MediaFile
from app.domain.item_values import Unusable
from app.domain.vocabulary import MediaType


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), color: str = "red") -> bytes:
    file = BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def wav() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x00\x01" * 800)
    return file.getvalue()


def flac() -> bytes:
    rate_channels_bits_samples = (8000 << 44 | 0 << 41 | 15 << 36 | 8000).to_bytes(8, "big")
    stream_info = struct.pack(">HH", 4096, 4096) + bytes(6) + rate_channels_bits_samples + bytes(16)
    return b"fLaC" + b"\x80" + len(stream_info).to_bytes(3, "big") + stream_info + b"\xff\xf8" + bytes(100)


def mp3() -> bytes:
    return (b"\xff\xfb\x90\x00" + bytes(413)) * 20


def opus() -> bytes:
    packets = [
        b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0),
        b"OpusTags" + struct.pack("<II", 0, 0),
        b"\xfc" + bytes(10),
    ]
    pages = []
    for number, packet in enumerate(packets):
        page = OggPage()  # type: ignore[no-untyped-call]
        page.packets, page.sequence, page.position = [packet], number, 48_000 if number == 2 else 0
        page.first, page.last = number == 0, number == 2
        pages.append(page.write())  # type: ignore[no-untyped-call]
    return b"".join(pages)


def m4a() -> bytes:
    def atom(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + name + content

    media_header = atom(b"mdhd", bytes(12) + struct.pack(">II", 8000, 16_000) + bytes(4))
    handler = atom(b"hdlr", bytes(8) + b"soun" + bytes(13))
    movie = atom(b"trak", atom(b"mdia", media_header + handler))
    return atom(b"ftyp", b"M4A " + bytes(4) + b"isom") + atom(b"moov", movie)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def media_dir(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def intake(root: Path, media_dir: Path) -> Iterator[Intake]:
    with media_files.intake(MediaType.IMAGE, root=root, media_dir=media_dir) as intake:
        yield intake


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("MPO", "image/jpeg"),
    ],
)
def test_an_image_is_served_as_what_it_is(kind: str, expected: str) -> None:
    assert content_type_of(picture(kind), MediaType.IMAGE) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (wav(), "audio/wav"),
        (flac(), "audio/flac"),
        (mp3(), "audio/mpeg"),
        (opus(), "audio/ogg"),
        (m4a(), "audio/mp4"),
    ],
    ids=["wav", "flac", "mp3", "opus", "m4a"],
)
def test_audio_is_served_as_what_it_is(content: bytes, expected: str) -> None:
    assert content_type_of(content, MediaType.AUDIO) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>not found</html>",
        picture("TIFF"),
        picture("PNG")[:-30],
        picture("JPEG", (800, 600))[:-200],
        picture("PNG")[:60] + b"\xff" * 8 + picture("PNG")[68:],
        wav(),
    ],
    ids=["svg", "html", "tiff", "png cut short", "jpeg cut short", "png with a flipped byte", "audio"],
)
def test_what_is_no_whole_image_of_the_web_is_refused(content: bytes) -> None:
    with pytest.raises(Unusable, match="no undamaged PNG, JPEG"):
        content_type_of(content, MediaType.IMAGE)


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", picture(), wav()[:20], b"ID3" + bytes(50), b"OggS" + bytes(60), b"fLaC" + bytes(9)]
)
def test_what_is_no_audio_that_plays_is_refused(content: bytes) -> None:
    with pytest.raises(Unusable, match="audio"):
        content_type_of(content, MediaType.AUDIO)


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused(side: int) -> None:
    file = BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    with pytest.raises(Unusable, match="too many pixels"):
        content_type_of(file.getvalue(), MediaType.IMAGE)


def test_a_file_is_kept_under_the_hash_of_its_content(intake: Intake, root: Path, media_dir: Path) -> None:
    (root / "secret name.png").write_bytes(picture())
    media, is_new = intake.take("secret name.png")
    assert is_new
    intake.keep()
    kept = path_of(media_dir, media.sha256)
    assert kept.read_bytes() == picture()
    assert kept == media_dir / media.sha256[:2] / media.sha256
    assert "secret" not in media.token
    assert (media.content_type, media.size_bytes, len(media.token)) == ("image/png", len(picture()), 43)


def test_the_same_content_under_two_names_is_taken_once(intake: Intake, root: Path) -> None:
    (root / "a.png").write_bytes(picture())
    (root / "b.jpg").write_bytes(picture())
    first, _ = intake.take("a.png")
    assert intake.take("b.jpg") == (first, False)


def test_nothing_is_left_of_files_that_were_not_kept(root: Path, media_dir: Path) -> None:
    (root / "a.png").write_bytes(picture())
    with media_files.intake(MediaType.IMAGE, root=root, media_dir=media_dir) as intake:
        intake.take("a.png")
    assert list(media_dir.iterdir()) == []


def test_content_that_an_earlier_import_kept_survives_a_later_one_that_fails(root: Path, media_dir: Path) -> None:
    (root / "a.png").write_bytes(picture())
    with media_files.intake(MediaType.IMAGE, root=root, media_dir=media_dir) as earlier:
        media, _ = earlier.take("a.png")
        earlier.keep()
    with media_files.intake(MediaType.IMAGE, root=root, media_dir=media_dir) as later:
        later.take("a.png")
    assert path_of(media_dir, media.sha256).is_file()


@pytest.mark.parametrize("name", ["../outside.png", "/etc/passwd", "sub/../../outside.png", "link.png", "folder/a.png"])
def test_a_path_out_of_the_folder_is_refused(name: str, intake: Intake, root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "a.png").write_bytes(picture())
    (root.parent / "outside.png").write_bytes(picture())
    (root / "link.png").symlink_to(root.parent / "outside.png")
    (root / "folder").symlink_to(outside)
    with pytest.raises(Unusable, match="outside the folder"):
        intake.take(name)


def test_a_link_that_stays_inside_the_folder_is_followed(intake: Intake, root: Path) -> None:
    (root / "a.png").write_bytes(picture())
    (root / "link.png").symlink_to("a.png")
    assert intake.take("link.png")[0].size_bytes == len(picture())


def test_an_absolute_path_inside_the_folder_is_taken(intake: Intake, root: Path) -> None:
    (root / "a.png").write_bytes(picture())
    assert intake.take(str(root / "a.png"))[1]


def test_a_file_that_cannot_be_used_is_refused_with_the_reason(intake: Intake, root: Path) -> None:
    (root / "folder").mkdir()
    (root / "empty.png").touch()
    (root / "loop.png").symlink_to("loop.png")
    os.mkfifo(root / "pipe.png")
    with (root / "huge.png").open("wb") as file:
        file.truncate(30_000_000)
    for name, why in {
        "missing.png": "does not exist",
        "folder": "is a folder",
        ".": "is a folder",
        "empty.png": "is empty",
        "pipe.png": "not a regular file",
        "huge.png": "has 30,000,000 bytes; a media file may have 20,000,000",
        "loop.png": "cannot be read",
        "x" * 300: "cannot be read",
        "a\x00b": "cannot be read",
    }.items():
        with pytest.raises(Unusable, match=why):
            intake.take(name)


def test_no_file_is_taken_where_none_may_come_from(media_dir: Path) -> None:
    with (
        media_files.intake(MediaType.IMAGE, root=None, media_dir=media_dir) as intake,
        pytest.raises(Unusable, match="use a URL"),
    ):
        intake.take("/etc/hostname")


def test_the_record_of_a_file_has_all_that_serving_it_needs(db: Session, intake: Intake, root: Path) -> None:
    (root / "a.png").write_bytes(picture())
    media, _ = intake.take("a.png")
    media_files.record(db, [media])
    row = db.get_one(MediaFile, media.token)
    assert (row.sha256, row.content_type, row.size_bytes) == (media.sha256, "image/png", len(picture()))
