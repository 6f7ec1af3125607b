from datetime import timedelta

import pytest

from app.domain.review_policy import (
    THANKS,
    ReviewPolicy,
    ReviewRule,
    SubmittedWork,
    Verdict,
    decide_review,
)
from app.domain.worker_quality import NO_ANSWERS, Tally
from app.errors import InvalidInput
from tests.factories import NOW

GOLD = ReviewRule(ReviewPolicy.GOLD, at_least=0.8, after=5)
STRICT = ReviewRule(ReviewPolicy.GOLD, at_least=0.8, after=5, reject_below=0.4)


def decided(answers: Tally, rule: ReviewRule, **work: object) -> Verdict:
    return decide_review(SubmittedWork(answers=answers, **work), rule, now=NOW).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize("readable", [True, False])
def test_approve_all_approves_and_thanks(readable: bool) -> None:
    decision = decide_review(SubmittedWork(readable=readable), ReviewRule(), now=NOW)
    assert (decision.verdict, decision.feedback) == (Verdict.APPROVE, THANKS)


def test_hold_leaves_everything_to_a_person_even_what_cannot_be_read() -> None:
    for readable in (True, False):
        assert decided(NO_ANSWERS, ReviewRule(ReviewPolicy.HOLD), readable=readable) is Verdict.HOLD


def test_an_unreadable_page_is_our_fault_and_paid() -> None:
    assert decided(Tally(10, 0), STRICT, readable=False) is Verdict.APPROVE


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (Tally(5, 4), Verdict.APPROVE),
        (Tally(5, 3), Verdict.HOLD),
        (Tally(5, 2), Verdict.HOLD),
        (Tally(5, 1), Verdict.REJECT),
        (Tally(4, 0), Verdict.WAIT),
        (Tally(4, 4), Verdict.WAIT),
    ],
)
def test_work_is_judged_at_the_thresholds_and_after_enough_answers(answers: Tally, verdict: Verdict) -> None:
    assert decided(answers, STRICT) is verdict


def test_without_reject_below_no_policy_ever_rejects() -> None:
    for policy in ReviewPolicy:
        for judged in range(30):
            for matched in range(judged + 1):
                assert decided(Tally(judged, matched), ReviewRule(policy)) is not Verdict.REJECT


def test_what_cannot_be_judged_is_held_once_nothing_more_can_come() -> None:
    decision = decide_review(SubmittedWork(answers=Tally(3, 3), more_to_come=False), GOLD, now=NOW)
    assert decision.verdict is Verdict.HOLD
    assert decision.because == (
        "3 of 3 answers on gold Items are right; 5 are needed to judge the Worker, and no more are to come"
    )


@pytest.mark.parametrize(
    ("delay", "left", "verdict"),
    [
        (timedelta(days=7), timedelta(hours=25), Verdict.WAIT),
        (timedelta(days=7), timedelta(hours=24), Verdict.HOLD),
        (timedelta(hours=4), timedelta(hours=2, minutes=1), Verdict.WAIT),
        (timedelta(hours=4), timedelta(hours=2), Verdict.HOLD),
    ],
)
def test_what_waits_is_held_before_it_would_be_paid_unseen(delay: timedelta, left: timedelta, verdict: Verdict) -> None:
    times = {"submitted_at": NOW + left - delay, "auto_approval_at": NOW + left}
    assert decided(NO_ANSWERS, GOLD, **times) is verdict


def test_a_rejection_tells_the_worker_why_and_not_which_label_is_whose() -> None:
    decision = decide_review(SubmittedWork(answers=Tally(6, 1)), STRICT, now=NOW)
    assert decision.verdict is Verdict.REJECT
    assert "1 of your 6 answers on questions with a known answer were right" in decision.feedback
    assert not {"given", "guessed", "gold"} & set(decision.feedback.split())


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("approve_all", ReviewRule()),
        ("Hold", ReviewRule(ReviewPolicy.HOLD)),
        ("gold", GOLD),
        ("gold:0.8", GOLD),
        ("gold:0.8,after=5,reject-below=0.4", STRICT),
        ("agreement: at_least=0.7, after=10", ReviewRule(ReviewPolicy.AGREEMENT, at_least=0.7, after=10)),
    ],
)
def test_a_rule_is_read_as_it_is_written(written: str, rule: ReviewRule) -> None:
    read = ReviewRule.parse(written)
    assert read == rule
    assert ReviewRule.parse(str(read)) == read
    assert ReviewRule.of(read.policy.value, read.settings()) == read


@pytest.mark.parametrize(
    ("written", "faults"),
    [
        ("pay", ["'pay' is no review policy; use approve_all or gold or agreement or hold"]),
        ("hold:0.8", ["hold takes no settings; leave out what follows it"]),
        ("gold:eight", ["at_least is 'eight'; write a share such as 0.8"]),
        ("gold:0.8,after=2.5", ["after is '2.5'; write a whole number"]),
        ("gold:0.8,soon=3", ["'soon' is no setting of a review policy; use at_least, after, reject_below"]),
        ("gold:0.8,0.9", ["at_least is given twice"]),
        ("gold:80,after=0", ["the share of right answers is above 0", "after is 1 to 1000"]),
        ("gold:nan", ["the share of right answers is above 0"]),
        ("gold:0.5,reject_below=0.6", ["reject_below is 0 to 0.5"]),
    ],
)
def test_every_fault_of_a_rule_is_named(written: str, faults: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        ReviewRule.parse(written)
    assert len(refused.value.problems) == len(faults)
    for problem, fault in zip(refused.value.problems, faults, strict=True):
        assert problem.field == "review"
        assert problem.message.startswith(fault)
