from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.files.answer_options import read_option_votes


def test_labels_are_the_four_options_then_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("task,worker,label\n1,a,Guessed\n1,b,neutral\n2,a,given\n")
    votes, notes = read_option_votes(tmp_path / "a.csv")
    assert votes.counts().tolist() == [[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]
    assert notes == ()


def test_answers_that_are_not_known_are_told_with_what_they_may_mean(tmp_path: Path) -> None:
    rows = "1,a,Guessed\n1,b,gessed\n2,a,gessed\n2,b,off_topic\n3,a,dunno\n"
    (tmp_path / "a.csv").write_text(f"task,worker,label\n{rows}")
    _, notes = read_option_votes(tmp_path / "a.csv")
    assert notes == (
        "a.csv: 3 answers are not known and count as none of the four: 'gessed' (did you mean 'guessed'?) 2 times, 'dunno' 1"
        " time; known are given, guessed, both, neither, neutral, off-topic",
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [("1,a,cat\n", "labels are 'cat'; wanted given, guessed"), ("1,a,given\n1,a,both\n", "repeats a pair")],
)
def test_other_files_are_refused(rows: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"task,worker,label\n{rows}")
    with pytest.raises(InvalidInput, match=message):
        read_option_votes(tmp_path / "a.csv")
