"""Text that can be written: JSON's escapes may leave half of a character that takes two, which no file of UTF-8 holds."""


def is_whole(text: str) -> bool:
    """Whether UTF-8 has a form for all of it."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
