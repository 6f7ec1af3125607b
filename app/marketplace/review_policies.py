"""ScoreMyKnownAnswers and SimplePlurality: what a HIT's review policies do, and the record of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import answer_values, known_answers, plurality
from app.marketplace.changes import Change
from app.marketplace.plurality import Agreement, PluralityPolicy
from app.marketplace.review_actions import Review
from app.marketplace.store import HIT, Assignment, AssignmentStatus, ReviewLevel, ReviewResult
from app.marketplace.wire_errors import not_valid

ON_ASSIGNMENT, ON_HIT = "AssignmentReviewPolicy", "HITReviewPolicy"
_NAMES = {ON_ASSIGNMENT: known_answers.NAME, ON_HIT: plurality.NAME}
_SCORE_KEY = "KnownAnswerScore"
_ZERO = Decimal("0.00")


def check(params: Mapping[str, Any]) -> None:
    """The review policies of a CreateHIT. Raises ParameterValidationError."""
    for where, name in _NAMES.items():
        if where in params and params[where]["PolicyName"] != name:
            raise not_valid(f"{where}.PolicyName", params[where]["PolicyName"])
    if ON_ASSIGNMENT in params:
        known_answers.read(params[ON_ASSIGNMENT], ON_ASSIGNMENT)
    if ON_HIT in params:
        plurality.read(params[ON_HIT], ON_HIT)


def on_submit(db: Session, hit: HIT, assignment: Assignment, now: datetime) -> list[Change]:
    """Apply the HIT's Assignment review policy to what was just submitted. The HIT is locked; the caller rebooks it.

    First it approves or rejects, then it extends: a rejection pays for the next Worker.
    """
    if hit.assignment_review_policy is None:
        return []
    policy = known_answers.read(hit.assignment_review_policy, ON_ASSIGNMENT)
    score = known_answers.score(policy.answer_key, answer_values.given(assignment.answer or ""))
    review = Review(hit, ReviewLevel.ASSIGNMENT, now)
    review.reviewed(assignment, f"Reviewed known answers; {sum(score.correct.values())}/{len(score.correct)} correct")
    for question_id, correct in score.correct.items():
        review.found(assignment, "KnownAnswerCorrect", int(correct), question_id)
    review.found(assignment, _SCORE_KEY, score.percent)
    if policy.approve_at_least is not None and score.percent >= policy.approve_at_least:
        review.approve(assignment, policy.approve_reason)
    if policy.reject_less_than is not None and score.percent < policy.reject_less_than:
        review.reject(assignment, policy.reject_reason)
    if policy.extend_less_than is not None and score.percent < policy.extend_less_than:
        maximum, time_s = policy.extend_maximum_assignments, policy.extend_minimum_time_s
        review.extend(db, maximum=maximum, minimum_time_s=time_s, freed_usd=_ZERO)
    return list(review.record(db))


def on_reviewable(db: Session, hit: HIT, now: datetime, *, freed_usd: Decimal = _ZERO) -> list[Change]:
    """Apply the HIT's own review policy, now that it has become Reviewable. The HIT is locked; the caller rebooks it.

    freed_usd: what the caller will add to the available balance before it posts these changes. Work that the policy
    disregards is left alone altogether: neither counted nor scored, approved or rejected.
    """
    if hit.hit_review_policy is None:
        return []
    policy = plurality.read(hit.hit_review_policy, ON_HIT)
    assignments = _regarded(db, hit, policy)
    found = plurality.agreement(policy, [answer_values.given(one.answer or "") for one in assignments])
    review = Review(hit, ReviewLevel.HIT, now)
    agreed = sum(question.answer is not None for question in found.questions.values())
    review.reviewed(hit, f"Reviewed {len(assignments)} assignments; {agreed}/{len(found.questions)} questions agreed")
    _record_agreement(review, assignments, found)
    for assignment, worker in zip(assignments, found.workers, strict=True):
        if worker.percent is None:
            continue
        if policy.approve_at_least is not None and worker.percent >= policy.approve_at_least:
            review.approve(assignment)
        if policy.reject_less_than is not None and worker.percent < policy.reject_less_than:
            review.reject(assignment, policy.reject_reason)
    if policy.extend_less_than is not None and found.percent < policy.extend_less_than:
        maximum, time_s = policy.extend_maximum_assignments, policy.extend_minimum_time_s
        review.extend(db, maximum=maximum, minimum_time_s=time_s, freed_usd=freed_usd)
    return list(review.record(db))


def _regarded(db: Session, hit: HIT, policy: PluralityPolicy) -> Sequence[Assignment]:
    """The submitted work that the policy looks at, oldest first."""
    submitted = select(Assignment).where(Assignment.hit_id == hit.id, Assignment.submitted_at.is_not(None))
    if policy.disregard_rejected:
        submitted = submitted.where(Assignment.status != AssignmentStatus.REJECTED.value)
    in_order = submitted.order_by(Assignment.submitted_at, Assignment.id)
    rows = db.scalars(in_order.execution_options(populate_existing=True)).all()
    if policy.disregard_known_answers_less_than is None:
        return rows
    known = select(ReviewResult.subject_id, ReviewResult.value).where(
        ReviewResult.hit_id == hit.id,
        ReviewResult.level == ReviewLevel.ASSIGNMENT.value,
        ReviewResult.key == _SCORE_KEY,
    )
    scores = {assignment_id: int(value) for assignment_id, value in db.execute(known)}
    least = policy.disregard_known_answers_less_than
    return [row for row in rows if scores.get(row.id, least) >= least]


def _record_agreement(review: Review, assignments: Sequence[Assignment], found: Agreement) -> None:
    for question_id, question in found.questions.items():
        review.found(review.hit, "AgreedAnswerFound", "false" if question.answer is None else "true", question_id)
        if question.answer is not None:
            review.found(review.hit, "AgreedAnswer", ",".join(sorted(question.answer)), question_id)
            review.found(review.hit, "AnswerAgreementScore", question.percent, question_id)
    for assignment, worker in zip(assignments, found.workers, strict=True):
        if worker.percent is not None:
            review.found(assignment, "WorkerAgreementScore", worker.percent)
            review.found(assignment, "PluralityAnswersCorrect", worker.correct)
            review.found(assignment, "PluralityAnswersIncorrect", worker.incorrect)
    review.found(review.hit, "HitAgreementScore", found.percent)
