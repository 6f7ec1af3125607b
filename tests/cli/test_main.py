"""How commands end whose output nobody takes, as processes: what Python itself says at exit is part of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
ANSWERS = "task,worker,label\n" + "".join(f"t{n},w{n % 7},l{n % 3}\n" for n in range(30_000))

needs_a_full_device = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    item = {"given_original_label": 1, "our_guessed_label": 2, "mturk": {"given": 3, "guessed": 2}}
    (tmp_path / "pets.json").write_text(json.dumps([item | {"id": number} for number in range(3)]))
    (tmp_path / "answers.csv").write_text(ANSWERS)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    home = Path(__file__).parents[2]
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(home), "LABELJURY_DATA_DIR": str(folder / "data")}


def labeljury(folder: Path, arguments: str, *, into: str = "") -> "subprocess.CompletedProcess[str]":
    """Run in a shell, so that redirections and pipes are the real ones."""
    shell = ["bash", "-o", "pipefail", "-c", f"'{sys.executable}' -m app.cli {arguments} {into}"]
    return subprocess.run(
        shell, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=240, check=False
    )


@needs_a_full_device
@pytest.mark.parametrize(
    "arguments",
    [
        "--version",
        "--help",
        "study import pets.json",
        "study import pets.json --json",
        "templates",
        "aggregate answers.csv --method plurality",  # more than a buffer
        "aggregate pets.csv --method plurality",
    ],
)
def test_output_that_cannot_be_written_is_one_message(folder: Path, arguments: str) -> None:
    (folder / "pets.csv").write_text("task,worker,label\n1,ada,cat\n")
    done = labeljury(folder, arguments, into="> /dev/full")
    assert done.returncode == 1
    *notes, last = done.stderr.splitlines()
    assert last == ("error: the output cannot be written: No space left on device; what there is of it is not whole"), (
        done.stderr
    )
    assert not [note for note in notes if "Traceback" in note or "Exception ignored" in note or "written to" in note]


@needs_a_full_device
def test_a_file_that_cannot_be_written_to_its_end_is_one_message(folder: Path) -> None:
    done = labeljury(folder, "aggregate answers.csv --method plurality --out full.csv")
    assert done.returncode == 0, done.stderr
    (folder / "full.csv").unlink()
    (folder / "full.csv").symlink_to(FULL)
    done = labeljury(folder, "aggregate answers.csv --method plurality --out full.csv")
    assert done.returncode == 1
    assert "cannot be written: No space left on device" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["study import pets.json --json", "aggregate answers.csv --method plurality"])
def test_a_reader_who_has_enough_ends_the_command_without_a_word(folder: Path, arguments: str) -> None:
    done = labeljury(folder, f"{arguments} 2> said", into="| head -1")
    said = (folder / "said").read_text()
    assert done.stderr == ""
    assert "Traceback" not in said
    assert "ignored" not in said
    assert "error" not in said
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", ["--version", "study import pets.json --json", "templates"])
def test_a_reader_who_is_gone_before_it_begins_ends_it_too(folder: Path, arguments: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "app.cli", *arguments.split()]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), stdout=write, stderr=subprocess.PIPE, timeout=240, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_command_without_standard_output_does_its_work(folder: Path) -> None:
    done = labeljury(folder, "study import pets.json --out items.csv", into=">&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert len((folder / "items.csv").read_text().splitlines()) == 4


def test_a_table_for_standard_output_that_is_closed_is_refused(folder: Path) -> None:
    done = labeljury(folder, "aggregate answers.csv --method plurality", into=">&-")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: -: cannot be written: standard output is closed"
