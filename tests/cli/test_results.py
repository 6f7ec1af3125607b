"""Files that appear only when they are whole."""

import os
import stat
from pathlib import Path

import pytest

from app.cli.results import whole_file
from app.errors import InvalidInput


def test_a_file_that_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(TypeError), whole_file(target) as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    """As /dev/null does, which root could otherwise replace by a file."""
    target = tmp_path / "pipe"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDWR)
    with whole_file(target) as file:
        file.write(b"all")
    assert os.read(reader, 10) == b"all"
    os.close(reader)
    assert stat.S_ISFIFO(target.stat().st_mode)


def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "a.csv", tmp_path / "latest.csv"
    target.write_text("old")
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written: is a folder"), whole_file(tmp_path):
        pass


def test_links_that_go_round_in_a_circle_are_no_file(tmp_path: Path) -> None:
    link = tmp_path / "a.csv"
    link.symlink_to(link)
    with pytest.raises(InvalidInput, match="cannot be written: Too many levels of symbolic links"), whole_file(link):
        pass
    assert link.is_symlink()
