from pathlib import Path

import pytest

from app.domain.consensus.outcome import NONE_WON
from app.errors import InvalidInput
from app.files.long_answers import LongAnswers, Repeats, label_order, read_answers, read_families, read_truth

ANSWERS = "task,worker,label\nt2,ada,10\nt1,ada,9\nt2,bob,cat\nt2,ada,9\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "answers.csv").write_text(ANSWERS)
    return tmp_path / "answers.csv"


def triples(answers: LongAnswers) -> list[tuple[str, str, str]]:
    votes = answers.votes
    coded = zip(votes.item.tolist(), votes.worker.tolist(), votes.label.tolist(), strict=True)
    return [(answers.tasks[item], answers.workers[worker], answers.labels[label]) for item, worker, label in coded]


def test_answers_are_coded_tasks_in_order_labels_sorted(path: Path) -> None:
    found = read_answers(path)
    assert (found.tasks, found.workers, found.labels) == (["t2", "t1"], ["ada", "bob"], ["9", "10", "cat"])
    assert triples(found) == [("t2", "ada", "10"), ("t1", "ada", "9"), ("t2", "bob", "cat"), ("t2", "ada", "9")]


def test_numbers_are_sorted_by_value_and_stand_before_words() -> None:
    labels = ["nan", "b", "10", "9", "-1", "09", "9.5", "a", "inf"]
    assert sorted(labels, key=label_order) == ["-1", "09", "9", "9.5", "10", "a", "b", "inf", "nan"]


def test_repeated_pairs_all_count_unless_the_last_alone_is_wanted(path: Path) -> None:
    assert (len(read_answers(path).votes), read_answers(path).repeats) == (4, 1)
    last = read_answers(path, repeats=Repeats.LAST)
    assert triples(last) == [("t1", "ada", "9"), ("t2", "bob", "cat"), ("t2", "ada", "9")]
    with pytest.raises(InvalidInput, match="1 answer repeats a pair of task and worker"):
        read_answers(path, repeats=Repeats.REFUSE)


def test_empty_cells_are_refused_with_the_first_row(path: Path) -> None:
    path.write_text("task,worker,label\n1,ada,x\n1,bob,\n2,ada, \n,ada,x\n")
    with pytest.raises(InvalidInput) as refused:
        read_answers(path)
    assert [str(problem) for problem in refused.value.problems] == [
        "answers.csv: 1 cell of 'task' is empty; the first is in row 4",
        "answers.csv: 2 cells of 'label' are empty; the first is in row 2",
    ]


def test_free_text_as_labels_is_refused(path: Path) -> None:
    path.write_text("task,worker,label\n" + "".join(f"{n},ada,text {n}\n" for n in range(10_001)))
    with pytest.raises(
        InvalidInput, match="10,001 tasks × 10,001 labels are too many, 100,000,000 the most; is a label"
    ):
        read_answers(path)


def test_columns_may_be_named(path: Path) -> None:
    path.write_text("q,who,said\n1,ada,x\n")
    assert read_answers(path, columns="q,who,said").columns == ("q", "who", "said")


def test_known_labels_are_coded_and_what_is_passed_over_is_told(path: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.csv"
    gold.write_text("question,truth\nt2,9\nt9,9\nt1,eel\n")
    codes, notes = read_truth(gold, read_answers(path))
    assert codes.tolist() == [0, NONE_WON]
    assert notes == (
        "1 gold task was not answered",
        "1 gold label is none that a worker gave, and is passed over",
    )
    gold.write_text("task,label\nT1,9\n")
    with pytest.raises(InvalidInput, match=r"gold\.csv: none of its tasks was answered"):
        read_truth(gold, read_answers(path))
    gold.write_text("task,label\nt1,9\nt1,10\n")
    with pytest.raises(InvalidInput, match="task 't1' has two: '9' and '10'"):
        read_truth(gold, read_answers(path))


def test_families_are_numbered(path: Path, tmp_path: Path) -> None:
    families = tmp_path / "families.csv"
    families.write_text("worker,family\nbob,llama\nzoe,llama\n")
    assert read_families(families, read_answers(path)).tolist() == [-1, 0]
    families.write_text("worker,family\nzoe,llama\n")
    with pytest.raises(InvalidInput, match="none of its workers answered"):
        read_families(families, read_answers(path))
