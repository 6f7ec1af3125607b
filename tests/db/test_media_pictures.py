import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from app.db.media_pictures import LARGEST_BYTES, small_picture


def kept(path: Path, size: tuple[int, int], format: str, mode: str = "RGB", *, noise: bool = False) -> bytes:
    """A picture in a file; of noise, which no format makes small."""
    rng = np.random.default_rng(1)
    channels = len(mode)
    values = rng.integers(0, 256, (size[1], size[0], channels), dtype=np.uint8) if noise else None
    image = Image.fromarray(values, mode) if values is not None else Image.new(mode, size, "navy")
    image.save(path, format)
    return path.read_bytes()


@pytest.mark.parametrize(("format", "kind"), [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp")])
def test_a_small_file_stays_byte_for_byte(format: str, kind: str, tmp_path: Path) -> None:
    content = kept(tmp_path / "a", (28, 20), format)
    found = small_picture(tmp_path / "a")
    assert found is not None
    head, _, data = found.url.partition(",")
    assert (head, b64decode(data)) == (f"data:image/{kind};base64", content)
    assert (found.width_px, found.height_px, found.shrunk) == (28, 20, False)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_large_file_is_shrunk_with_its_shape_and_its_transparency(mode: str, tmp_path: Path) -> None:
    content = kept(tmp_path / "a", (1600, 800), "PNG", mode, noise=True)
    assert len(content) > LARGEST_BYTES
    found = small_picture(tmp_path / "a")
    assert found is not None
    shown = Image.open(io.BytesIO(b64decode(found.url.partition(",")[2])))
    assert (shown.size, shown.mode, found.shrunk) == ((1000, 500), mode, True)
    assert (found.width_px, found.height_px) == shown.size


def test_a_file_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    assert small_picture(tmp_path / "gone") is None


def test_sixteen_bits_a_pixel_stay_grey(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0x4000, 0xC000, (800, 800), dtype=np.uint16)
    Image.fromarray(noise).save(tmp_path / "a", "PNG")
    found = small_picture(tmp_path / "a")
    assert found is not None
    assert found.shrunk
    shown = Image.open(io.BytesIO(b64decode(found.url.partition(",")[2])))
    assert np.asarray(shown).mean() == pytest.approx(128, abs=3)


def test_a_picture_on_its_side_has_the_size_that_browsers_show(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    Image.new("RGB", (100, 60), "navy").save(tmp_path / "a", "JPEG", exif=exif)
    found = small_picture(tmp_path / "a")
    assert found is not None
    assert (found.width_px, found.height_px) == (60, 100)


@pytest.mark.parametrize("noise", [False, True])
def test_a_picture_whose_camera_says_nonsense_stays_as_it_lies(noise: bool, tmp_path: Path) -> None:
    kept(tmp_path / "a", (600, 400), "PNG", noise=noise)
    with Image.open(tmp_path / "a") as image:
        image.save(tmp_path / "b", "PNG", exif=b"no EXIF at all")
    found = small_picture(tmp_path / "b")
    assert found is not None
    assert (found.width_px, found.height_px, found.shrunk) == (600, 400, noise)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_shrunk_picture_is_turned_as_its_camera_says(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    noise = np.random.default_rng(1).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    noise[:200, :300] = 0  # which corner is it in?
    Image.fromarray(noise).save(tmp_path / "a", "PNG", exif=exif)
    found = small_picture(tmp_path / "a")
    assert found is not None
    with Image.open(tmp_path / "a") as image:
        upright = ImageOps.exif_transpose(image).convert("L")
    shown = Image.open(io.BytesIO(b64decode(found.url.partition(",")[2]))).convert("L")
    assert shown.size == upright.size == (found.width_px, found.height_px)
    assert np.abs(np.asarray(shown.resize((2, 2))) - np.asarray(upright.resize((2, 2)), dtype=float)).max() < 30
