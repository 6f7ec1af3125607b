"""Passwords: hashed with argon2id, checked with the same work whether or not whoever signs in is known."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 12
# Long inputs only make hashing slow; nobody remembers more.
LONGEST_PASSWORD = 1024
# Without the letters and digits that look alike in a terminal.
_PRINTABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = 4
_GROUP_LENGTH = 5

_hasher = PasswordHasher()


def draw() -> str:
    """A random password of about 99 bits, easy to read from a screen: `k7wpa-…`."""
    return "-".join("".join(secrets.choice(_PRINTABLE) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))


def hashed(password: str) -> str:
    """The argon2id hash to store."""
    return _hasher.hash(_bytes_of(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` has this hash. None stands for somebody unknown: false, after the same work."""
    try:
        _hasher.verify(password_hash or _nobodys_hash(), _bytes_of(password[:LONGEST_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def _bytes_of(password: str) -> bytes:
    """Half a character, which JSON can carry, is as good as a whole one in a password."""
    return password.encode("utf-8", "surrogatepass")


@cache
def _nobodys_hash() -> str:
    return hashed(secrets.token_urlsafe())
