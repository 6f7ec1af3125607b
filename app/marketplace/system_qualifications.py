"""The Qualifications that nobody requests: the marketplace knows them of each Worker by itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace.fees import MASTERS_QUALIFICATION_IDS
from app.marketplace.store import Assignment, AssignmentStatus, Qualification, QualificationStatus, Worker

NUMBER_APPROVED = "00000000000000000040"
ADULT = "00000000000000000060"
LOCALE = "00000000000000000071"
PERCENT_APPROVED = "000000000000000000L0"
MASTERS = "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"
_PERCENT_SUBMITTED = "00000000000000000000"
_PERCENT_ABANDONED = "00000000000000000070"
_PERCENT_RETURNED = "000000000000000000E0"
_PERCENT_REJECTED = "000000000000000000S0"
_OF_HISTORY = {
    NUMBER_APPROVED,
    PERCENT_APPROVED,
    _PERCENT_SUBMITTED,
    _PERCENT_ABANDONED,
    _PERCENT_RETURNED,
    _PERCENT_REJECTED,
}
# Below this many a percentage says nothing, so MTurk counts a beginner's work as all good.
_ENOUGH = 100
BORN = datetime(2005, 11, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Locale:
    """Where a Worker is."""

    country: str
    subdivision: str | None = None


Value = int | Locale


@dataclass(frozen=True, slots=True)
class SystemType:
    """How a system Qualification is called: by MTurk, and to a Worker."""

    name: str
    to_workers: str
    description: str


_MASTERS = SystemType("Masters", "Masters", "Workers whose work has been of high quality over time.")
SYSTEM: Mapping[str, SystemType] = {
    NUMBER_APPROVED: SystemType(
        "Worker_NumberHITsApproved", "HITs approved", "How many HITs of the Worker have been approved."
    ),
    LOCALE: SystemType("Worker_Locale", "Location", "Where the Worker is, as they say in their profile."),
    ADULT: SystemType("Worker_Adult", "Over 18", "Whether the Worker agrees to see content for adults."),
    PERCENT_APPROVED: SystemType(
        "Worker_PercentAssignmentsApproved",
        "Approval rate",
        "How much of the Worker's reviewed work was approved, in %.",
    ),
    **dict.fromkeys(sorted(MASTERS_QUALIFICATION_IDS), _MASTERS),
    # No longer documented, but old scripts ask for them.
    _PERCENT_SUBMITTED: SystemType(
        "Worker_PercentHITsSubmitted", "Submission rate", "How much of what the Worker accepted was submitted, in %."
    ),
    _PERCENT_ABANDONED: SystemType(
        "Worker_PercentHITsAbandoned", "Abandonment rate", "How much of what the Worker accepted was abandoned, in %."
    ),
    _PERCENT_RETURNED: SystemType(
        "Worker_PercentHITsReturned", "Return rate", "How much of what the Worker accepted was returned, in %."
    ),
    _PERCENT_REJECTED: SystemType(
        "Worker_PercentHITsRejected", "Rejection rate", "How much of the Worker's reviewed work was rejected, in %."
    ),
}


def values_of(db: Session, worker_id: str, type_ids: Collection[str]) -> dict[str, Value]:
    """The Worker's values in these system Qualifications; those they do not have are left out. At most three queries."""
    wanted = set(type_ids)
    values: dict[str, Value] = {}
    if wanted & _OF_HISTORY:
        values |= _of_history(db, worker_id)
    if wanted & {LOCALE, ADULT}:
        values |= _of_profile(db, worker_id)
    if wanted & MASTERS_QUALIFICATION_IDS and _is_master(db, worker_id):
        values |= dict.fromkeys(MASTERS_QUALIFICATION_IDS, 1)
    return {type_id: value for type_id, value in values.items() if type_id in wanted}


def grant_masters(db: Session, worker_id: str, now: datetime) -> None:
    """Make the Worker a Master, in production's and the sandbox's words. For the operator; the Worker must exist."""
    fresh = insert(Qualification).values(
        qualification_type_id=MASTERS,
        worker_id=worker_id,
        status=QualificationStatus.GRANTED,
        integer_value=1,
        granted_at=now,
    )
    db.execute(fresh.on_conflict_do_nothing(index_elements=["qualification_type_id", "worker_id"]))


def revoke_masters(db: Session, worker_id: str) -> bool:
    """The Worker is no Master any more; whether they were one. For the operator."""
    gone = delete(Qualification).where(
        Qualification.qualification_type_id == MASTERS, Qualification.worker_id == worker_id
    )
    return db.scalar(gone.returning(Qualification.worker_id)) is not None


def _is_master(db: Session, worker_id: str) -> bool:
    return db.get(Qualification, (MASTERS, worker_id)) is not None


def _of_profile(db: Session, worker_id: str) -> dict[str, Value]:
    columns = select(Worker.country, Worker.subdivision, Worker.is_adult).where(Worker.id == worker_id)
    row = db.execute(columns).one_or_none()
    if row is None:
        return {}
    adult: dict[str, Value] = {ADULT: int(row.is_adult)}
    return adult | {LOCALE: Locale(row.country, row.subdivision)} if row.country else adult


def _of_history(db: Session, worker_id: str) -> dict[str, Value]:
    counted = (
        select(Assignment.status, func.count()).where(Assignment.worker_id == worker_id).group_by(Assignment.status)
    )
    counts = {AssignmentStatus(status): number for status, number in db.execute(counted)}
    approved, rejected = counts.get(AssignmentStatus.APPROVED, 0), counts.get(AssignmentStatus.REJECTED, 0)
    submitted = counts.get(AssignmentStatus.SUBMITTED, 0) + approved + rejected
    returned, abandoned = counts.get(AssignmentStatus.RETURNED, 0), counts.get(AssignmentStatus.ABANDONED, 0)
    ended = submitted + returned + abandoned
    # Work that waits for review speaks neither for nor against the Worker.
    decided = approved + rejected if submitted >= _ENOUGH else 0
    ended = ended if ended >= _ENOUGH else 0
    return {
        NUMBER_APPROVED: approved,
        PERCENT_APPROVED: _percent(approved, decided, 100),
        _PERCENT_REJECTED: _percent(rejected, decided, 0),
        _PERCENT_SUBMITTED: _percent(submitted, ended, 100),
        _PERCENT_RETURNED: _percent(returned, ended, 0),
        _PERCENT_ABANDONED: _percent(abandoned, ended, 0),
    }


def _percent(part: int, whole: int, otherwise: int) -> int:
    """Rounded down: 98.9 % is not 99 %."""
    return part * 100 // whole if whole else otherwise
