"""Who uses the embedded PostgreSQL, and where."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.db import embedded
from tests.db.embedded_people import (
    NORMAL_USER,
    Person,
    wait_until,
)


@pytest.fixture
def ours() -> Person:
    return Person()


@pytest.fixture
def normal_user() -> Person:
    if os.geteuid() != 0:
        return Person()
    return Person(pwd.getpwnam(NORMAL_USER).pw_uid)


@pytest.fixture(params=["ours", "normal_user"])
def person(request: pytest.FixtureRequest) -> Person:
    if request.param == "normal_user" and os.geteuid() != 0:
        pytest.skip("we are a normal user already")
    who = request.getfixturevalue(request.param)
    assert isinstance(who, Person)
    return who


@pytest.fixture
def folder_of() -> Iterator[Callable[[Person], Path]]:
    """Makes a new, absent folder under a folder that belongs to the person alone."""
    made: list[Path] = []

    def make(person: Person) -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="labeljury-test-")))
        if person.uid is not None:
            os.chown(made[-1], person.uid, person.uid)
        return made[-1] / "postgres"

    yield make
    for folder in made:
        _remove(folder)


def _remove(folder: Path) -> None:
    wait_until(lambda: embedded.is_running(folder / "postgres") is None)
    shutil.rmtree(folder)
