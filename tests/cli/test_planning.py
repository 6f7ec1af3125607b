"""`labeljury plan`, from a Batch and from files, in this process."""

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from app.db.engine import Database
from tests.cli.test_commands import Typist, rita
from tests.pipeline.answered import answered_batch

__all__ = ["rita"]


@pytest.fixture
def pilot(rita: Typist) -> str:
    """A pilot of sixty Items by eight Workers."""
    rng = np.random.default_rng(2)
    lines = ["task,worker,label"]
    for task in range(60):
        usual = rng.choice(["given", "guessed"], p=[0.7, 0.3])
        for worker in rng.permutation(8)[:5]:
            word = usual if rng.random() < 0.85 else rng.choice(["given", "guessed", "both", "neither"])
            lines.append(f"{task},w{worker},{word}")
    Path("pilot.csv").write_text("\n".join(lines) + "\n")
    return "pilot.csv"


def test_alternatives_and_the_cheapest_are_shown_and_written(rita: Typist, pilot: str) -> None:
    assert rita.types("plan", pilot, "--width", "0.1", "--reward", "0.05", "--out", "plan.csv") == 0, rita.complained
    assert "Cheapest: " in rita.said
    with Path("plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answers"] for row in rows] == ["3", "5", "7", "9"]
    assert [row["cheapest"] for row in rows].count("true") == 1
    assert all(float(row["width"]) <= 0.1 for row in rows if row["items"])


def test_a_misspelt_answer_of_the_pilot_is_told(rita: Typist, pilot: str) -> None:
    assert rita.types("plan", pilot, "--width", "0.1", "--reward", "0.05") == 0
    assert rita.complained == ""
    Path(pilot).write_text(Path(pilot).read_text().replace(",guessed\n", ",gessed\n", 3))
    assert rita.types("plan", pilot, "--width", "0.1", "--reward", "0.05") == 0
    said = (
        "pilot.csv: 3 answers are not known and count as none of the four: 'gessed' (did you mean 'guessed'?) 3 times"
    )
    assert said in rita.complained


def test_what_cannot_be_reached_is_said(rita: Typist, pilot: str) -> None:
    assert rita.types("plan", pilot, "--width", "0.01", "--reward", "0.05", "--workers", "9", "--suspects", "50") == 0
    assert "never" in rita.said
    assert "None of these reaches it" in rita.said
    assert rita.types("plan", pilot, "--width", "0.2", "--reward", "0.05", "--least-same-again", "1") == 0
    assert "None that reaches it gives verdicts that another panel would repeat so often" in rita.said


def test_a_batch_brings_its_reward(rita: Typist, database: Database) -> None:
    with database.transaction() as db:
        number = str(answered_batch(db, *["given given guessed"] * 4, *["guessed guessed guessed"] * 3).id)
    assert rita.types("plan", number, "--width", "0.3", "--answers", "3") == 0, rita.complained
    assert "at $0.05 a HIT" in rita.said


def test_a_batch_of_masters_brings_their_fee(rita: Typist, database: Database) -> None:
    words = [*["given given guessed"] * 4, *["guessed guessed guessed"] * 3]
    with database.transaction() as db:
        number = str(answered_batch(db, *words, reward_usd=Decimal("0.50"), masters=True).id)
    assert rita.types("plan", number, "--width", "0.3", "--answers", "3", "--out", "plan.csv") == 0, rita.complained
    with Path("plan.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert Decimal(row["fee_usd"]) / Decimal(row["reward_usd"]) == Decimal("0.13") / Decimal("0.50")


def test_a_pilot_in_which_nobody_answered_twice_says_what_it_does_not_show(rita: Typist) -> None:
    answers = [
        f"{task},w{task}{worker},{word}"
        for task in range(20)
        for worker, word in enumerate(("given", "guessed", "given"))
    ]
    Path("p.csv").write_text("\n".join(["task,worker,label", *answers]))
    assert rita.types("plan", "p.csv", "--width", "0.2", "--reward", "0.05") == 0
    assert "does not show how Workers differ" in rita.complained


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--width", "0.1"], "a file does not say what a HIT pays"),
        (["--width", "2", "--reward", "0.05"], "wanted a width between 0 and 1"),
        (["--width", "0.1", "--reward", "much"], "'much' is no amount"),
        (["--width", "0.1", "--reward", "0.001"], "has parts of a cent"),
        (["--width", "0.1", "--reward", "0.05", "--answers", "3,x"], "wanted whole numbers from 1 to 99"),
        (["--width", "0.1", "--reward", "0.05", "--answers", "9" * 5000], "wanted whole numbers from 1 to 99"),
        (
            ["--width", "0.1", "--reward", "0.05", "--answers-per-worker", "inf"],
            "--answers-per-worker: inf: wanted a number from 1 on",
        ),
        (["--width", "0.1", "--reward", "0.05", "--workers", "2"], "2 Workers cannot give an Item 9 answers"),
    ],
)
def test_mistakes_are_named(options: list[str], message: str, rita: Typist, pilot: str) -> None:
    assert rita.types("plan", pilot, *options) == 1
    assert message in rita.complained


def test_a_batch_without_answers_says_so(rita: Typist, database: Database) -> None:
    with database.transaction() as db:
        number = str(answered_batch(db, "", "").id)
    assert rita.types("plan", number, "--width", "0.1") == 1
    assert "error: " in rita.complained
    assert rita.types("plan", "404", "--width", "0.1") == 1
    assert "Batch 404 does not exist" in rita.complained


def test_a_plan_is_never_written_over_its_pilot(rita: Typist, pilot: str) -> None:
    was = Path(pilot).read_text()
    assert rita.types("plan", pilot, "--width", "0.1", "--reward", "0.05", "--out", pilot) == 1
    assert "pilot.csv: is read or written already" in rita.complained
    assert Path(pilot).read_text() == was
