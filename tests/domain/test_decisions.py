from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.decisions import Ruling, Standing, feedback_faults, obstacle
from app.domain.vocabulary import AssignmentStatus, OperationKind
from tests.factories import NOW

OPEN = Standing(AssignmentStatus.SUBMITTED, counted=True, under_way=None, submitted_at=NOW, hit_deleted=False)
APPROVED = replace(OPEN, status=AssignmentStatus.APPROVED)
REJECTED = replace(OPEN, status=AssignmentStatus.REJECTED, counted=False)


@pytest.mark.parametrize(
    ("standing", "possible"),
    [
        (OPEN, {Ruling.APPROVE, Ruling.REJECT, Ruling.SOFT_REJECT}),
        (APPROVED, {Ruling.SOFT_REJECT}),
        (replace(APPROVED, counted=False), set()),
        (REJECTED, {Ruling.OVERRIDE}),
        (replace(OPEN, under_way=OperationKind.APPROVE), {Ruling.SOFT_REJECT}),
        (replace(OPEN, under_way=OperationKind.APPROVE, counted=False), set()),
        (replace(OPEN, under_way=OperationKind.REJECT), set()),
        (replace(REJECTED, under_way=OperationKind.OVERRIDE), set()),
        (replace(REJECTED, hit_deleted=True), set()),
        (replace(REJECTED, given_up=True), set()),
        (replace(REJECTED, submitted_at=NOW - timedelta(days=30, seconds=1)), set()),
        (replace(REJECTED, submitted_at=NOW - timedelta(days=30)), {Ruling.OVERRIDE}),
    ],
)
def test_what_can_still_be_decided_follows_from_where_the_work_stands(
    standing: Standing, possible: set[Ruling]
) -> None:
    assert {ruling for ruling in Ruling if obstacle(standing, ruling, now=NOW) is None} == possible


def test_the_opposite_of_what_is_under_way_is_named() -> None:
    why = obstacle(replace(OPEN, under_way=OperationKind.APPROVE), Ruling.REJECT, now=NOW)
    assert why is not None
    assert "under way already (approve)" in why


@pytest.mark.parametrize("feedback", ["", "  \n", "x" * 1025, "a\x00b", "bell\x07"])
def test_texts_that_cannot_be_sent_with_a_rejection_are_refused(feedback: str) -> None:
    assert list(feedback_faults(feedback, required=True))


@pytest.mark.parametrize("feedback", ["x" * 1024, "two\nlines\tand a tab\r\n", "Größe 😀"])
def test_texts_that_can_be_sent_are_not(feedback: str) -> None:
    assert not list(feedback_faults(feedback, required=True))


def test_an_approval_needs_no_text() -> None:
    assert not list(feedback_faults("", required=False))
