"""What a HIT's review policies found and did."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import paging
from app.marketplace.operations import hits
from app.marketplace.store import HIT, ReviewAction, ReviewLevel, ReviewResult

# Nobody pages through this one (boto3 has no paginator for it), so a page is as large as it may be.
_DEFAULT_PAGE = 100
_RESULTS, _ACTIONS = "ReviewResults", "ReviewActions"
_Row = ReviewResult | ReviewAction


def list_review_policy_results_for_hit(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Both reports, in the order of events; a page goes through the Assignment's results and actions, then the HIT's."""
    hit = hits.owned(db, requester_id, params["HITId"])
    page = paging.requested(params, int, int)
    size = params.get("MaxResults") or _DEFAULT_PAGE
    levels = params.get("PolicyLevels") or list(ReviewLevel)
    lists = {_RESULTS: params.get("RetrieveResults", True), _ACTIONS: params.get("RetrieveActions", True)}
    reply = _headed(hit, levels)
    first, after = page.after or (0, 0)
    left, last = size, None
    for number, (level, name) in enumerate((level, name) for level in ReviewLevel for name in (_RESULTS, _ACTIONS)):
        report = reply.get(f"{level}ReviewReport")
        if report is None or not lists[name]:
            continue
        rows: list[_Row] = []
        if number >= first and left:
            rows = _rows(db, hit, (level, name), after=after if number == first else 0, limit=left)
        report[name] = [_SHAPES[name](row) for row in rows]
        left -= len(rows)
        last = (number, rows[-1].seq) if rows else last
    return reply if last is None else {**reply, "NextToken": paging.token(last)}


def _headed(hit: HIT, levels: list[str]) -> dict[str, Any]:
    """The HIT, and for each level asked for its policy's name and an empty report."""
    reply: dict[str, Any] = {"HITId": hit.id}
    policies = {ReviewLevel.ASSIGNMENT: hit.assignment_review_policy, ReviewLevel.HIT: hit.hit_review_policy}
    for level, policy in policies.items():
        if policy is not None and level in levels:
            reply[f"{level}ReviewPolicy"] = {"PolicyName": policy["PolicyName"]}
            reply[f"{level}ReviewReport"] = {}
    return reply


def _rows(db: Session, hit: HIT, part: tuple[ReviewLevel, str], *, after: int, limit: int) -> list[_Row]:
    level, name = part
    table = ReviewResult if name == _RESULTS else ReviewAction
    statement = select(table).where(table.hit_id == hit.id, table.level == level.value, table.seq > after)
    return list(db.scalars(statement.order_by(table.seq).limit(limit)))


def _result(row: Any) -> Mapping[str, Any]:
    return {
        "ActionId": row.action_id,
        "SubjectId": row.subject_id,
        "SubjectType": row.subject_type,
        "QuestionId": row.question_id,
        "Key": row.key,
        "Value": row.value,
    }


def _action(row: Any) -> Mapping[str, Any]:
    return {
        "ActionId": row.action_id,
        "ActionName": row.action_name,
        "TargetId": row.target_id,
        "TargetType": row.target_type,
        "Status": row.status,
        "CompleteTime": row.complete_time,
        "Result": row.result,
        "ErrorCode": row.error_code,
    }


_SHAPES: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {_RESULTS: _result, _ACTIONS: _action}
