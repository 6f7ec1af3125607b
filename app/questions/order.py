"""In which order a Worker sees the choices.

An HTMLQuestion is one page for all Assignments of its HIT, so the page's script draws the order from the Assignment's id.
This is the same rule in Python: it says what that script draws. The service never asks it, because each answer brings the
order that was shown; the tests do, and hold the script and the simulated Workers, who draw for themselves, to it.
"""

from app.domain.vocabulary import Choice

_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193

ORDERED_CHOICES = (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER)
"""The four choices as they stand in the page's source; "cannot tell" stands apart from them."""


def order_for(assignment_id: str, position: int) -> tuple[Choice, ...]:
    """The four choices from top to bottom: `a` and `b` change places when FNV-1a-32(assignment_id) + position is odd.

    position: of the Item in its HIT, from 1. Over the Assignments of a HIT each Item is shown either way about equally
    often, and within one Assignment the sides alternate from Item to Item.
    """
    if (_fnv1a_32(assignment_id.encode()) + position) % 2:
        return (Choice.B, Choice.A, *ORDERED_CHOICES[2:])
    return ORDERED_CHOICES


def _fnv1a_32(data: bytes) -> int:
    """Fowler, Noll and Vo's hash, variant 1a, 32 bits (draft-eastlake-fnv)."""
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME % 2**32
    return value
