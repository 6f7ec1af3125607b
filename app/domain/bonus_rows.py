"""The rows of a sheet of bonuses: what they say, and everything that is wrong with them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

from app.domain.pricing import CENT
from app.errors import Problem

NEEDED = ("AssignmentId", "BonusAmount", "Reason")
LARGEST_BONUS_USD = Decimal(10_000)
# MTurk's own limits are nowhere written; these are those of messages to Workers (mturk-facts §2.2, §2.3).
LONGEST_REASON = 4_096
# What XML forbids, and MTurk refuses in every text that Workers read. Tabs and line ends are allowed.
UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class BonusRow:
    """One bonus as somebody asked for it. `worker` is what the sheet says, empty where it says nothing."""

    line: int | None
    assignment_id: str
    amount_usd: Decimal
    reason: str
    worker: str = ""


def read_row(line: int | None, values: Mapping[str, str]) -> BonusRow | list[Problem]:
    """The bonus, or every fault of its row. `line` is None where no sheet is behind it."""
    problems: list[Problem] = []
    assignment_id = values.get("AssignmentId", "").strip()
    if not assignment_id:
        problems.append(Problem("is empty; every bonus belongs to an Assignment", line=line, field="AssignmentId"))
    amount = _amount(values.get("BonusAmount", ""), line, problems)
    reason = values.get("Reason", "").strip().replace("\r\n", "\n")
    if fault := _reason_fault(reason):
        problems.append(Problem(fault, line=line, field="Reason"))
    if problems:
        return problems
    return BonusRow(line, assignment_id, amount, reason, values.get("WorkerId", "").strip())


def _amount(written: str, line: int | None, problems: list[Problem]) -> Decimal:
    """The amount to the cent; 0 with the fault added to `problems`."""
    shown = written.strip().removeprefix("$").strip()
    if not _AMOUNT.fullmatch(shown):
        fault = f"{written.strip()!r} is no amount in USD; write it as 0.50" if shown else "is empty; write it as 0.50"
    elif (amount := Decimal(shown)) < CENT:
        fault = f"{shown} is less than a cent"
    elif amount != amount.quantize(CENT):
        fault = f"{shown} has parts of a cent"
    elif amount > LARGEST_BONUS_USD:
        fault = f"{shown} is more than ${LARGEST_BONUS_USD:,}, the most that one bonus may be"
    else:
        return amount.quantize(CENT)
    problems.append(Problem(fault, line=line, field="BonusAmount"))
    return Decimal(0)


def _reason_fault(reason: str) -> str:
    if not reason:
        return "is empty; the Worker reads why they get it"
    if len(reason) > LONGEST_REASON:
        return f"has {len(reason):,} characters; at most {LONGEST_REASON:,} fit"
    return "contains control characters; delete them" if UNSENDABLE.search(reason) else ""


def bonus_key(amount_usd: Decimal, reason: str) -> str:
    """The same for the same amount and reason, however often and wherever it is asked for; spaces do not count."""
    return hashlib.sha256(f"{amount_usd:.2f}\n{' '.join(reason.split())}".encode()).hexdigest()[:32]


def bonus_token(batch_token: UUID, marketplace_assignment_id: str, key: str) -> UUID:
    """The request token: a database restored from a backup asks with the same one."""
    return uuid5(batch_token, f"bonus/{marketplace_assignment_id}/{key}")
