import struct
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest

from app.db.uploads import opened
from app.errors import InvalidInput

CSV = "id,url,given_label,guessed_label\n" * 200


def archive(members: dict[str, str], compression: int = ZIP_STORED) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", compression=compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInput) as refused, opened(BytesIO(content), "set.zip"):
        pass
    return str(refused.value)


def test_an_archive_is_unpacked_for_as_long_as_it_is_needed() -> None:
    with opened(BytesIO(archive({"set/items.csv": CSV, "set/a.png": "x"})), "SET.ZIP") as upload:
        assert upload.items.path.read_text() == CSV
        assert upload.media_root is not None
        assert (upload.media_root / "a.png").is_file()
    assert not upload.items.path.exists()


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA])
def test_damaged_content_is_refused(compression: int) -> None:
    content = bytearray(archive({"items.csv": CSV}, compression))
    for place in range(45, 60):
        content[place] ^= 0xFF
    assert "no archive that can be unpacked" in refusal(bytes(content))


@pytest.mark.parametrize(
    "members",
    [
        {"items.csv": CSV, "x" * 256 + ".png": "x"},
        {"items.csv": CSV, "a": "x", "a/b.png": "x"},
        {"items.csv": CSV, "a/b.png": "x", "a": "x"},
    ],
)
def test_names_that_no_folder_can_hold_are_refused_without_telling_ours(members: dict[str, str]) -> None:
    message = refusal(archive(members))
    assert "no archive that can be unpacked" in message
    assert "labeljury-upload-" not in message


def test_a_name_that_is_no_text_is_refused() -> None:
    content = archive({"items.csv": CSV, "ü.png": "x"}).replace("ü.png".encode(), b"\xff\xff.png")
    assert "no archive that can be unpacked" in refusal(content)


def test_an_archive_cannot_talk_its_way_past_the_limit_of_growth() -> None:
    content = bytearray(archive({"items.csv": "0" * 30_000_000}, ZIP_DEFLATED))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 20 : entry + 24] = struct.pack("<I", 2_000_000_000)  # what it says its packed size is
    assert "would unpack" in refusal(bytes(content))
