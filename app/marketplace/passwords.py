"""Requesters' passwords: hashed with argon2id, checked with the same work whether or not the name exists."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 12
# Long inputs only make hashing slow; nobody remembers more.
LONGEST_PASSWORD = 1024
# Without the letters and digits that look alike in a terminal.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_hasher = PasswordHasher()


def draw() -> str:
    """A random password of about 99 bits, easy to read from a screen."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def hashed(password: str) -> str:
    """The argon2id hash to store."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` has this hash. None stands for a name that nobody has: false, after the same work."""
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return hashed(secrets.token_urlsafe())
