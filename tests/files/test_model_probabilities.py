import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from app.errors import InvalidInput
from app.files.long_answers import LongAnswers, read_answers
from app.files.model_probabilities import read_probabilities


@pytest.fixture
def answers(tmp_path: Path) -> LongAnswers:
    (tmp_path / "answers.csv").write_text("task,worker,label\n02,ada,cat\n01,bob,dog\n")
    return read_answers(tmp_path / "answers.csv")


def test_rows_follow_the_tasks_and_columns_the_labels(answers: LongAnswers, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("p_dog,task,label,p_cat\n0.25,01,dog,0.75\n1,02,,0\n0,03,x,1\n")
    shares, notes = read_probabilities(tmp_path / "p.csv", answers)
    assert shares.tolist() == [[0, 1], [0.75, 0.25]]
    assert notes == ("p.csv: 1 task was not answered, and passed over",)
    table = pa.table({"task": ["01", "02"], "p_cat": [0.5, 1.0], "p_dog": [0.5, 0.0]})
    pq.write_table(table, tmp_path / "p.parquet")
    assert read_probabilities(tmp_path / "p.parquet", answers)[0].tolist() == [[1, 0], [0.5, 0.5]]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_may_have_a_name_that_is_no_utf8(suffix: str, answers: LongAnswers, tmp_path: Path) -> None:
    table = pa.table({"task": ["01", "02"], "p_cat": [0.5, 1.0], "p_dog": [0.5, 0.0]})
    path = tmp_path / (os.fsdecode(b"caf\xe9") + suffix)
    with path.open("wb") as file:
        pq.write_table(table, file) if suffix == ".parquet" else pa_csv.write_csv(table, file)
    assert read_probabilities(path, answers)[0].tolist() == [[1, 0], [0.5, 0.5]]


def test_classes_that_no_worker_named_are_left_out(answers: LongAnswers, tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text("task\tp_cat\tp_dog\tp_eel\n01\t0.2\t0.2\t0.6\n02\t0.5\t0.5\t0\n")
    shares, notes = read_probabilities(tmp_path / "p.tsv", answers)
    assert shares.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    (note,) = notes
    assert note.startswith("p.tsv: no worker gave the label of p_eel with 30.0% of the probability; left out")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("task,p_cat\n01,1\n02,1\n", "p.csv: has no column p_dog; wanted one for each label"),
        ("task,p_cat,p_dog\n01,0.5,0.5\n", "lacks 1 of the tasks that were answered, such as '02'"),
        ("task,p_cat,p_dog\n01,0.5,0.5\n01,1,0\n02,1,0\n", "1 task comes twice, such as '01'"),
        ("task,p_cat,p_dog\n01,0.5,0.6\n02,nan,1\n", "2 rows are no probabilities, which"),
        (
            "task,p_cat,p_dog\n01,1,0\n02,-1,2\n",
            "1 row is no probabilities, which are from 0 on and sum to 1; the first is of task '02': -1, 2",
        ),
        ("task,p_cat,p_dog\n01,-1,2\n02,,1\n", "2 rows are no probabilities"),
        ("task,p_cat,p_dog,p_x\n01,0,0,1\n02,1,0,0\n", "gives 1 task, such as '01', no chance of any label"),
        ("task,p_cat,p_dog\n01,a,b\n", "cannot be read"),
        ("task,p_cat,p_dog,p_dog\n01,1,0,0\n02,1,0,0\n", "names a column twice in its header: 'p_dog'"),
        ("x,p_cat,p_dog\n01,1,0\n", "columns are missing: task"),
    ],
)
def test_what_is_no_table_of_probabilities_is_refused(
    content: str, reason: str, answers: LongAnswers, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(InvalidInput) as refused:
        read_probabilities(tmp_path / "p.csv", answers)
    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_named(answers: LongAnswers, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"p\.csv: cannot be read: No such file"):
        read_probabilities(tmp_path / "p.csv", answers)


def test_words_in_parquet_are_no_probabilities(answers: LongAnswers, tmp_path: Path) -> None:
    pq.write_table(pa.table({"task": ["01", "02"], "p_cat": ["a", "b"], "p_dog": [0, 1]}), tmp_path / "p.parquet")
    with pytest.raises(InvalidInput, match=r"p\.parquet: cannot be read: .* as a scalar of type double"):
        read_probabilities(tmp_path / "p.parquet", answers)


def test_a_pipe_is_refused_rather_than_waited_for(answers: LongAnswers, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.csv")
    writer = os.open(tmp_path / "p.csv", os.O_RDWR)  # else the reader would wait for one
    with pytest.raises(InvalidInput, match=r"p\.csv: is a pipe, which can be read only once"):
        read_probabilities(tmp_path / "p.csv", answers)
    os.close(writer)
