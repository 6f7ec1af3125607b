"""What a media file really is, read from its content: its name is never believed."""

import struct
import zlib
from io import BytesIO

import mutagen
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from PIL import Image

from app.domain.item_values import Unusable
from app.domain.vocabulary import MediaType

# A phone's picture has 12 to 50 million pixels; a small file that unpacks to more is an attack on the browser.
MOST_PIXELS = 80_000_000

IMAGE_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # what Pillow calls a JPEG with further pictures behind it, as phones write them
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}
_READ = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
AUDIO_TYPES = {
    MP3: "audio/mpeg",
    WAVE: "audio/wav",
    FLAC: "audio/flac",
    OggVorbis: "audio/ogg",
    OggOpus: "audio/ogg",
    MP4: "audio/mp4",
}
# Pillow and mutagen let these through from damaged files.
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def content_type_of(content: bytes, media_type: MediaType) -> str:
    """The content type to serve `content` as. Raises Unusable where it is no whole image or audio that browsers show."""
    match media_type:
        case MediaType.IMAGE:
            return _image_type(content)
        case MediaType.AUDIO:
            return _audio_type(content)
        case MediaType.TEXT:
            raise Unusable("a text Item has its text in the item file, not in a file of its own")


def _image_type(content: bytes) -> str:
    try:
        with Image.open(BytesIO(content), formats=_READ) as image:
            if image.width * image.height <= MOST_PIXELS:
                # Decoding finds what `verify` does not: a JPEG cut short. A draft keeps that cheap.
                image.draft("RGB", (image.width // 8, image.height // 8))
                image.load()
                return IMAGE_TYPES[str(image.format)]
    except _BOMBS:
        pass
    except DAMAGED as fault:
        raise Unusable("is no undamaged PNG, JPEG, GIF, WebP or BMP image") from fault
    raise Unusable(f"has too many pixels; at most {MOST_PIXELS:,} are taken")


def _audio_type(content: bytes) -> str:
    try:
        audio = mutagen.File(BytesIO(content), options=list(AUDIO_TYPES))
    except (mutagen.MutagenError, *DAMAGED) as fault:
        raise Unusable("is no undamaged MP3, WAV, FLAC, Ogg or M4A audio") from fault
    if audio is None or not audio.info.length > 0:
        raise Unusable("is no MP3, WAV, FLAC, Ogg or M4A audio that plays")
    return AUDIO_TYPES[type(audio)]
