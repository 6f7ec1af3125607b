"""Qualification Types looked for: by their names, and by the HITs that require them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.marketplace import paging
from app.marketplace.operations import qualification_types
from app.marketplace.operations.shapes import hit_shape, qualification_type_shape, system_type_shape
from app.marketplace.store import HIT, HITType, QualificationType, QualificationTypeStatus
from app.marketplace.system_qualifications import SYSTEM

# In one order with the Requester's own, whose numbers are positive: the system's come after them.
_PLACES = {id: -place for place, id in enumerate(SYSTEM, 1)}


def list_qualification_types(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The Requester's own, newest first, then the system's; `Query` is looked for in names and keywords."""
    page = paging.requested(params, int)
    after = None if page.after is None else page.after[0]
    query = params.get("Query", "")
    shown = [(kind.seq, qualification_type_shape(kind)) for kind in _own(db, requester_id, params, after, page.size)]
    if not params["MustBeRequestable"] and not params.get("MustBeOwnedByCaller", False):
        shown += [
            (place, system_type_shape(id))
            for id, place in _PLACES.items()
            if query.lower() in SYSTEM[id].name.lower() and (after is None or place < after)
        ]
    shown = shown[: page.size]
    return paging.answer("QualificationTypes", [shape for _, shape in shown], [shown[-1][0]] if shown else [])


def list_hits_for_qualification_type(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The Requester's HITs with a requirement of this type, newest first; those of a type being deleted too."""
    id = params["QualificationTypeId"]
    if id not in SYSTEM:
        qualification_types.owned(db, requester_id, id, disposing=True)
    page = paging.requested(params, int)
    statement = (
        select(HIT, HITType)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(qualification_types.using(requester_id, id))
    )
    if page.after is not None:
        statement = statement.where(HIT.seq < page.after[0])
    if page.seen_until is not None:
        statement = statement.where(HIT.created_at <= page.seen_until)
    rows = db.execute(statement.order_by(HIT.seq.desc()).limit(page.size)).all()
    return paging.answer("HITs", [hit_shape(*row) for row in rows], [rows[-1][0].seq] if rows else [])


def _own(
    db: Session, requester_id: str, params: Mapping[str, Any], after: int | None, size: int
) -> Sequence[QualificationType]:
    """The Requester's types that match; none when the page begins among the system's."""
    statement = select(QualificationType).where(
        QualificationType.requester_id == requester_id,
        QualificationType.deleted_at.is_(None),
        QualificationType.status != QualificationTypeStatus.DISPOSING.value,
    )
    if params["MustBeRequestable"]:
        statement = statement.where(QualificationType.status == QualificationTypeStatus.ACTIVE.value)
    if query := params.get("Query"):
        names = QualificationType.name.icontains(query, autoescape=True)
        statement = statement.where(or_(names, QualificationType.keywords.icontains(query, autoescape=True)))
    if after is not None:
        statement = statement.where(QualificationType.seq < after)
    return db.scalars(statement.order_by(QualificationType.seq.desc()).limit(size)).all()
