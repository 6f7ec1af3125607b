"""What asking for some bonuses would come to: from a sheet or for one, every faulty row named, nothing written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.bonus_intents import WantedBonus, not_yet_intended, total_price
from app.db.sheets import Faults, SheetRow, read_sheet
from app.db.tables import Batch
from app.domain.bonus_rows import NEEDED, BonusRow, read_row
from app.domain.pricing import Price
from app.domain.vocabulary import AssignmentId, BatchId, HITId
from app.errors import NotFound, Problem


@dataclass(frozen=True, slots=True)
class BonusPlan:
    """What asking for some bonuses would come to. `new` are still to be paid, `known` were asked for before."""

    new: Sequence[WantedBonus]
    known: int
    price: Price
    faults: Faults = field(default_factory=Faults)


def plan_sheet(db: Session, batch_id: BatchId, content: bytes) -> BonusPlan:
    """The bonuses of a CSV with AssignmentId, BonusAmount, Reason and perhaps WorkerId; every faulty row is named.

    Raises NotFound, InvalidInput for a file that is no such sheet.
    """
    return _plan(db, batch_id, _rows(content))


def plan_one(db: Session, batch_id: BatchId, *, assignment_id: str, amount: str, reason: str) -> BonusPlan:
    """One bonus, as `plan_sheet`."""
    row = read_row(None, {"AssignmentId": assignment_id, "BonusAmount": amount, "Reason": reason})
    return _plan(db, batch_id, [row] if isinstance(row, BonusRow) else row)


def _rows(content: bytes) -> Iterable[BonusRow | Problem]:
    found_one = False
    for row in read_sheet(content, needed=NEEDED, wanted=("WorkerId",)):
        found_one = True
        if not isinstance(row, SheetRow):
            yield row
            continue
        bonus = read_row(row.line, row.values)
        if isinstance(bonus, BonusRow):
            yield bonus
        else:
            yield from bonus
    if not found_one:
        yield Problem("the file has no rows; each row is one bonus", line=1)


def _plan(db: Session, batch_id: BatchId, rows: Iterable[BonusRow | Problem]) -> BonusPlan:
    if db.get(Batch, batch_id) is None:
        raise NotFound("Batch", batch_id)
    faults, bonuses = Faults(), []
    for row in rows:
        if isinstance(row, BonusRow):
            bonuses.append(row)
        else:
            faults.add(row)
    wanted = _wanted(db, batch_id, bonuses, faults)
    new = not_yet_intended(db, batch_id, wanted)
    return BonusPlan(new, len(wanted) - len(new), total_price(new), faults)


_ASSIGNMENTS = text("""
    SELECT a.id, a.hit_id, a.marketplace_assignment_id, h.batch_id, w.marketplace_worker_id, w.pseudonym
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN workers AS w ON w.id = a.worker_id
    WHERE a.marketplace_assignment_id = ANY(:ids)
""")


def _wanted(db: Session, batch_id: BatchId, rows: Sequence[BonusRow], faults: Faults) -> list[WantedBonus]:
    """The rows whose Assignment is this Batch's and whose Worker, where named, is the one who did it; each once."""
    found = {
        row.marketplace_assignment_id: row for row in db.execute(_ASSIGNMENTS, {"ids": [r.assignment_id for r in rows]})
    }
    wanted: dict[tuple[AssignmentId, str], WantedBonus] = {}
    for row in rows:
        here = found.get(row.assignment_id)
        if here is None or here.batch_id != batch_id:
            known = "of no Batch here" if here is None else f"of Batch {here.batch_id}, not of Batch {batch_id}"
            fault = f"Assignment {row.assignment_id[:64]!r} is {known}"
            faults.add(Problem(fault, line=row.line, field="AssignmentId"))
        elif row.worker and row.worker not in (here.marketplace_worker_id, here.pseudonym):
            fault = f"{row.worker[:64]!r} did not do this Assignment; correct one of the two, or leave the column out"
            faults.add(Problem(fault, line=row.line, field="WorkerId"))
        else:
            bonus = WantedBonus(
                AssignmentId(here.id), HITId(here.hit_id), row.assignment_id, row.amount_usd, row.reason, row.line
            )
            earlier = wanted.setdefault((bonus.assignment_id, bonus.key), bonus)
            if earlier is not bonus:
                faults.add(
                    Problem(f"says the same as line {earlier.line}, which is paid once; delete it", line=row.line)
                )
    return list(wanted.values())
