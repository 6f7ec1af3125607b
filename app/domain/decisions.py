"""What a person may still decide about submitted work, and what they may write to its Worker."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.vocabulary import AssignmentStatus, OperationKind
from app.errors import Problem

# mturk-facts §2.2: a rejection may be taken back for so long after the submission; the length of a feedback.
OVERRIDABLE_FOR = timedelta(days=30)
LONGEST_FEEDBACK = 1024
_REFUSED_CHARACTERS = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32))))


class Ruling(StrEnum):
    """What a person decides. override: a rejection is taken back, the work paid and counted after all."""

    APPROVE = "approve"
    REJECT = "reject"
    SOFT_REJECT = "soft_reject"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an Assignment is. `under_way`: the decision that is written down and not done yet.

    given_up: an override that the marketplace refused for good.
    """

    status: AssignmentStatus
    counted: bool
    under_way: OperationKind | None
    submitted_at: datetime | None
    hit_deleted: bool
    given_up: bool = False


def obstacle(standing: Standing, ruling: Ruling, *, now: datetime) -> str | None:
    """Why the ruling cannot be made, as the end of "Assignment X …"; None where it can."""
    if standing.under_way is not None and not (
        standing.under_way is OperationKind.APPROVE and ruling is Ruling.SOFT_REJECT and standing.counted
    ):
        return f"has a decision under way already ({standing.under_way}); look again when the marketplace has it"
    match ruling:
        case Ruling.APPROVE | Ruling.REJECT:
            return _decided(standing, ruling)
        case Ruling.SOFT_REJECT:
            if standing.status is AssignmentStatus.REJECTED:
                return "was rejected: it is not counted, and not paid either; override the rejection first"
            return None if standing.counted else "is not counted already"
        case Ruling.OVERRIDE:
            return _final(standing, now)


def _decided(standing: Standing, ruling: Ruling) -> str | None:
    if standing.status is AssignmentStatus.SUBMITTED:
        return None
    if standing.status is AssignmentStatus.REJECTED:
        return (
            "was rejected already; override takes a rejection back"
            if ruling is Ruling.APPROVE
            else "was rejected already"
        )
    return (
        "was approved already, and paid; soft-reject leaves its answers out"
        if ruling is Ruling.REJECT
        else "was approved already"
    )


def _final(standing: Standing, now: datetime) -> str | None:
    if standing.status is not AssignmentStatus.REJECTED:
        return f"is {standing.status}: only a rejection can be overridden"
    if standing.hit_deleted:
        return "belongs to a HIT that was deleted on the marketplace: its rejection is final"
    if standing.given_up:
        return "could not be overridden before: the marketplace refused it"
    if standing.submitted_at is not None and now > standing.submitted_at + OVERRIDABLE_FOR:
        return f"was submitted more than {OVERRIDABLE_FOR.days} days ago: its rejection is final"
    return None


def feedback_faults(feedback: str, *, required: bool) -> Iterator[Problem]:
    """What is wrong with a text that a Worker reads with a decision."""
    if required and not feedback.strip():
        yield Problem("say why, in words that the Worker can use: they read it", field="feedback")
    if len(feedback) > LONGEST_FEEDBACK:
        yield Problem(f"has {len(feedback)} characters; at most {LONGEST_FEEDBACK} fit", field="feedback")
    if _REFUSED_CHARACTERS.intersection(feedback):
        yield Problem("contains a control character; only line breaks and tabs may be there", field="feedback")
