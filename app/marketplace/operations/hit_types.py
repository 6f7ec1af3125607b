"""HIT Types: what HITs of one kind share. Equal values are one HIT Type."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.marketplace import fees, requirements
from app.marketplace.ids import new_id
from app.marketplace.operations import limits, qualification_types
from app.marketplace.store import HITType
from app.marketplace.wire_errors import does_not_exist


def create_hit_type(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Make a HIT Type, or name the one with the same values."""
    return {"HITTypeId": find_or_create(db, requester_id, params, now).id}


def find_or_create(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> HITType:
    """The Requester's HIT Type with these values. Raises ParameterValidationError."""
    limits.check(params)
    values = _values(params)
    qualification_types.check_usable(db, requester_id, values["qualification_requirements"])
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
    same = select(HITType).where(HITType.requester_id == requester_id, HITType.digest == digest)
    found = db.scalars(same).one_or_none()
    if found is not None:
        return found
    fresh = insert(HITType).values(
        id=new_id(), group_id=new_id(), requester_id=requester_id, digest=digest, created_at=now, **values
    )
    db.execute(fresh.on_conflict_do_nothing(index_elements=["requester_id", "digest"]))
    return db.scalars(same).one()


def owned(db: Session, requester_id: str, hit_type_id: str) -> HITType:
    """The Requester's HIT Type. Raises RequestError HITTypeDoesNotExist."""
    hit_type = db.get(HITType, hit_type_id)
    if hit_type is None or hit_type.requester_id != requester_id:
        raise does_not_exist("HITType", hit_type_id)
    return hit_type


def fee_usd(hit_type: HITType, max_assignments: int) -> Decimal:
    """The fee for one Assignment of a HIT of this type."""
    qualification_ids = [one["QualificationTypeId"] for one in hit_type.qualification_requirements]
    return fees.fee_usd(hit_type.reward_usd, max_assignments, qualification_ids)


def usable(db: Session, requester_id: str, hit_type_id: str) -> HITType:
    """The Requester's HIT Type for a new HIT: what it requires must still be there. Raises RequestError."""
    hit_type = owned(db, requester_id, hit_type_id)
    qualification_types.check_usable(db, requester_id, hit_type.qualification_requirements)
    return hit_type


def _values(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": params["Title"],
        "description": params["Description"],
        "keywords": params.get("Keywords") or None,
        "reward_usd": limits.reward_usd(params),
        "assignment_duration_s": params["AssignmentDurationInSeconds"],
        "auto_approval_delay_s": params.get("AutoApprovalDelayInSeconds", limits.MONTH_S),
        "qualification_requirements": requirements.complete(params.get("QualificationRequirements", [])),
    }
