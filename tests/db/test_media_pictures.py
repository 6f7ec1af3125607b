import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
