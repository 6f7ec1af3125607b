from pathlib import Path

import numpy as np
import pytest

from app.errors import InvalidInput
from app.files.npy_arrays import read_array


def test_an_array_is_read_and_several_are_not_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(2))
    assert read_array(tmp_path / "a.npy").tolist() == [[1, 0], [0, 1]]
    np.savez(tmp_path / "several.npz", a=np.eye(2))
    (tmp_path / "several.npz").rename(tmp_path / "b.npy")
    with pytest.raises(InvalidInput, match=r"b\.npy: holds several arrays; wanted one"):
        read_array(tmp_path / "b.npy")


def test_objects_are_not_read_since_that_runs_code(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(
        InvalidInput, match=r"a\.npy: is no \.npy array of numbers or text: it holds Python objects; save"
    ):
        read_array(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"id,label\n1,2\n", "it does not begin as one"),
        (b"PK\x03\x04 broken", "it does not begin as one"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b" " * 65535, "it is damaged"),
        (b"\x93NUMPY\x01\x00\x01\x00{", "it is damaged"),
    ],
)
def test_numpys_advice_to_trust_the_file_is_not_passed_on(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_array(tmp_path / "a.npy")
    assert f"a.npy: is no .npy array of numbers or text: {reason}" in str(refused.value)
    assert "pickle" not in str(refused.value)


def test_a_header_that_promises_more_than_memory_holds_is_refused(tmp_path: Path) -> None:
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999,), }\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(InvalidInput, match=r"a\.npy: is too large to be read, or damaged: Unable to allocate"):
        read_array(tmp_path / "a.npy")
