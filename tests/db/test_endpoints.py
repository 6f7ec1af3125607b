import threading
from datetime import datetime

import pytest
from sqlalchemy import text

from app.db import endpoints
from app.db.endpoints import URGENT_SHARE, Slots
from app.db.engine import Database
from app.domain import pace
from app.domain.pace import KEPT

URL = "https://turk.example"
# One call in ten seconds: a busy machine's own seconds do not matter then.
SLOWLY = 0.1


def reserve(
    database: Database,
    calls: int = 10,
    ceiling: float = 10.0,
    url: str = URL,
    *,
    urgent: bool = False,
    accepted: int = 0,
    latency_s: float | None = None,
) -> Slots:
    with database.transaction() as db:
        return endpoints.reserve(
            db, url, calls=calls, ceiling=ceiling, urgent=urgent, accepted=accepted, latency_s=latency_s
        )


def slow_down(database: Database, given_at: datetime) -> None:
    with database.transaction() as db:
        endpoints.slow_down(db, URL, given_at=given_at)


def known(database: Database, column: str) -> float:
    with database.transaction() as db:
        return float(db.execute(text(f"SELECT {column} FROM endpoints")).scalar_one())


def age(database: Database, column: str, seconds: float) -> None:
    """As if it had happened earlier."""
    with database.transaction() as db:
        db.execute(text(f"UPDATE endpoints SET {column} = {column} - make_interval(secs => :s)"), {"s": seconds})


def due(database: Database, interval_s: float = 10, calls: int = 1) -> bool:
    with database.transaction() as db:
        return endpoints.due_for_poll(db, URL, interval_s=interval_s, ceiling=10, calls=calls)


def test_the_first_calls_start_at_once_and_keep_the_ceiling(database: Database) -> None:
    slots = reserve(database)
    assert slots.wait_s == pytest.approx(0, abs=0.05)
    assert slots.interval_s == pytest.approx(0.1)


def test_each_runner_gets_room_after_the_others(database: Database) -> None:
    reserve(database, ceiling=SLOWLY)
    waits = [reserve(database, ceiling=SLOWLY).wait_s for _ in range(3)]
    # 10 calls at one in ten seconds are 100 seconds; the database's clock goes on meanwhile.
    assert waits == pytest.approx([100, 200, 300], abs=30)


def test_runners_in_threads_never_get_the_same_room(database: Database) -> None:
    reserve(database, calls=1, ceiling=SLOWLY)
    ends: list[float] = []

    def take() -> None:
        for _ in range(5):
            with database.transaction() as db:
                endpoints.reserve(db, URL, calls=10, ceiling=SLOWLY)
                ends.append(
                    float(db.execute(text("SELECT extract(epoch FROM next_call_at) FROM endpoints")).scalar_one())
                )

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == pytest.approx([min(ends) + 100 * number for number in range(20)], abs=0.01)


def test_room_that_was_not_used_is_not_saved_up(database: Database) -> None:
    reserve(database, ceiling=SLOWLY)
    age(database, "next_call_at", 3600)
    reserve(database, ceiling=SLOWLY)
    assert reserve(database, ceiling=SLOWLY).wait_s == pytest.approx(100, abs=30)


def test_endpoints_do_not_share_their_rate(database: Database) -> None:
    reserve(database, calls=1000)
    assert reserve(database, url="https://other.example").wait_s == pytest.approx(0, abs=0.05)


def test_an_endpoint_that_nobody_ever_called_is_begun_with_gently(database: Database) -> None:
    assert due(database)  # which makes the row
    assert reserve(database, calls=1, ceiling=10_000).calls_per_second < 2 * pace.FIRST_CALLS_PER_SECOND


def test_whoever_goes_first_does_not_wait_for_the_others_and_moves_them_back(database: Database) -> None:
    reserve(database, calls=50, ceiling=SLOWLY)
    first = reserve(database, calls=1, ceiling=SLOWLY, urgent=True)
    assert first.wait_s == pytest.approx(0, abs=0.1)
    assert first.interval_s == pytest.approx(10 / URGENT_SHARE)
    assert reserve(database, calls=1, ceiling=SLOWLY).wait_s == pytest.approx(510, abs=5)


def test_calls_that_go_first_leave_room_for_the_others(database: Database) -> None:
    reserve(database, calls=200, ceiling=SLOWLY)
    waits = [reserve(database, calls=1, ceiling=SLOWLY, urgent=True).wait_s for _ in range(10)]
    assert waits == pytest.approx([number * 10 / URGENT_SHARE for number in range(10)], abs=5)


def test_calls_that_go_first_have_the_whole_rate_where_nobody_else_calls(database: Database) -> None:
    waits = [reserve(database, calls=1, ceiling=SLOWLY, urgent=True).wait_s for _ in range(21)]
    assert max(waits) == pytest.approx(200, abs=15)


def test_a_throttle_answer_lowers_the_pace_below_what_was_let_through(database: Database) -> None:
    slots = reserve(database, calls=1, accepted=6)
    slow_down(database, slots.given_at)
    limit = known(database, "throttled_rate")
    assert 4 <= limit <= 6
    assert known(database, "calls_per_second") == pytest.approx(KEPT * limit)
    assert reserve(database, calls=1).interval_s == pytest.approx(1 / (KEPT * limit), rel=0.1)


def test_many_throttle_answers_to_calls_under_way_count_once(database: Database) -> None:
    slots = [reserve(database) for _ in range(3)]
    threads = [threading.Thread(target=slow_down, args=(database, one.given_at)) for one in slots * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lowered = known(database, "calls_per_second")
    assert lowered >= 0.99 * KEPT * pace.LOWEST_SHARE * 10
    assert known(database, "throttles") == 6
    slow_down(database, reserve(database, calls=1).given_at)  # a call that was made at the lower pace
    assert known(database, "calls_per_second") < lowered


def test_the_latency_is_an_average_over_all_runners(database: Database) -> None:
    assert reserve(database).latency_s is None
    assert reserve(database, latency_s=0.1).latency_s == pytest.approx(0.1)
    assert reserve(database).latency_s == pytest.approx(0.1)
    assert 0.1 < (reserve(database, latency_s=0.2).latency_s or 0) < 0.2


def test_polls_of_many_hits_become_rarer_while_others_wait_in_line(database: Database) -> None:
    assert due(database)
    age(database, "polled_at", 11)
    reserve(database, calls=600)
    assert not due(database, calls=100)  # at ten calls a second they would take all there is
    age(database, "polled_at", 100 / (endpoints.POLLING_SHARE * 10))
    assert due(database, calls=100)
    age(database, "next_call_at", 3600)
    age(database, "polled_at", 11)
    assert due(database, calls=100)


def test_a_lowered_ceiling_holds_from_the_next_reservation_on(database: Database) -> None:
    reserve(database, ceiling=100)
    assert reserve(database, ceiling=2).interval_s == pytest.approx(0.5)


def test_a_poll_is_due_once_an_interval(database: Database) -> None:
    assert [due(database), due(database)] == [True, False]
    age(database, "polled_at", 9)
    assert not due(database)
    age(database, "polled_at", 2)
    assert due(database)


def test_of_several_runners_that_ask_one_polls(database: Database) -> None:
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(due(database))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]


def test_polling_first_does_not_disturb_the_rate(database: Database) -> None:
    assert due(database)
    slots = reserve(database)
    assert slots.wait_s == pytest.approx(0, abs=0.05)
    assert slots.interval_s == pytest.approx(0.1)
