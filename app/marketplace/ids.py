"""Identifiers as MTurk draws them: random, upper-case letters and digits."""

import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def new_id() -> str:
    """An id of a HIT, HIT Type, HIT group or Assignment: `3` and 29 random characters (150 bits)."""
    return "3" + _random(29)


def new_worker_id() -> str:
    """A Worker's id: `A` and 13 random characters."""
    return "A" + _random(13)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
