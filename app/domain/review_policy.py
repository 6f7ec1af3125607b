"""Approve or reject, and the reason the Worker reads. Deciding only; `pipeline/review.py` acts."""

from dataclasses import dataclass
from enum import StrEnum


class ReviewPolicy(StrEnum):
    """How submitted work is decided."""

    APPROVE_ALL = "approve_all"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one Assignment, and what its Worker is told."""

    approve: bool
    feedback: str


def decide_review(policy: ReviewPolicy) -> Decision:
    """The decision on an Assignment under `policy`. Quarantined work is approved too: an unreadable page is our fault."""
    match policy:
        case ReviewPolicy.APPROVE_ALL:
            return Decision(approve=True, feedback="Thank you for your careful work.")
