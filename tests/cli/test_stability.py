"""`labeljury stability`, on files, in this process."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import Typist, rita

__all__ = ["rita"]


@pytest.fixture
def benchmark(rita: Typist) -> list[str]:
    """Two hundred Items, twenty of them mislabelled; the parrot repeats given labels, the sage knows better."""
    rng = np.random.default_rng(5)
    given = rng.integers(0, 4, 200)
    corrected = np.where(np.arange(200) < 20, (given + 1) % 4, given)
    slips = np.arange(200) % 10 == 9
    for name, values in (("given", given), ("corrected", corrected), ("parrot", given)):
        np.save(f"{name}.npy", values)
    np.save("sage.npy", np.where(slips, (corrected + 2) % 4, corrected))
    return ["--labels", "given.npy", "--corrected", "corrected.npy", "--predictions", "parrot=parrot.npy"]


def test_models_are_scored_on_both_labels_and_pairs_that_turn_are_told(rita: Typist, benchmark: list[str]) -> None:
    files = ["--out", "m.csv", "--pairs", "p.csv", "--plot", "noise.svg"]
    assert rita.types("stability", *benchmark, "--predictions", "sage=sage.npy", *files) == 0, rita.complained
    assert "200 Items; 20 corrected, 0 dropped: 10.00% of those kept" in rita.complained
    assert "parrot" in rita.said
    with Path("m.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert (rows["parrot"]["given"], rows["parrot"]["corrected"]) == ("1", "0.9")
    with Path("p.csv").open(newline="") as file:
        pairs = list(csv.DictReader(file))
    assert {pairs[0]["ahead"], pairs[0]["behind"]} == {"parrot", "sage"}
    assert 'role="img"' in Path("noise.svg").read_text()


def test_a_model_is_called_by_the_bytes_of_a_name_that_is_no_utf8(rita: Typist, benchmark: list[str]) -> None:
    Path("sage.npy").rename(os.fsdecode(b"sag\xe9.npy"))
    named = ["--predictions", os.fsdecode(b"sag\xe9.npy"), "--out", "m.csv", "--plot", "noise.svg"]
    assert rita.types("stability", *benchmark, *named) == 0, rita.complained
    assert r"sag\xe9" in rita.said
    with Path("m.csv").open(newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["parrot", r"sag\xe9"]
    assert r"sag\xe9" in Path("noise.svg").read_text()


def test_columns_are_headed_by_what_they_count(rita: Typist, benchmark: list[str]) -> None:
    assert rita.types("stability", *benchmark) == 0, rita.complained
    assert "Given, changed" in rita.said
    assert "Corrected, changed" in rita.said
    assert "checked" not in rita.said.replace("--checked", "")
    assert "Changed: 20 Items with another label now; --checked tells which were looked at." in rita.said
    np.save("kept.npy", np.arange(190))
    np.save("corrected.npy", np.load("corrected.npy")[:190])
    np.save("looked.npy", np.arange(50))
    known = ["--checked", "looked.npy", "--kept", "kept.npy"]
    assert rita.types("stability", *benchmark, *known) == 0, rita.complained
    assert "200 Items, 60 checked; 20 corrected, 10 dropped" in rita.complained
    assert "Given, checked" in rita.said
    assert "On given: all 200 Items, the dropped ones too. On corrected: 190 Items not dropped." in rita.said
    assert "Checked: 50 Items that were checked and are not dropped. On mislabelled: 20 Items whose" in rita.said


def test_the_same_seed_gives_the_same_probabilities(rita: Typist, benchmark: list[str]) -> None:
    both = [*benchmark, "--predictions", "sage=sage.npy"]
    told = []
    for _ in range(2):
        assert rita.types("stability", *both, "--seed", "3", "--replicates", "200") == 0
        told.append(rita.said)
    assert told[0] == told[1]


def test_without_a_corrected_label_there_are_scores_and_no_noise(rita: Typist, benchmark: list[str]) -> None:
    benchmark[3] = "given.npy"
    assert rita.types("stability", *benchmark) == 0
    assert "no noise to vary" in rita.complained
    assert "parrot" in rita.said
    assert rita.types("stability", *benchmark, "--pairs", "p.csv") == 0
    assert rita.complained.endswith("no noise to vary. p.csv is not written.\n")
    np.save("one.npy", np.array([3]))
    assert rita.types("stability", *benchmark, "--checked", "one.npy") == 0
    assert "Checked: 1 Item that was checked and is not dropped." in rita.said
    assert rita.types("stability", *benchmark, "--plot", "noise.svg") == 1
    assert "no Item is mislabelled" in rita.complained


@pytest.mark.parametrize(
    "more",
    [
        ["--predictions", "n=n.csv", "--out", "n.csv"],
        ["--predictions", "n=n.csv", "--pairs", "./n.csv"],
        ["--checked", "n.csv", "--out", "n.csv"],
        ["--out", "x.csv", "--pairs", "x.csv"],
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(more: list[str], rita: Typist, benchmark: list[str]) -> None:
    table = "id,label\n" + "".join(f"{n},1\n" for n in range(200))
    Path("n.csv").write_text(table)
    assert rita.types("stability", *benchmark, *more) == 1
    assert "is read or written already" in rita.complained
    assert Path("n.csv").read_text() == table
    assert not Path("x.csv").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--predictions", "parrot=sage.npy"], "two models are called 'parrot'"),
        (["--predictions", "=x.npy"], "wanted MODEL=FILE"),
        (["--predictions", "x="], "'x=': wanted MODEL=FILE"),
        (["--classes", "cat,dog,"], "--classes: 'cat,dog,': the name of class 2 is empty"),
        (["--predictions", "x=absent.npy"], "absent.npy: cannot be read"),
        (["--plot", "noise.png"], "a plot is drawn as .svg"),
        (["--out", "models.xlsx"], "models.xlsx: the name must end in"),
    ],
)
def test_mistakes_are_named(more: list[str], message: str, rita: Typist, benchmark: list[str]) -> None:
    assert rita.types("stability", *benchmark, *more) == 1
    assert message in rita.complained
