from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import InvalidInput
from app.files.label_counts import MOST_ANSWERS, count_columns
from app.files.long_answers import LongAnswers, read_answers_or_counts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.csv"


def read(path: Path, content: str) -> LongAnswers:
    path.write_text(content)
    return read_answers_or_counts(path)


def test_counts_are_read_tasks_in_order_and_labels_sorted(path: Path) -> None:
    found = read(path, "Item_ID,b,10,9,a\nt2,1,2,0,0\nt1,0,,3.0,007\n")
    assert (found.tasks, found.labels, found.columns) == (["t2", "t1"], ["9", "10", "a", "b"], ("Item_ID",))
    assert found.votes.counts().tolist() == [[0, 2, 0, 1], [3, 0, 7, 0]]
    assert (found.counted, found.workers) == (True, ())


def test_json_lines_and_parquet_may_leave_labels_out(tmp_path: Path) -> None:
    lines = '{"task": 1, "cat": 3}\n{"task": 2, "dog": 2, "cat": null}\n{"task": 3}\n'
    (tmp_path / "a.jsonl").write_text(lines)
    pq.write_table(
        pa.table({"task": [1, 2, 3], "cat": [3, None, None], "dog": [None, 2, None]}), tmp_path / "a.parquet"
    )
    for name in ("a.jsonl", "a.parquet"):
        found = read_answers_or_counts(tmp_path / name)
        assert found.votes.counts().tolist() == [[3, 0], [0, 2], [0, 0]], name


def test_one_row_an_answer_is_read_as_ever(path: Path) -> None:
    found = read(path, "task,worker,label,seconds,note\n1,ada,cat,3,x\n")
    assert (found.counted, found.workers, len(found.votes)) == (False, ["ada"], 1)
    assert found.passed_over == ("seconds", "note")


def test_counts_beside_single_answers_are_refused(path: Path) -> None:
    for content in (
        "task,worker,label,cat,dog\n1,ada,cat,3,0\n2,ada,dog,,2\n",
        "task,worker,label, Cat\n1,ada,cat,3\n",
    ):
        with pytest.raises(
            InvalidInput, match=r"counts\.csv: has single answers and, in ('Cat'|'cat', 'dog'), counts of the"
        ):
            read(path, content)
    path.with_suffix(".jsonl").write_text('{"task": 1, "worker": "ada", "label": "cat", "cat": 2}\n')
    with pytest.raises(InvalidInput, match="read the single answers alone: --columns task,worker,label"):
        read_answers_or_counts(path.with_suffix(".jsonl"))
    assert not read_answers_or_counts(path.with_suffix(".jsonl"), columns="task,worker,label").passed_over


@pytest.mark.parametrize("cells", ["0.5,1", "yes,no", ","])
def test_columns_named_like_labels_that_hold_no_counts_are_passed_over(path: Path, cells: str) -> None:
    found = read(path, f"task,worker,label,cat,dog\n1,ada,cat,{cells}\n2,ada,dog,x,x\n")
    assert found.passed_over == ("cat", "dog")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("task,cat,dog\n1,2.5,0\n2,1,x\n", "1 cell of 'cat' is no whole number from 0, the first in row 1: '2.5'"),
        ("task,cat,dog\n1,2.5,0\n2,1,x\n", "1 cell of 'dog' is no whole number from 0, the first in row 2: 'x'"),
        ("task,cat,dog\n1,-1,0\n", "the first in row 1: '-1'"),
        ("task,cat,dog\n1,1e3,nan\n", "the first in row 1: '1e3'"),
        ("task,cat,dog\n1,²,0\n", "the first in row 1: '²'"),
        ("task,cat,url\n1,2,http://a\n", "every column but the task is a label"),
        ("task,cat,dog\n1,2,0\n1,1,0\n", "1 task has counts in several rows, such as '1'; add them up first"),
        ("task,cat,dog\n,2,0\n", "1 row of counts has no task"),
        ("task,cat,dog,votes\n1,2,0,2\n", "'votes' is no label: leave totals out"),
        ("task,cat,dog,Total\n1,2,0,2\n", "'Total' is no label: leave totals out"),
        ("task,cat,dog,n\n" + "".join(f"{n},{n},1,{n + 1}\n" for n in range(10)), "'n' is in every row the sum of"),
        ("id,task,cat,dog\n7,a,2,0\n", "'id' is no label: a file of counts names its tasks once, here in 'task'"),
        ("task_id,task,cat\n7,a,2\n", "'task' is no label: a file of counts names its tasks once, here in 'task_id'"),
        (",task,cat,dog\n0,a,2,0\n", "'' is no label but what pandas calls the numbers of rows"),
        ("Unnamed: 0,task,cat\n0,a,2\n", "'Unnamed: 0' is no label but what pandas"),
        ("task,cat,__index_level_0__\na,2,0\n", "'__index_level_0__' is no label but what pandas"),
        ("task,cat,dog\n1,2,99999999999999999999999999\n", "answers, more than 50,000,000: is a column no label"),
        ("task,worker,cat,dog\n1,ada,1,0\n", "has a column of workers ('worker') and none of labels"),
        ("task,label,cat,dog\n1,cat,1,0\n", "has a column of labels ('label') and none of workers"),
        ("task,label,count\n1,cat,3\n", "has a column of labels ('label') and none of workers"),
        ("task,label\n1,cat\n", "columns are missing: worker"),
        ("picture,cat,dog\n1,2,0\n", "columns are missing: task"),
        (
            "task,worker,label,cat,dog\n1,ada,cat,,\n2,,,3,2\n",
            "1 row has neither worker nor label, the first is row 2",
        ),
    ],
)
def test_what_are_no_counts_and_what_is_both_is_refused(content: str, reason: str, path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(path, content)
    assert reason in str(refused.value)
    assert "counts.csv" in str(refused.value)


def test_rows_of_both_forms_in_json_lines_are_refused_whichever_comes_first(tmp_path: Path) -> None:
    answer, counts = '{"task": 1, "worker": "ada", "label": "cat"}', '{"task": 2, "cat": 3, "dog": 2}'
    for rows in ([answer, counts], [counts, answer], [counts] * 1001 + [answer]):
        (tmp_path / "a.jsonl").write_text("\n".join(rows))
        with pytest.raises(InvalidInput, match="counts and single answers cannot stand in one file"):
            read_answers_or_counts(tmp_path / "a.jsonl")


def test_a_header_of_counts_has_a_task_and_labels_alone() -> None:
    assert count_columns(["task", "cat"], file="f") == {"task": "task", "cat": "cat"}
    for header in (["task"], ["cat", "dog"], ["task", "worker", "label"], ["task", "worker", "label", "cat"]):
        assert count_columns(header, file="f") is None


def test_too_many_tasks_or_answers_are_refused(path: Path) -> None:
    labels = [f"l{n}" for n in range(1001)]
    table = pa.table({"task": pa.array(range(100_000)), **dict.fromkeys(labels, pa.nulls(100_000, pa.int8()))})
    pq.write_table(table, path.with_suffix(".parquet"))
    with pytest.raises(InvalidInput, match="100,000 tasks × 1,001 labels are too many"):
        read_answers_or_counts(path.with_suffix(".parquet"))
    with pytest.raises(InvalidInput, match="counts 50,000,001 answers"):
        read(path, f"task,cat,dog\n1,{MOST_ANSWERS},1\n")


def test_a_label_that_happens_to_be_the_sum_of_others_is_one_in_a_few_rows_or_beside_one_other(path: Path) -> None:
    few = "task,cat,dog,ox\n" + "".join(f"{n},1,1,2\n" for n in range(9))
    assert read(path, few).labels == ["cat", "dog", "ox"]
    assert read(path, "task,cat,dog\n" + "".join(f"{n},2,2\n" for n in range(20))).labels == ["cat", "dog"]


def test_half_a_character_is_no_name_of_a_label(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(r'{"task": 1, "cat": 2, "\ud83d": 1}')
    with pytest.raises(InvalidInput, match=r"a\.jsonl: has a name with half a character in it: '\\ud83d'"):
        read_answers_or_counts(tmp_path / "a.jsonl")
