"""`labeljury study …`, in this process, on files alone."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import Typist

ITEMS = [
    {
        "id": number,
        "given_original_label": number,
        "our_guessed_label": 9,
        "mturk": {"given": given, "guessed": guessed, "both": both, "neither": 5 - given - guessed - both},
    }
    for number, (given, guessed, both) in enumerate([(5, 0, 0), (0, 5, 0), (1, 4, 0), (1, 0, 4), (2, 2, 0)])
]


@pytest.fixture
def rita(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Typist:
    monkeypatch.chdir(tmp_path)
    Path("pets_mturk.json").write_text(json.dumps(ITEMS))
    np.save("labels.npy", np.arange(6, dtype=np.uint8))
    return Typist(monkeypatch, capfd)


def test_the_table_as_json_is_all_that_stands_on_standard_output(rita: Typist) -> None:
    assert rita.types("study", "import", "pets_mturk.json", "--json") == 0
    assert json.loads(rita.said) == [
        {
            "dataset": "pets",
            "checked": 5,
            "non_errors": 1,
            "errors": 4,
            "non_agreement": 1,
            "correctable": 2,
            "multi_label": 1,
            "neither": 0,
        }
    ]
    assert rita.complained == ""


def test_the_table_for_people_has_a_line_of_totals_for_several_files(rita: Typist) -> None:
    Path("more.json").write_text(json.dumps(ITEMS[:1]))
    assert rita.types("study", "import", "pets_mturk.json", "more.json") == 0
    lines = [line.split() for line in rita.said.splitlines() if line.strip()]
    assert lines[0][:4] == ["dataset", "checked", "non-errors", "errors"]
    assert [line[:4] for line in lines[1:]] == [
        ["pets", "5", "1", "4"],
        ["more", "1", "1", "0"],
        ["total", "6", "2", "4"],
    ]


def test_every_item_is_written_where_a_file_is_named(rita: Typist) -> None:
    assert rita.types("study", "import", "pets_mturk.json", "--out", "items.csv") == 0
    with Path("items.csv").open(newline="") as file:
        assert [row["consensus_label"] for row in csv.DictReader(file)] == ["0", "9", "9", "", ""]


def test_the_items_want_a_file_of_their_own(rita: Typist) -> None:
    assert rita.types("study", "import", "pets_mturk.json", "--json", "--out", "-") == 2
    assert rita.said == ""


def test_a_faulty_file_is_named_and_nothing_stands_on_standard_output(rita: Typist) -> None:
    Path("bad.json").write_text(json.dumps([{**ITEMS[0], "mturk": {"given": 2.5}}]))
    assert rita.types("study", "import", "pets_mturk.json", "bad.json", "--json") == 1
    assert rita.said == ""
    assert "bad.json, item 1 (id 0): mturk: 'given' is 2.5; a count is a whole number" in rita.complained


def test_unanswered_items_are_told_and_not_counted(rita: Typist) -> None:
    Path("new.json").write_text(json.dumps([*ITEMS[:1], {**ITEMS[1], "mturk": {"given": 0, "guessed": 0}}]))
    assert rita.types("study", "import", "new.json", "--json") == 0
    assert json.loads(rita.said)[0]["checked"] == 1
    assert rita.complained == "new: 1 Item without any answer, not counted as checked: id 1.\n"


def test_of_many_unanswered_items_a_few_are_named(rita: Typist) -> None:
    nobody = [{**ITEMS[0], "id": f"n{number}", "mturk": {}} for number in range(7)]
    Path("new.json").write_text(json.dumps([*ITEMS, *nobody]))
    assert rita.types("study", "import", "new.json", "--json") == 0
    assert [json.loads(rita.said)[0][name] for name in ("checked", "non_errors", "errors")] == [5, 1, 4]
    said = "new: 7 Items without any answer, not counted as checked: id n0, n1, n2, n3, n4 and 2 more.\n"
    assert rita.complained == said


@pytest.mark.parametrize("command", [("import",), ("correct", "--out", "fixed.csv")])
def test_an_item_that_is_in_the_file_again_is_told_and_counts_once(rita: Typist, command: tuple[str, ...]) -> None:
    Path("new.json").write_text(json.dumps([*ITEMS, ITEMS[1]]))
    assert rita.types("study", *command, "new.json") == 0
    assert "new: 1 Item more than once in the file, alike, counted once: id 1.\n" in rita.complained


def test_items_of_one_id_that_differ_are_refused_by_place(rita: Typist) -> None:
    Path("new.json").write_text(json.dumps([*ITEMS, {**ITEMS[1], "mturk": {"given": 5}}]))
    assert rita.types("study", "import", "new.json", "--json") == 1
    assert rita.said == ""
    assert "new.json, item 6 (id 1): has the id of item 2 and differs from it in mturk" in rita.complained


def test_labels_are_corrected_in_an_array_with_the_changes_beside_it(rita: Typist) -> None:
    assert rita.types("study", "correct", "pets_mturk.json", "--labels", "labels.npy", "--out", "fixed.npy") == 0
    assert np.load("fixed.npy").tolist() == [0, 9, 9, 3, 4, 5]
    assert np.load("fixed.kept.npy").tolist() == [0, 1, 2, 3, 4, 5]
    with Path("fixed.changes.csv").open(newline="") as file:
        changes = list(csv.DictReader(file))
    assert [(row["id"], row["given"], row["corrected"], row["votes"]) for row in changes] == [
        ("1", "1", "9", "guessed 5"),
        ("2", "2", "9", "given 1, guessed 4"),
    ]
    assert "2 labels of 6 corrected; fixed.changes.csv tells each change" in rita.complained


def test_dropped_items_are_left_out_of_the_array(rita: Typist) -> None:
    options = ("--multi-label", "drop", "--rule", "unanimous")
    command = ("study", "correct", "pets_mturk.json", "--labels", "labels.npy", "--out", "fixed.npy", *options)
    assert rita.types(*command) == 0
    assert np.load("fixed.npy").tolist() == [0, 9, 2, 4, 5]
    assert np.load("fixed.kept.npy").tolist() == [0, 1, 2, 4, 5]


def test_without_an_array_the_files_own_items_are_written(rita: Typist) -> None:
    assert rita.types("study", "correct", "pets_mturk.json", "--out", "fixed.csv", "--unresolved", "drop") == 0
    assert Path("fixed.csv").read_text() == "id,label\n0,0\n1,9\n2,9\n3,3\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--out", "x.npy"), "needs the dataset's given labels"),
        (("--out", "x.xlsx"), "the name must end in one of"),
        (("--out", "x.npy", "--labels", "absent.npy"), "absent.npy: cannot be read"),
        (("--out", "x.csv", "--classes", "cat,dog"), "--classes: is for an array of numbers: name it with --labels"),
    ],
)
def test_what_cannot_be_written_is_refused(rita: Typist, options: tuple[str, ...], reason: str) -> None:
    assert rita.types("study", "correct", "pets_mturk.json", *options) == 1
    assert reason in rita.complained


def test_label_sets_are_corrected_by_name(rita: Typist) -> None:
    sounds = {"id": 2, "given_original_labels": ["a"], "our_guessed_labels": ["b"], "mturk": {"a": 1, "b": 4}}
    Path("sounds.json").write_text(json.dumps([sounds]))
    assert rita.types("study", "correct", "sounds.json", "--out", "fixed.csv") == 0
    assert Path("fixed.csv").read_text() == 'id,label\n2,"[""b""]"\n'
    assert rita.types("study", "correct", "sounds.json", "--out", "fixed.npy") == 1
    assert "cannot hold label sets" in rita.complained


def test_a_file_that_cannot_be_written_is_named(rita: Typist) -> None:
    Path("folder.csv").mkdir()
    for out, reason in (("absent/x.csv", "No such file or directory"), ("folder.csv", "is a folder")):
        assert rita.types("study", "import", "pets_mturk.json", "--out", out) == 1
        assert f"{out}: cannot be written: {reason}" in rita.complained
    assert [path.name for path in Path().iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(("labels", "out"), [("labels.npy", "labels.npy"), ("new.kept.npy", "new.npy")])
def test_given_labels_are_never_overwritten(rita: Typist, labels: str, out: str) -> None:
    given = np.arange(6, dtype=np.uint8)
    np.save(labels, given)
    assert rita.types("study", "correct", "pets_mturk.json", "--labels", labels, "--out", out) == 1
    assert f"{labels}: is read or written already" in rita.complained
    assert np.load(labels).tolist() == given.tolist()


def test_the_files_read_are_never_overwritten_by_what_is_made_of_them(rita: Typist) -> None:
    was = Path("pets_mturk.json").read_text()
    Path("pets.csv").write_text(was)
    Path("fine.changes.csv").write_text(was)
    assert rita.types("study", "import", "pets.csv", "--out", "./pets.csv") == 1
    assert "is read or written already" in rita.complained
    assert rita.types("study", "correct", "fine.changes.csv", "--out", "fine.csv") == 1
    assert "fine.changes.csv: is read or written already" in rita.complained
    assert Path("pets.csv").read_text() == Path("fine.changes.csv").read_text() == was


def test_a_name_that_is_no_utf8_is_shown_and_written_by_its_bytes(rita: Typist) -> None:
    name = os.fsdecode(b"caf\xe9_mturk.json")
    Path(name).write_text(json.dumps(ITEMS))
    out = os.fsdecode(b"caf\xe9.csv")
    assert rita.types("study", "import", name, "--out", out) == 0, rita.complained
    assert rita.said.splitlines()[1].split()[:2] == [r"caf\xe9", "5"]
    assert {row["dataset"] for row in csv.DictReader(Path(out).read_text().splitlines())} == {r"caf\xe9"}
    assert rita.types("study", "import", name, "--json") == 0
    assert json.loads(rita.said)[0]["dataset"] == r"caf\xe9"


def test_a_name_that_looks_like_markup_is_shown_as_it_is(rita: Typist) -> None:
    Path("pets[bold]2.json").write_text(json.dumps(ITEMS))
    assert rita.types("study", "import", "pets[bold]2.json") == 0
    assert rita.said.splitlines()[1].split()[0] == "pets[bold]2"


def test_a_file_given_twice_is_refused(rita: Typist) -> None:
    assert rita.types("study", "import", "pets_mturk.json", "./pets_mturk.json") == 1
    assert "pets_mturk.json: is given more than once, and would count as often" in rita.complained
    assert rita.said == ""


def test_a_misspelt_answer_is_refused_with_what_it_may_mean(rita: Typist) -> None:
    Path("new.json").write_text(json.dumps([*ITEMS, {**ITEMS[1], "id": 9, "mturk": {"gessed": 5}}]))
    assert rita.types("study", "import", "new.json") == 1
    assert "new.json, item 6 (id 9): mturk: unknown answer 'gessed' (did you mean 'guessed'?); known" in rita.complained


@pytest.mark.parametrize("command", [("import",), ("correct", "--out", "fixed.csv")])
def test_a_misspelt_class_is_told(rita: Typist, command: tuple[str, ...]) -> None:
    votes = {"negative": 2, "positive": 1, "Positiv": 2, "neutral": 1, "mixed": 1}
    item = {"id": 1, "given_original_label": "Negative", "our_guessed_label": "Positive", "mturk": votes}
    Path("new.json").write_text(json.dumps([item]))
    assert rita.types("study", *command, "new.json") == 0
    said = "new: answers that are no Item's label, and count as other answers: 'positiv' (did you mean 'positive'?) 2 times."
    assert rita.complained.splitlines()[0] == said
    assert rita.types("study", *command, "new.json", "--other-answer", "positiv") == 0
    assert "did you mean" not in rita.complained


def test_numbers_beside_votes_by_words_want_their_names(rita: Typist) -> None:
    Path("words.json").write_text(json.dumps([{**ITEMS[0], "mturk": {"cat": 3, "dog": 2}}]))
    assert rita.types("study", "import", "words.json") == 1
    said = (
        "the given label 0 is none of the answers ('cat', 'dog'): it is a number and they are words; give what people"
    )
    assert f"{said} call it as given_original_label_name" in rita.complained


def test_links_that_go_round_in_a_circle_are_named(rita: Typist) -> None:
    Path("circle.json").symlink_to("circle.json")
    assert rita.types("study", "import", "circle.json") == 1
    assert rita.complained == "error: circle.json: cannot be read: Too many levels of symbolic links\n"
