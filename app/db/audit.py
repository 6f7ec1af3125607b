"""The audit trail: one row for each decision and each marketplace call, written with the change it tells of."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db.tables import AuditEntry

Detail = str | int | bool | Decimal | Mapping[str, str] | None


def record(
    db: Session,
    *,
    actor: str,
    action: str,
    batch_id: int | None = None,
    profile: str | None = None,
    **details: Detail,
) -> None:
    """Add an entry to the open transaction `db`; entries are never changed.

    actor: an Account's e-mail, `cli` or a job runner's name. action: as in the log, `batch.launched`. Money is kept as text.
    """
    kept = {name: str(value) if isinstance(value, Decimal) else value for name, value in details.items()}
    entry = {"actor": actor, "action": action, "batch_id": batch_id, "profile": profile, "details": kept}
    db.execute(insert(AuditEntry), [entry])
