"""`labeljury aggregate`, in this process, on files alone."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.cli.aggregate import RepeatedAnswers
from app.domain.consensus.methods import METHODS
from app.files.long_answers import Repeats
from tests.cli.test_commands import Typist

ANSWERS = "task,worker,label\n" + "".join(
    f"{task},{worker},{label}\n"
    for task, labels in {"007": "yes yes no", "008": "no no no", "009": "yes no"}.items()
    for worker, label in zip(("ada", "bob", "mallory"), labels.split(), strict=False)
)


@pytest.fixture
def rita(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Typist:
    monkeypatch.chdir(tmp_path)
    Path("answers.csv").write_text(ANSWERS)
    return Typist(monkeypatch, capfd)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("method", [method.name for method in METHODS if not method.needs_pred_probs])
def test_every_method_labels_every_task_with_probabilities(rita: Typist, method: str) -> None:
    assert rita.types("aggregate", "answers.csv", "--method", method, "--quorum", "1") == 0, rita.complained
    rows = rows_of(rita.said)
    assert list(rows[0]) == ["task", "label", "p_no", "p_yes"]
    assert [row["task"] for row in rows] == ["007", "008", "009"]
    assert rows[1]["label"] == "no"
    assert all(abs(float(row["p_no"]) + float(row["p_yes"]) - 1) < 1e-9 for row in rows)


def test_the_formats_go_by_the_names(rita: Typist) -> None:
    assert rita.types("aggregate", "answers.csv", "--out", "a.jsonl", "--workers", "w.parquet") == 0
    assert [json.loads(line)["task"] for line in Path("a.jsonl").read_text().splitlines()] == ["007", "008", "009"]
    assert pq.read_table("w.parquet").column_names[:4] == ["worker", "answers", "accuracy", "agreement"]
    assert rita.said == ""


def test_what_is_noteworthy_stands_on_standard_error(rita: Typist) -> None:
    assert rita.types("aggregate", "answers.csv", "--method", "plurality", "--out", "a.csv") == 0
    assert "8 answers by 3 workers on 3 tasks, 2 labels (columns task, worker, label)" in rita.complained
    assert "1 tie broken by lot, seed 0" in rita.complained
    assert "plurality: 3 tasks written to a.csv" in rita.complained


def test_a_model_breaks_no_tie_of_the_answers(rita: Typist) -> None:
    answers = "".join(f"t{n},ada,yes\nt{n},bob,no\n" for n in range(60))
    Path("tied.csv").write_text(f"task,worker,label\nsure,ada,yes\nsure,bob,yes\n{answers}")
    model = "".join(f"t{n},0.99,0.01\n" for n in range(60))
    Path("model.csv").write_text(f"task,p_no,p_yes\nsure,0.01,0.99\n{model}")
    assert rita.types("aggregate", "tied.csv", "--method", "crowdlab", "--pred-probs", "model.csv") == 0
    assert 15 < [row["label"] for row in rows_of(rita.said)].count("yes") < 45
    assert "60 ties broken by lot" in rita.complained


def test_a_model_that_the_method_does_not_ask_is_said_to_be_unused(rita: Typist) -> None:
    Path("model.csv").write_text("task,p_no,p_yes\n007,0.1,0.9\n008,0.9,0.1\n009,0.5,0.5\n")
    assert rita.types("aggregate", "answers.csv", "--pred-probs", "model.csv") == 0
    assert "jury takes no model for a rater: --pred-probs is not used; --method crowdlab does" in rita.complained


@pytest.mark.parametrize(
    "options", [("--out", "answers.csv"), ("--out", "a.csv", "--workers", "./a.csv"), ("--workers", "-")]
)
def test_nothing_is_written_over_what_is_read_or_written(rita: Typist, options: tuple[str, ...]) -> None:
    assert rita.types("aggregate", "answers.csv", *options) == 1
    assert "is read or written already" in rita.complained
    assert rita.said == ""
    assert Path("answers.csv").read_text() == ANSWERS
    assert not Path("a.csv").exists()


def test_ties_stay_open_where_that_is_asked(rita: Typist) -> None:
    assert rita.types("aggregate", "answers.csv", "--method", "plurality", "--ties", "empty") == 0
    assert [row["label"] for row in rows_of(rita.said)] == ["yes", "no", ""]
    assert "1 task without a label" in rita.complained


def test_known_labels_calibrate_and_measure_workers(rita: Typist) -> None:
    Path("gold.csv").write_text("task,label\n007,yes\n008,no\n")
    assert rita.types("aggregate", "answers.csv", "--gold", "gold.csv", "--workers", "w.csv", "--out", "a.csv") == 0
    with Path("w.csv").open(newline="") as file:
        assert [(row["worker"], row["gold_accuracy"]) for row in csv.DictReader(file)] == [
            ("ada", "1"),
            ("bob", "1"),
            ("mallory", "0.5"),
        ]


def test_a_model_may_be_a_further_rater(rita: Typist) -> None:
    Path("model.csv").write_text("task,p_no,p_yes\n007,0.1,0.9\n008,0.9,0.1\n009,0.2,0.8\n")
    assert rita.types("aggregate", "answers.csv", "--method", "crowdlab", "--pred-probs", "model.csv") == 0
    assert "a model took part as a rater" in rita.complained


def test_workers_of_one_family_are_one_voice(rita: Typist) -> None:
    Path("families.csv").write_text("worker,family\nada,f\nbob,f\n")
    options = ("--method", "plurality", "--families", "families.csv", "--ties", "empty")
    assert rita.types("aggregate", "answers.csv", *options) == 0
    assert rows_of(rita.said)[0]["label"] == ""


@pytest.mark.filterwarnings("ignore")  # crowd-kit and pandas 3 do not agree yet
def test_crowd_kits_methods_go_by_their_names(rita: Typist) -> None:
    pytest.importorskip("crowdkit")
    assert rita.types("aggregate", "answers.csv", "--method", "crowdkit:DawidSkene") == 0
    assert [row["label"] for row in rows_of(rita.said)][:2] == ["yes", "no"]
    assert rita.types("aggregate", "answers.csv", "--method", "crowdkit:Guess") == 1


def test_without_a_quorum_there_is_no_label_whatever_is_said_of_ties(rita: Typist) -> None:
    assert rita.types("aggregate", "answers.csv", "--method", "quorum", "--ties", "seeded") == 0
    assert [row["label"] for row in rows_of(rita.said)] == ["", "no", ""]


def test_repeated_pairs_are_told(rita: Typist) -> None:
    Path("answers.csv").write_text(ANSWERS + "007,ada,no\n")
    assert rita.types("aggregate", "answers.csv") == 0
    assert "1 answer repeats a pair" in rita.complained
    assert list(RepeatedAnswers) == [choice.value for choice in Repeats]


def test_one_worker_is_enough_and_told(rita: Typist) -> None:
    Path("answers.csv").write_text("task,worker,label\n1,ada,x\n2,ada,y\n")
    assert rita.types("aggregate", "answers.csv") == 0
    assert [row["label"] for row in rows_of(rita.said)] == ["x", "y"]
    assert "one worker gave all answers" in rita.complained


def test_methods_are_listed_without_a_file(rita: Typist) -> None:
    assert rita.types("aggregate", "--list-methods") == 0
    assert "(default)" in rita.said


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("answers.csv", "--method", "guess"), "no consensus method 'guess'; there are "),
        (("answers.csv", "--out", "a.xlsx"), "a.xlsx: the name must end in one of"),
        (("absent.csv",), "absent.csv: cannot be read"),
        (("answers.csv", "--columns", "task,worker"), "names 2 columns; wanted task,worker,label"),
    ],
)
def test_what_cannot_be_done_is_refused(rita: Typist, options: tuple[str, ...], reason: str) -> None:
    assert rita.types("aggregate", *options) == 1
    assert reason in rita.complained
    assert rita.said == ""


COUNTS = "task,no,yes\n007,1,2\n008,3,0\n009,1,1\n010,0,0\n"


@pytest.mark.parametrize(
    ("options", "labels"), [((), ["yes", "no", "no", ""]), (("--method", "quorum"), ["", "no", "", ""])]
)
def test_counts_are_aggregated_by_methods_that_need_no_workers(
    rita: Typist, options: tuple[str, ...], labels: list[str]
) -> None:
    Path("counts.csv").write_text(COUNTS)
    assert rita.types("aggregate", "counts.csv", *options) == 0, rita.complained
    rows = rows_of(rita.said)
    assert list(rows[0]) == ["task", "label", "p_no", "p_yes"]
    assert [row["label"] for row in rows] == labels
    assert "counts of 8 answers on 4 tasks (column task), 2 labels: no, yes" in rita.complained
    assert "1 task without any answer: no label" in rita.complained
    assert ("1 tie broken by lot" in rita.complained) is (not options)


def test_counts_and_the_answers_behind_them_give_the_same(rita: Typist) -> None:
    Path("counts.csv").write_text("".join(COUNTS.splitlines(keepends=True)[:4]))
    assert rita.types("aggregate", "answers.csv", "--method", "plurality") == 0
    of_answers = rita.said
    assert rita.types("aggregate", "counts.csv", "--method", "majority") == 0
    assert rita.said == of_answers


@pytest.mark.parametrize("method", [method.name for method in METHODS if method.judges_workers])
def test_methods_that_weigh_workers_refuse_counts_by_name(rita: Typist, method: str) -> None:
    Path("counts.csv").write_text(COUNTS)
    assert rita.types("aggregate", "counts.csv", "--method", method) == 1
    assert rita.said == ""
    assert (
        f"{method} weighs Workers by how they answer elsewhere, and counts do not say who answered" in rita.complained
    )
    assert "take quorum or plurality" in rita.complained


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--workers", "w.csv"), "--workers: counts do not say who answered: leave it out"),
        (("--families", "answers.csv"), "--families: counts do not say who answered: leave it out"),
        (("--method", "crowdkit:MajorityVote"), "crowd-kit wants task, worker and label, not counts"),
    ],
)
def test_what_needs_workers_is_refused_for_counts(rita: Typist, options: tuple[str, ...], reason: str) -> None:
    Path("counts.csv").write_text(COUNTS)
    assert rita.types("aggregate", "counts.csv", *options) == 1
    assert reason in rita.complained


def test_a_file_of_counts_and_of_answers_is_refused(rita: Typist) -> None:
    Path("both.csv").write_text("task,worker,label,no,yes\n1,ada,yes,,\n2,,,1,2\n")
    assert rita.types("aggregate", "both.csv") == 1
    assert "both.csv: 1 row has neither worker nor label, the first is row 2: counts and single" in rita.complained


def test_columns_that_are_not_read_are_named(rita: Typist) -> None:
    Path("more.csv").write_text("task,worker,label,seconds\n1,ada,a,3\n2,bob,b,4\n")
    assert rita.types("aggregate", "more.csv") == 0
    assert "columns passed over: 'seconds'" in rita.complained
    Path("both.csv").write_text("task,worker,label,a,b\n1,ada,a,2,1\n2,bob,b,0,1\n")
    assert rita.types("aggregate", "both.csv") == 1
    assert "both.csv: has single answers and, in 'a', 'b', counts of the same labels" in rita.complained


def test_a_method_with_a_model_says_which_option_brings_it(rita: Typist) -> None:
    assert rita.types("aggregate", "answers.csv", "--method", "crowdlab") == 1
    assert "crowdlab needs a model's probabilities: give --pred-probs FILE (task,p_<label>…)" in rita.complained


def test_what_is_passed_over_of_a_model_is_told(rita: Typist) -> None:
    Path("model.csv").write_text("task,p_no,p_yes,p_x\n007,0.1,0.6,0.3\n008,1,0,0\n009,0.5,0.5,0\n010,0,1,0\n")
    assert rita.types("aggregate", "answers.csv", "--method", "crowdlab", "--pred-probs", "model.csv") == 0
    assert "model.csv: 1 task was not answered, and passed over\n" in rita.complained
    assert "model.csv: no worker gave the label of p_x with 10.0% of the probability; left out" in rita.complained


def test_labels_that_differ_only_by_case_or_outer_spaces_are_told(rita: Typist) -> None:
    Path("alike.csv").write_text("task,worker,label\n1,ada,Yes\n1,bob,yes\n2,ada, yes\n2,bob,no\n")
    assert rita.types("aggregate", "alike.csv") == 0
    told = "labels differ only by case or outer spaces, and count as different ones: ' yes', 'Yes', 'yes'\n"
    assert told in rita.complained
    assert rita.types("aggregate", "answers.csv") == 0
    assert "differ only" not in rita.complained


def test_links_that_go_round_in_a_circle_are_named(rita: Typist) -> None:
    Path("circle.csv").symlink_to("circle.csv")
    for more in (["circle.csv"], ["answers.csv", "--gold", "circle.csv"], ["answers.csv", "--out", "circle.csv"]):
        assert rita.types("aggregate", *more) == 1, more
        assert "circle.csv: cannot be " in rita.complained
        assert "Too many levels of symbolic links" in rita.complained


@pytest.mark.parametrize("rows", ['1,ada,"cat\n1,bob,dog"\n', '1,"ada,cat\n1,bob",dog\n'])
def test_a_quote_that_may_have_taken_rows_in_is_told(rita: Typist, rows: str) -> None:
    Path("a.csv").write_text(f"task,worker,label\n{rows}2,eve,cat\n")
    assert rita.types("aggregate", "a.csv") == 0
    assert "goes over several lines: where a quote is closed too late, the rows between are lost" in rita.complained
    assert rita.types("aggregate", "answers.csv") == 0
    assert "several lines" not in rita.complained


def test_the_help_names_the_columns_of_probabilities(rita: Typist) -> None:
    """In angle brackets they would be taken for HTML and left out."""
    assert rita.types("aggregate", "--help") == 0
    assert rita.said.count("p_LABEL") == 2
