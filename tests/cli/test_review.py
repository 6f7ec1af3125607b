"""`labeljury review …` on held work that is in the database; the marketplace is not needed to decide."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from tests.api.test_review import held
from tests.cli.test_commands import Typist, drafted, rita

__all__ = ["rita"]


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    with Session(database.engine, expire_on_commit=False) as session:
        yield session


def test_what_waits_is_listed_with_its_evidence(rita: Typist, db: Session) -> None:
    batch, work = held(db)
    assert rita.types("review", "list", str(batch.id)) == 0, rita.complained
    assert (
        "3 Assignments undecided, 3 of them held for you; the first is paid by itself at 2026-11-23 12:00 UTC."
        in rita.said
    )
    assert f"{work[0].id}  {work[0].marketplace_assignment_id}  W-0  submitted" in rita.said
    assert "given (right: guessed) [cat / dog]" in rita.said
    assert "A1SECRET" not in rita.said
    assert rita.types("batch", "status", str(batch.id)) == 0
    assert f"labeljury review list {batch.id}" in rita.said


def test_whoever_creates_a_batch_says_how_long_work_may_wait_for_a_decision(rita: Typist, db: Session) -> None:
    number = drafted(rita, "--review", "hold", "--days-until-approval", "30")
    delay_s = db.scalar(text("SELECT auto_approval_delay_s FROM batches WHERE id = :id"), {"id": int(number)})
    assert delay_s == 30 * 86_400
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--days-until-approval", "31") == 1
    assert "use 0 seconds to 30 days" in rita.complained


def test_work_is_rejected_approved_and_soft_rejected(rita: Typist, db: Session) -> None:
    batch, work = held(db)
    number = str(batch.id)
    assert rita.types("review", "reject", number, str(work[0].id), "--because", "Wrong on a gold Item.") == 0
    assert "1 Assignment rejected" in rita.said
    assert rita.types("review", "soft-reject", number, work[1].marketplace_assignment_id) == 0
    assert rita.types("review", "approve", number, "--held") == 0
    kinds = db.execute(text("SELECT kind FROM operations ORDER BY assignment_id")).scalars().all()
    assert kinds == ["reject", "approve", "approve"]
    assert rita.types("review", "approve", number, "--held") == 1
    assert "no held work of any Worker" in rita.complained


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("approve", "1"), 2, "name Assignments"),
        (("approve", "1", "5", "--held"), 2, "name Assignments"),
        (("reject", "1", "5"), 2, "--because"),
        (("reject", "1", "5", "--because", " "), 1, "say why"),
        (("approve", "1", "4711"), 1, "Assignment 4711 does not exist"),
        (("override", "1", "--worker", "W-0"), 1, "no rejected work of W-0"),
        (("list", "1", "--only", "some"), 2, "not_counted"),
        (("drop", "1", "W-nobody", "--reason", "x"), 1, "labeljury review workers"),
        (("workers", "4711"), 1, "Batch 4711 does not exist"),
    ],
)
def test_what_cannot_be_done_says_why(
    rita: Typist, db: Session, arguments: tuple[str, ...], status: int, said: str
) -> None:
    batch, work = held(db)
    typed = [{"1": str(batch.id), "5": str(work[0].id)}.get(word, word) for word in arguments]
    assert rita.types("review", *typed) == status
    assert said in rita.complained


def test_workers_are_shown_dropped_and_restored(rita: Typist, db: Session) -> None:
    batch, _ = held(db, quorum=2)
    number = str(batch.id)
    assert rita.types("review", "workers", number) == 0
    assert "0/1" in rita.said
    assert rita.types("review", "drop", number, "W-2", "--reason", "guessing", "--dry-run") == 0
    assert "would be dropped" in rita.said
    assert rita.types("review", "drop", number, "W-2", "--reason", "guessing") == 0
    assert "item-" in rita.said
    assert "correctable → non-agreement (2 answers)" in rita.said
    assert db.execute(text("SELECT category FROM consensus")).scalar_one() == "non-agreement"
    db.rollback()
    assert rita.types("review", "workers", number) == 0
    assert "dropped" in rita.said
    assert rita.types("review", "restore", number, "W-2") == 0
    assert db.execute(text("SELECT category FROM consensus")).scalar_one() == "correctable"


def test_a_batch_is_created_with_a_policy_and_a_faulty_one_is_named(rita: Typist, db: Session) -> None:
    drafted(rita, "--review", "agreement:0.7,after=10")
    assert db.execute(text("SELECT review_policy, review_settings ->> 'after' FROM batches")).one() == (
        "agreement",
        "10",
    )
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--review", "gold:90") == 1
    assert "--review: the share of right answers" in rita.complained
