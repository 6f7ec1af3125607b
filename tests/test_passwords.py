import pytest
from argon2 import PasswordHasher

from app import passwords


@pytest.mark.parametrize(
    "password", ["correct horse battery", "ключ от квартиры", "\x00" * 12, "half a character: \ud83d"]
)
def test_a_password_matches_its_own_hash_alone(password: str) -> None:
    stored = passwords.hashed(password)
    assert stored.startswith("$argon2id$")
    assert password not in stored
    assert passwords.matches(stored, password)
    assert not passwords.matches(stored, password + "x")
    assert not passwords.matches(stored, "")
    assert passwords.hashed(password) != stored  # salted


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_nobody_and_a_damaged_hash_match_nothing(stored: str | None) -> None:
    assert not passwords.matches(stored, "correct horse battery")


def test_no_password_is_drawn_twice() -> None:
    drawn = {passwords.draw() for _ in range(100)}
    assert len(drawn) == 100
    assert min(map(len, drawn)) >= passwords.SHORTEST_PASSWORD


def test_the_service_hashes_at_the_cost_that_rfc_9106_asks_for(slow_hasher: PasswordHasher) -> None:
    assert (slow_hasher.memory_cost, slow_hasher.time_cost) >= (64 * 1024, 3)
    assert slow_hasher.hash("a").startswith("$argon2id$")
