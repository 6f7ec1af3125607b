"""The rows of MTurk's results sheet that somebody decided on: `x` in the column Approve, or a reason in Reject.

Source: the Requester UI guide's "Reviewing Assignments Offline".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.bonus_rows import UNSENDABLE
from app.errors import Problem

NEEDED = ("AssignmentId", "Approve", "Reject")
LONGEST_REASON = 1_024  # mturk-facts §2.2


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision as the sheet has it. reason: what the Worker reads with a rejection; empty for an approval."""

    line: int
    assignment_id: str
    approve: bool
    reason: str


def read_row(line: int, values: Mapping[str, str]) -> DecisionRow | Problem | None:
    """The decision of a row, its fault, or None where nobody decided anything."""
    approve, reason = values.get("Approve", "").strip(), values.get("Reject", "").strip().replace("\r\n", "\n")
    if not approve and not reason:
        return None
    assignment_id = values.get("AssignmentId", "").strip()
    if fault := _fault(assignment_id, approve, reason):
        field, message = fault
        return Problem(message, line=line, field=field)
    return DecisionRow(line, assignment_id, bool(approve), reason)


def _fault(assignment_id: str, approve: str, reason: str) -> tuple[str | None, str] | None:
    """The column at fault and what is wrong with it."""
    if not assignment_id:
        return "AssignmentId", "is empty; it says whose work is decided"
    if approve and reason:
        return None, "both Approve and Reject are filled in; empty one of them"
    if approve and approve.casefold() != "x":
        return "Approve", f"{approve[:40]!r} is not x"
    if len(reason) > LONGEST_REASON:
        return "Reject", f"has {len(reason):,} characters; Workers can be told at most {LONGEST_REASON:,}"
    return ("Reject", "contains control characters; delete them") if UNSENDABLE.search(reason) else None
