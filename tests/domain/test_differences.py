"""Values in, differences out: what is and what is not a difference, without a marketplace."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domain import differences, work_differences
from app.domain.differences import Adopt, BookBonus, Expire, Fetch, OurHIT, SetPlaces, SettleBonus
from app.domain.progress import HITCounters
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    BatchId,
    BatchStatus,
    DifferenceKind,
    HITId,
    HITStatus,
    MarketplaceAssignmentId,
    MarketplaceHITId,
    OperationId,
    OperationStatus,
    PaymentStatus,
)
from app.domain.work_differences import OurAssignment, OurBonus, SeenAssignment, SeenBonus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
ANNOTATION = f"label-jury batch=7 token={UUID(int=1)}"
A1 = MarketplaceAssignmentId("A1")


def seen(**changed: Any) -> HITCounters:
    values: dict[str, Any] = {
        "hit_id": MarketplaceHITId("H1"),
        "status": "Assignable",
        "max_assignments": 3,
        "pending": 0,
        "available": 3,
        "completed": 0,
        "expires_at": NOW + timedelta(days=1),
        "annotation": ANNOTATION,
    }
    return HITCounters(**values | changed)


def ours(**changed: Any) -> OurHIT:
    values: dict[str, Any] = {
        "id": HITId(1),
        "batch_id": BatchId(7),
        "batch_status": BatchStatus.LIVE,
        "status": HITStatus.LIVE,
        "annotation": ANNOTATION,
        "marketplace_hit_id": MarketplaceHITId("H1"),
        "max_assignments": 3,
        "places_wanted": 3,
        "assignments": 0,
        "decided": 0,
        "published_at": LONG_AGO,
    }
    return OurHIT(**values | changed)


def kinds_and_remedies(there: HITCounters, here: OurHIT) -> list[tuple[DifferenceKind, Any]]:
    matched = differences.match([there], [here])
    found = [finding for hit, row in matched.pairs for finding in differences.compare_hit(hit, row)]
    found += differences.compare_strays(matched, {BatchId(7)})
    return [(finding.kind, finding.remedy) for finding in found]


NOT_RECORDED = {"status": HITStatus.PUBLISHING, "marketplace_hit_id": None}


@pytest.mark.parametrize(
    ("there", "here", "found"),
    [
        ({}, {}, []),
        ({}, NOT_RECORDED, [(DifferenceKind.HIT_NOT_RECORDED, Adopt)]),
        ({}, NOT_RECORDED | {"busy": True}, []),
        (
            {"max_assignments": 5},
            NOT_RECORDED,
            [(DifferenceKind.HIT_NOT_RECORDED, Adopt), (DifferenceKind.PLACES_DIFFER, SetPlaces)],
        ),
        ({"max_assignments": 5}, {}, [(DifferenceKind.PLACES_DIFFER, SetPlaces)]),
        ({"max_assignments": 2}, {}, [(DifferenceKind.PLACES_DIFFER, SetPlaces)]),
        # An extension to five is still to be told: three to five places are what we expect.
        ({"max_assignments": 5}, {"places_wanted": 5}, []),
        ({"max_assignments": 6}, {"places_wanted": 5}, [(DifferenceKind.PLACES_DIFFER, SetPlaces)]),
        # From ten on every answer costs more: a person must look.
        ({"max_assignments": 10}, {}, [(DifferenceKind.PLACES_DIFFER, type(None))]),
        ({}, {"status": HITStatus.DONE}, [(DifferenceKind.HIT_SHOULD_BE_OVER, Expire)]),
        ({"status": "Reviewable"}, {"status": HITStatus.DONE}, []),
        ({}, {"status": HITStatus.DONE, "deleted": True}, []),
        (
            {},
            {"status": HITStatus.CANCELLED, "marketplace_hit_id": None},
            [(DifferenceKind.HIT_SHOULD_BE_OVER, Expire)],
        ),
        ({"status": "Reviewable"}, {"status": HITStatus.CANCELLED, "marketplace_hit_id": None}, []),
        ({"annotation": "somebody else's", "hit_id": "H2"}, {}, []),
        ({"hit_id": "H2"}, {}, [(DifferenceKind.HIT_OF_NO_BATCH, type(None))]),
    ],
)
def test_a_hit_there_beside_its_row_here(
    there: dict[str, Any], here: dict[str, Any], found: list[tuple[DifferenceKind, type]]
) -> None:
    got = kinds_and_remedies(seen(**there), ours(**here))
    assert [(kind, type(remedy)) for kind, remedy in got] == found


@pytest.mark.parametrize(
    "annotation",
    [None, "", "label-jury", "label-jury batch=7", f"label-jury batch=x token={UUID(int=1)}", ANNOTATION + " "],
)
def test_annotations_of_other_programs_are_not_ours(annotation: str | None) -> None:
    assert differences.batch_of(annotation) is None


def test_a_thousand_strays_of_one_batch_are_one_difference() -> None:
    hits = [seen(hit_id=f"H{n}", annotation=f"label-jury batch=9 token={UUID(int=n)}") for n in range(1000)]
    (found,) = differences.compare_strays(differences.match(hits, []), set())
    assert (found.subject, found.batch_id, found.remedy) == ("batch 9", 9, None)
    assert "1000 HITs (H0, H1, H2, H3, H4 and 995 more)" in found.details


def test_a_hit_published_just_now_is_not_missing_yet() -> None:
    assert differences.unlisted([], [ours(published_at=NOW - timedelta(seconds=30))], now=NOW) == []
    assert differences.unlisted([], [ours(busy=True)], now=NOW) == []
    assert differences.unlisted([], [ours()], now=NOW) == [ours()]


def work(
    there: list[SeenAssignment], here: list[OurAssignment], **options: Any
) -> list[tuple[DifferenceKind, str, Any]]:
    found = work_differences.compare_assignments(ours(), there, here, now=NOW, **options)
    return [(finding.kind, finding.subject, finding.remedy) for finding in found]


def our_answer(
    status: AssignmentStatus,
    *,
    collected_at: datetime = LONG_AGO,
    decided_at: datetime | None = LONG_AGO,
    busy: bool = False,
) -> OurAssignment:
    return OurAssignment(A1, status, collected_at, decided_at, busy)


def test_work_handed_in_just_now_is_on_its_way_unless_nothing_is() -> None:
    there = [SeenAssignment(A1, "Submitted", NOW - timedelta(seconds=30))]
    assert work(there, []) == []
    expected = [(DifferenceKind.ASSIGNMENT_NOT_COLLECTED, "H1", Fetch(HITId(1)))]
    assert work(there, [], patience=timedelta()) == expected
    # An hour ahead of us is another clock, not a young answer.
    assert work([SeenAssignment(A1, "Submitted", NOW + timedelta(hours=1))], []) == expected


def test_decisions_are_compared_unless_one_is_being_told() -> None:
    approved = [SeenAssignment(A1, "Approved", LONG_AGO)]
    submitted, rejected = our_answer(AssignmentStatus.SUBMITTED), our_answer(AssignmentStatus.REJECTED)
    assert work(approved, [submitted]) == [(DifferenceKind.DECISION_NOT_RECORDED, "H1", Fetch(HITId(1)))]
    assert work(approved, [our_answer(AssignmentStatus.SUBMITTED, busy=True)]) == []
    assert work(approved, [rejected]) == [(DifferenceKind.DECISION_DIFFERS, "A1", Fetch(HITId(1)))]
    assert work([SeenAssignment(A1, "Rejected", LONG_AGO)], [our_answer(AssignmentStatus.APPROVED)]) == [
        (DifferenceKind.DECISION_DIFFERS, "A1", None)
    ]
    assert work(approved, [our_answer(AssignmentStatus.REJECTED, decided_at=NOW)]) == []
    assert work(approved, [our_answer(AssignmentStatus.APPROVED)]) == []
    assert work([], [our_answer(AssignmentStatus.SUBMITTED, collected_at=NOW)]) == []
    assert work([], [submitted]) == [(DifferenceKind.ASSIGNMENT_MISSING, "A1", None)]


def bonus(amount: str, reason: str = "Thank you!", *, at: datetime = LONG_AGO) -> SeenBonus:
    return SeenBonus(A1, Decimal(amount), reason, at)


def our_bonus(
    amount: str,
    reason: str = "Thank you!",
    *,
    number: int = 1,
    operation: OperationStatus = OperationStatus.DONE,
    payment: PaymentStatus = PaymentStatus.PAID,
) -> OurBonus:
    return OurBonus(A1, OperationId(number), Decimal(amount), reason, operation, payment, LONG_AGO)


def money(there: list[SeenBonus], here: list[OurBonus]) -> list[tuple[DifferenceKind, Any]]:
    known = {A1: AssignmentId(4)}
    found = work_differences.compare_bonuses(ours(), there, here, known, now=NOW)
    return [(finding.kind, finding.remedy) for finding in found]


def test_bonuses_are_matched_one_to_one() -> None:
    assert money([bonus("0.50")], [our_bonus("0.50")]) == []
    assert money([bonus("0.50"), bonus("0.50")], [our_bonus("0.50")]) == [
        (DifferenceKind.BONUS_NOT_RECORDED, BookBonus(AssignmentId(4), Decimal("0.50"), "Thank you!", 2))
    ]
    assert money([], [our_bonus("0.50")]) == [(DifferenceKind.BONUS_MISSING, None)]
    assert money([bonus("0.50", "Thank you!\n")], [our_bonus("0.50")]) == []
    assert money([bonus("0.50", at=NOW)], []) == []


def test_a_bonus_that_a_runner_will_look_up_is_left_to_it_and_one_given_up_is_settled() -> None:
    waiting = our_bonus("0.50", operation=OperationStatus.INTENDED, payment=PaymentStatus.OWED)
    assert money([bonus("0.50")], [waiting]) == []
    failed = our_bonus("0.50", operation=OperationStatus.FAILED, payment=PaymentStatus.OWED)
    assert money([bonus("0.50")], [failed]) == [(DifferenceKind.BONUS_NOT_RECORDED, SettleBonus(OperationId(1)))]
    # The one that is paid here explains what is paid there.
    assert money([bonus("0.50")], [failed, our_bonus("0.50", number=2)]) == []


def test_a_bonus_of_work_that_is_not_collected_yet_waits_for_it() -> None:
    assert work_differences.compare_bonuses(ours(), [bonus("0.50")], [], {}, now=NOW) == []
