from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.progress import Collected, HITCounters, is_exhausted, must_fetch
from app.domain.vocabulary import MarketplaceHITId

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def counters(**changed: Any) -> HITCounters:
    """A HIT for five, published just now."""
    values: dict[str, Any] = {
        "hit_id": MarketplaceHITId("3HIT"),
        "status": "Assignable",
        "max_assignments": 5,
        "pending": 0,
        "available": 5,
        "completed": 0,
        "expires_at": NOW + timedelta(days=7),
    }
    return HITCounters(**values | changed)


def held(assignments: int = 0, decided: int = 0, signature: str | None = None) -> Collected:
    return Collected(assignments, decided, signature)


def test_what_is_neither_free_nor_under_way_was_handed_in() -> None:
    assert counters(pending=1, available=2).submitted == 2


def test_a_new_hit_without_work_is_not_fetched() -> None:
    assert not must_fetch(counters(), held())


def test_work_under_way_is_not_fetched() -> None:
    assert not must_fetch(counters(pending=3, available=2), held())


def test_handed_in_work_that_we_do_not_hold_is_fetched() -> None:
    assert must_fetch(counters(pending=1, available=2), held(assignments=1))


def test_what_we_hold_already_is_not_fetched() -> None:
    assert not must_fetch(counters(available=3), held(assignments=2))


def test_a_decision_that_we_did_not_make_is_fetched() -> None:
    assert must_fetch(counters(available=3, completed=1), held(assignments=2))
    assert not must_fetch(counters(available=3, completed=1), held(assignments=2, decided=1))


def test_counters_that_were_fetched_to_the_end_are_left_until_they_move() -> None:
    # On expiry some endpoints set `available` to 0: five seem to be handed in and two ever come.
    expired = counters(status="Reviewable", available=0)
    assert must_fetch(expired, held(assignments=2))
    assert not must_fetch(expired, held(assignments=2, signature=expired.signature))
    assert must_fetch(counters(available=0), held(assignments=2, signature=expired.signature))


def test_every_counter_is_part_of_the_signature() -> None:
    changes: list[dict[str, Any]] = [
        {"status": "Reviewable"},
        {"max_assignments": 6},
        {"pending": 1},
        {"available": 4},
        {"completed": 1},
    ]
    assert len({counters(**change).signature for change in [{}, *changes]}) == 6


OVER = {"status": "Reviewable", "available": 3, "expires_at": NOW - timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("seen", "assignments", "exhausted"),
    [
        ({}, 0, False),
        ({"available": 0}, 5, True),
        ({"available": 0}, 4, False),  # the fifth is handed in, not collected yet
        ({"available": 0, "pending": 1}, 4, False),
        (OVER, 2, True),
        (OVER, 1, False),  # promised, not listed yet
        ({**OVER, "status": "Assignable"}, 2, False),  # our clock says expired, the marketplace does not
        ({**OVER, "status": "Unassignable", "pending": 1}, 1, False),  # may still be handed in
        ({**OVER, "available": 0}, 2, False),  # counters zeroed at expiry: somebody may still be at work
        ({**OVER, "available": 0, "expires_at": NOW - timedelta(hours=2)}, 2, True),  # … until their time is over too
    ],
)
def test_a_hit_is_exhausted_when_nothing_more_can_come(seen: dict[str, Any], assignments: int, exhausted: bool) -> None:
    found = is_exhausted(counters(**seen), now=NOW, assignments=assignments, assignment_duration_s=3600)
    assert found is exhausted
