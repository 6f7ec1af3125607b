"""An imported picture, small enough to stand inside a document."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.ExifTags import Base

from app.db.media_formats import DAMAGED, IMAGE_TYPES

LARGEST_BYTES = 200_000
_LONGEST_SIDE_PX = 1000
_WEBP = "image/webp"
# By EXIF's orientation; those after the third swap width and height.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = set(list(_TURNS.values())[3:])


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
        turn = _turn(image)
        if len(content) <= LARGEST_BYTES:
            size = image.size[::-1] if turn in _ON_ITS_SIDE else image.size
            return SmallPicture(_data_url(IMAGE_TYPES[str(image.format)], content), *size, shrunk=False)
        image.draft("RGB", (2 * _LONGEST_SIDE_PX, 2 * _LONGEST_SIDE_PX))
        image.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX))
        upright = image if turn is None else image.transpose(turn)
        if upright.mode.startswith("I"):  # 16 bits a pixel, of which Pillow would make white
            upright = upright.point(lambda value: value / 256).convert("L")
        written = BytesIO()
        upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(written, "WEBP", quality=80)
    return SmallPicture(_data_url(_WEBP, written.getvalue()), *upright.size, shrunk=True)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How browsers turn the picture, as its camera says; None for upright or where that cannot be read."""
    try:
        return _TURNS.get(image.getexif().get(Base.Orientation, 1))
    except DAMAGED:  # what EXIF says is not looked at when the picture is imported
        return None


def _data_url(content_type: str, content: bytes) -> str:
    return f"data:{content_type};base64,{b64encode(content).decode()}"
