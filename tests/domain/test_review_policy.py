import pytest

from app.domain.review_policy import ReviewPolicy, decide_review


@pytest.mark.parametrize("policy", ReviewPolicy)
def test_every_policy_decides_and_tells_the_worker_something(policy: ReviewPolicy) -> None:
    decision = decide_review(policy)
    assert decision.approve
    assert decision.feedback
