"""An imported picture, small enough to stand inside a document."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from app.db.media_formats import IMAGE_TYPES

LARGEST_BYTES = 200_000
_LONGEST_SIDE_PX = 1000
_WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A picture as an address that holds it, and its size in pixels. `shrunk`: it is larger where it is kept."""

    url: str
    width_px: int
    height_px: int
    shrunk: bool


def small_picture(path: Path) -> SmallPicture | None:
    """The picture as it is up to LARGEST_BYTES, else at most 1,000 pixels wide and high; None where no file lies there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # a Batch may have been restored without its media
        return None
    with Image.open(BytesIO(content)) as image:
        if len(content) <= LARGEST_BYTES:
            return SmallPicture(_data_url(IMAGE_TYPES[str(image.format)], content), *image.size, shrunk=False)
        image.draft("RGB", (2 * _LONGEST_SIDE_PX, 2 * _LONGEST_SIDE_PX))
        image.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX))
        upright = ImageOps.exif_transpose(image)
        written = BytesIO()
        upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(written, "WEBP", quality=80)
    return SmallPicture(_data_url(_WEBP, written.getvalue()), *upright.size, shrunk=True)


def _data_url(content_type: str, content: bytes) -> str:
    return f"data:{content_type};base64,{b64encode(content).decode()}"
