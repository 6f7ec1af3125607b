from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.domain.correction_rules import Fate
from app.errors import InvalidInput
from app.files.benchmark import BenchmarkFiles, read_benchmark

GIVEN = np.array([0, 1, 2, 0, 1])
CORRECTED = np.array([0, 1, 2, 1, 2])


@pytest.fixture
def files(tmp_path: Path) -> BenchmarkFiles:
    """Five Items of three classes, two of them corrected, and one model that says what is given."""
    np.save(tmp_path / "given.npy", GIVEN)
    np.save(tmp_path / "corrected.npy", CORRECTED)
    np.save(tmp_path / "parrot.npy", GIVEN)
    return BenchmarkFiles(tmp_path / "given.npy", tmp_path / "corrected.npy", {"parrot": tmp_path / "parrot.npy"})


def written(files: BenchmarkFiles, name: str, text: str) -> Path:
    path = files.labels.with_name(name)
    path.write_text(text)
    return path


def test_arrays_are_taken_in_their_order(files: BenchmarkFiles) -> None:
    found = read_benchmark(files)
    assert found.labels.corrected.tolist() == CORRECTED.tolist()
    assert found.labels.checked.tolist() == [False, False, False, True, True]
    assert not found.checks_known
    assert (found.predictions.models, found.predictions.class_count) == (("parrot",), 3)


def test_a_shorter_array_says_which_positions_it_holds(files: BenchmarkFiles) -> None:
    np.save(files.corrected, CORRECTED[:4])
    with pytest.raises(InvalidInput, match=r"corrected\.npy: holds 4 labels, the test set 5; name the positions"):
        read_benchmark(files)
    np.save(files.corrected.with_name("corrected.kept.npy"), np.arange(4))
    labels = read_benchmark(files).labels
    assert labels.kept.tolist() == [True] * 4 + [False]


def test_a_table_of_some_items_leaves_the_others_as_they_are_or_drops_them(files: BenchmarkFiles) -> None:
    table = written(files, "labels-7.csv", "id,given_label,label,votes\n3,0,1,guessed 3\n0,0,0,given 3\n4,1,,\n")
    read = read_benchmark(replace(files, corrected=table))
    labels = read.labels
    assert read.checks_known
    assert labels.mislabelled.tolist() == [False, False, False, True, False]
    assert labels.checked.tolist() == [True, False, False, True, True]
    assert labels.kept.tolist() == [True, True, True, True, False]
    dropping = read_benchmark(replace(files, corrected=table, absent=Fate.DROP)).labels
    assert dropping.kept.tolist() == [True, False, False, True, False]


def test_words_are_classes_by_name(files: BenchmarkFiles) -> None:
    given = written(files, "given.csv", "id,label\na,cat\nb,dog\nc,cat\n")
    corrected = written(files, "corrected.csv", "id,label\nb,cat\n")
    model = written(files, "model.csv", "id,prediction\nc,dog\na,cat\nb,cat\n")
    found = read_benchmark(BenchmarkFiles(given, corrected, {"model": model}))
    assert found.labels.given.tolist() == [0, 1, 0]
    assert found.predictions.classes[:, 0].tolist() == [0, 0, 1]
    strange = written(files, "strange.csv", "id,prediction\nc,ox\na,cat\nb,cat\n")
    with pytest.raises(InvalidInput, match=r"strange\.csv: 'ox' is no class number; classes are cat, dog"):
        read_benchmark(BenchmarkFiles(given, corrected, {"model": strange}))


def test_probabilities_stand_for_the_most_probable_class(files: BenchmarkFiles) -> None:
    shares = np.eye(3)[GIVEN]
    shares[0] = [0.5, 0.5, 0.0]
    np.save(files.labels.with_name("p.npy"), shares)
    found = read_benchmark(replace(files, predictions={"p": files.labels.with_name("p.npy")}))
    assert found.predictions.classes[:, 0].tolist() == GIVEN.tolist()
    assert found.notes == ("p: 1 Item has two most probable classes; the lower number was taken",)


def test_who_was_checked_can_be_told(files: BenchmarkFiles) -> None:
    np.save(files.labels.with_name("checked.npy"), np.array([1, 3, 4]))
    by_array = read_benchmark(replace(files, checked=files.labels.with_name("checked.npy")))
    by_table = read_benchmark(replace(files, checked=written(files, "checked.csv", "id\n1\n3\n4\n")))
    for found in (by_array, by_table):
        assert found.labels.checked.tolist() == [False, True, False, True, True]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,label\n9,1\n", r"1 id is not in the test set, such as '9'"),
        ("id,label\n1,1\n1,2\n", r"1 id is listed twice"),
        ("id,label\n1,ox\n", r"'ox' is no class number; name the classes with --classes"),
    ],
)
def test_corrected_labels_that_do_not_fit_are_refused(table: str, message: str, files: BenchmarkFiles) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_benchmark(replace(files, corrected=written(files, "c.csv", table)))


def test_predictions_of_unknown_missing_or_too_few_items_are_refused(files: BenchmarkFiles) -> None:
    model = written(files, "m.csv", "id,label\n0,1\n1,1\n2,1\n3,1\n9,1\n")
    with pytest.raises(InvalidInput, match=r"1 Item is not in the test set .*: 9") as refused:
        read_benchmark(replace(files, predictions={"m": model}))
    assert "1 Item has no prediction" in str(refused.value)
    np.save(files.labels.with_name("short.npy"), GIVEN[:3])
    with pytest.raises(InvalidInput, match=r"short\.npy: predicts 3 Items, the test set has 5"):
        read_benchmark(replace(files, predictions={"s": files.labels.with_name("short.npy")}))
    with pytest.raises(InvalidInput, match="wanted at least one model"):
        read_benchmark(replace(files, predictions={}))


def test_probabilities_have_a_column_for_each_class_that_labels_have(files: BenchmarkFiles) -> None:
    path = files.labels.with_name("p9.npy")
    np.save(path, np.eye(2)[GIVEN % 2])
    with pytest.raises(
        InvalidInput, match=r"p9\.npy: has 2 columns of probabilities, .* have classes from 0 to 2; wanted a"
    ):
        read_benchmark(replace(files, predictions={"p": path}))
    np.save(path, np.eye(5)[GIVEN])
    assert read_benchmark(replace(files, predictions={"p": path})).notes == ()
    with pytest.raises(
        InvalidInput, match=r"has 5 columns of probabilities, .* from 0 to 2 and 3 have names: --classes names all"
    ):
        read_benchmark(replace(files, predictions={"p": path}, classes=["ant", "bee", "cat"]))


def test_a_predicted_class_that_no_label_has_is_named_with_how_often(files: BenchmarkFiles) -> None:
    path = files.labels.with_name("far.npy")
    np.save(path, np.array([0, 7, 7, 12, 1]))
    found = read_benchmark(replace(files, predictions={"far": path}))
    said = "far: predicts what no label has: class 7 (2 times), class 12 (once); that counts as wrong"
    assert found.notes == (said,)
    listed = read_benchmark(replace(files, predictions={"far": path}, classes=[f"c{n}" for n in range(13)]))
    assert listed.notes == ()


def test_an_empty_cell_is_named_as_one(files: BenchmarkFiles) -> None:
    labels = written(files, "given.csv", "id,label\n0,cat\n1,\n2,\n3,dog\n4,dog\n")
    model = written(files, "model.csv", "id,label\n0,0\n1,1\n2,1\n3,\n4,2\n")
    with pytest.raises(InvalidInput, match=r"given\.csv: 2 cells have no label \(empty\), the first in row 2"):
        read_benchmark(replace(files, labels=labels))
    with pytest.raises(InvalidInput, match=r"model\.csv: 1 cell has no label \(empty\), the first in row 4"):
        read_benchmark(replace(files, predictions={"m": model}))


@pytest.mark.parametrize(("name", "what"), [("numbers", "class numbers"), ("shares", "probabilities")])
def test_where_labels_are_words_somebody_must_say_which_number_is_which(
    files: BenchmarkFiles, name: str, what: str
) -> None:
    """A model that is always right would else be scored by the alphabet: 0 %."""
    labels = files.labels.with_name("words.npy")
    np.save(labels, np.array(["dog", "cat", "dog"]))
    np.save(files.labels.with_name("numbers.npy"), np.array([0, 1, 0]))
    np.save(files.labels.with_name("shares.npy"), np.eye(2)[[0, 1, 0]])
    model = files.labels.with_name(f"{name}.npy")
    with pytest.raises(
        InvalidInput, match=rf"{name}\.npy: holds {what}, and labels are words \(cat, dog\): give --classes"
    ):
        read_benchmark(BenchmarkFiles(labels, labels, {"m": model}))
    found = read_benchmark(BenchmarkFiles(labels, labels, {"m": model}, ["dog", "cat"]))
    assert found.predictions.classes[:, 0].tolist() == found.labels.given.tolist()


def test_a_number_in_a_table_is_no_class_where_labels_are_words(files: BenchmarkFiles) -> None:
    labels = written(files, "words.csv", "id,label\na,dog\nb,cat\n")
    model = written(files, "m.csv", "id,prediction\na,0\nb,1\n")
    with pytest.raises(InvalidInput, match=r"m\.csv: '0' is no class number; classes are cat, dog"):
        read_benchmark(BenchmarkFiles(labels, labels, {"m": model}))


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_number_that_no_array_holds_is_no_class(files: BenchmarkFiles, digits: int) -> None:
    model = written(files, "m.csv", "id,prediction\n" + "".join(f"{n},{'9' * digits}\n" for n in range(5)))
    with pytest.raises(InvalidInput, match=r"m\.csv: '9{19,40}' is no class number"):
        read_benchmark(replace(files, predictions={"m": model}))
