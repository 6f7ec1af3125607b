import threading

import pytest
from sqlalchemy import text

from app.db import endpoints
from app.db.endpoints import CREEP, SLOWEST_CALLS_PER_SECOND, Slots
from app.db.engine import Database

URL = "https://turk.example"


def reserve(database: Database, calls: int = 10, ceiling: float = 10.0, url: str = URL) -> Slots:
    with database.transaction() as db:
        return endpoints.reserve(db, url, calls=calls, ceiling=ceiling)


def slow_down(database: Database) -> None:
    with database.transaction() as db:
        endpoints.slow_down(db, URL)


def rate(database: Database) -> float:
    with database.transaction() as db:
        return float(db.execute(text("SELECT calls_per_second FROM endpoints")).scalar_one())


def age(database: Database, column: str, seconds: float) -> None:
    """As if it had happened earlier."""
    with database.transaction() as db:
        db.execute(text(f"UPDATE endpoints SET {column} = {column} - make_interval(secs => :s)"), {"s": seconds})


def due(database: Database, interval_s: float = 10) -> bool:
    with database.transaction() as db:
        return endpoints.due_for_poll(db, URL, interval_s=interval_s, ceiling=10)


def test_the_first_calls_start_at_once_and_keep_the_ceiling(database: Database) -> None:
    slots = reserve(database)
    assert slots.wait_s == pytest.approx(0, abs=0.05)
    assert slots.interval_s == pytest.approx(0.1)


def test_each_runner_gets_room_after_the_others(database: Database) -> None:
    reserve(database)
    waits = [reserve(database).wait_s for _ in range(3)]
    # 10 calls at 10 calls/s are a second; the database's clock goes on meanwhile.
    assert waits == pytest.approx([1, 2, 3], abs=0.3)


def test_runners_in_threads_never_get_the_same_room(database: Database) -> None:
    reserve(database, calls=1)
    ends: list[float] = []

    def take() -> None:
        for _ in range(5):
            with database.transaction() as db:
                endpoints.reserve(db, URL, calls=10, ceiling=10)
                ends.append(
                    float(db.execute(text("SELECT extract(epoch FROM next_call_at) FROM endpoints")).scalar_one())
                )

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == pytest.approx([min(ends) + number for number in range(20)], abs=0.01)


def test_room_that_was_not_used_is_not_saved_up(database: Database) -> None:
    reserve(database)
    age(database, "next_call_at", 3600)
    reserve(database)
    assert reserve(database).wait_s == pytest.approx(1, abs=0.2)


def test_endpoints_do_not_share_their_rate(database: Database) -> None:
    reserve(database, calls=1000)
    assert reserve(database, url="https://other.example").wait_s == pytest.approx(0, abs=0.05)


def test_a_throttle_answer_halves_the_rate(database: Database) -> None:
    reserve(database)
    slow_down(database)
    assert rate(database) == 5
    assert reserve(database).interval_s == pytest.approx(0.2)


def test_many_throttle_answers_in_one_second_halve_it_once(database: Database) -> None:
    reserve(database)
    threads = [threading.Thread(target=slow_down, args=(database,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rate(database) == 5
    age(database, "throttled_at", 1.5)
    slow_down(database)
    assert rate(database) == 2.5


def test_the_rate_never_stands_still(database: Database) -> None:
    reserve(database)
    for _ in range(12):
        slow_down(database)
        age(database, "throttled_at", 2)
    assert rate(database) == SLOWEST_CALLS_PER_SECOND


def test_the_rate_creeps_back_once_it_was_quiet_and_stops_at_the_ceiling(database: Database) -> None:
    reserve(database)
    slow_down(database)
    reserve(database)
    assert rate(database) == 5
    age(database, "throttled_at", 6)
    reserve(database)
    assert rate(database) == pytest.approx(5 * CREEP)
    for _ in range(40):
        reserve(database, calls=1)
    assert rate(database) == 10


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
