"""The brake on guessing: by name, by address, for a quarter of an hour."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.marketplace import throttling

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_name_is_closed_to_an_address_after_five_failures_and_open_again_when_they_are_past(db: Session) -> None:
    ada = throttling.guessers("requester", "ada", "192.0.2.1")
    for number in range(throttling.FAILURES_PER_NAME):
        assert throttling.wait_s(db, ada, NOW) == 0
        throttling.note_failure(db, ada, NOW + timedelta(seconds=number))
    now = NOW + timedelta(minutes=1)
    assert throttling.wait_s(db, ada, now) == 14 * 60 + 1
    assert throttling.wait_s(db, throttling.guessers("requester", "bob", "192.0.2.1"), now) == 0
    assert throttling.wait_s(db, throttling.guessers("worker", "ada", "192.0.2.1"), now) == 0
    assert throttling.wait_s(db, throttling.guessers("requester", "ada", "192.0.2.2"), now) == 0  # she, not the guesser
    assert throttling.wait_s(db, ada, NOW + timedelta(minutes=16)) == 0


def test_an_address_that_tries_many_names_is_closed_for_all(db: Session) -> None:
    for number in range(throttling.FAILURES_PER_ADDRESS):
        throttling.note_failure(db, throttling.guessers("requester", f"name-{number}", "192.0.2.1"), NOW)
    assert throttling.wait_s(db, throttling.guessers("requester", "ada", "192.0.2.1"), NOW) > 0
    assert throttling.wait_s(db, throttling.guessers("requester", "ada", "192.0.2.2"), NOW) == 0


def test_many_addresses_together_close_a_name(db: Session) -> None:
    for number in range(throttling.FAILURES_FROM_ANYWHERE):
        guesser = throttling.guessers("requester", "ada", f"192.0.2.{number % 200}")
        throttling.note_failure(db, guesser, NOW)
    assert throttling.wait_s(db, throttling.guessers("requester", "ada", "198.51.100.1"), NOW) > 0
    assert throttling.wait_s(db, throttling.guessers("requester", "bob", "198.51.100.1"), NOW) == 0


def test_the_right_password_forgives_the_name_not_the_address(db: Session) -> None:
    ada = throttling.guessers("requester", "ada", "192.0.2.1")
    for _ in range(4):
        throttling.note_failure(db, ada, NOW)
    throttling.forgive(db, next(iter(ada)))
    for _ in range(4):
        throttling.note_failure(db, ada, NOW)
    assert throttling.wait_s(db, ada, NOW) == 0


def test_endless_names_fit(db: Session) -> None:
    endless = throttling.guessers("requester", "x" * 5000, "y" * 5000)
    throttling.note_failure(db, endless, NOW)
    assert throttling.wait_s(db, endless, NOW) == 0
