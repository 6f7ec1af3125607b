"""Text that can be written: JSON's escapes may leave half of a character that takes two, which no file of UTF-8 holds.

A file's name may be any bytes: those that are no UTF-8 are halves of characters in Python's text too.
"""

import os


def is_whole(text: str) -> bool:
    """Whether UTF-8 has a form for all of it."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def whole_name(name: str) -> str:
    r"""A file's name as it is written and shown: bytes of it that are no UTF-8 as `\xe9`."""
    return name if is_whole(name) else os.fsencode(name).decode("utf-8", "backslashreplace")
