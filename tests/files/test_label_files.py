from pathlib import Path

import numpy as np
import pytest

from app.domain.correction_rules import CorrectionRules, Fate
from app.domain.corrections import changes_of
from app.domain.study_sets import StudyItem
from app.errors import InvalidInput
from app.files.label_files import changes_table, labels_table, read_labels


def test_numbers_and_texts_are_read(tmp_path: Path) -> None:
    for labels in (np.array([1, 2], dtype=np.uint16), np.array(["a", "b"])):
        np.save(tmp_path / "labels.npy", labels)
        assert read_labels(tmp_path / "labels.npy").tolist() == labels.tolist()


@pytest.mark.parametrize(
    "labels", [np.zeros((2, 2), dtype=int), np.array([0.5]), np.array([[1], [1, 2]], dtype=object)]
)
def test_what_is_not_one_label_an_item_is_refused(labels: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", labels, allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"^labels\.npy: "):
        read_labels(tmp_path / "labels.npy")


@pytest.mark.parametrize("content", [b"", b"id,label\n", b"\x93NUMPY\x01\x00"])
def test_what_is_no_array_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.npy").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"labels\.npy: is no \.npy array of numbers or text"):
        read_labels(tmp_path / "labels.npy")
    with pytest.raises(InvalidInput, match=r"absent\.npy: cannot be read"):
        read_labels(tmp_path / "absent.npy")


def test_ids_are_numbers_only_where_all_are() -> None:
    assert labels_table([1, 2], ["a", "b"]).to_pydict() == {"id": [1, 2], "label": ["a", "b"]}
    assert labels_table([1, "2"], [7, 8]).to_pydict() == {"id": ["1", "2"], "label": [7, 8]}
    assert labels_table([10**30], [1]).to_pydict()["id"] == ["1" + "0" * 30]


def test_a_change_tells_rule_reason_and_votes() -> None:
    rules = CorrectionRules(unresolved=Fate.DROP)
    items = [StudyItem(7, 3, 4, (1, 4, 0, 0), {}), StudyItem(8, 3, 4, (0, 1, 0, 4), {})]
    first, second = changes_table(changes_of(items, rules), rules).to_pylist()
    assert first == {
        "id": 7,
        "given": 3,
        "corrected": 4,
        "category": "correctable",
        "rule": "majority; categories; quorum 3; multi-label keep; unresolved drop",
        "reason": "4 of 5 answers say the guessed label is right",
        "votes": "given 1, guessed 4",
        "answers": 5,
    }
    assert (second["corrected"], second["reason"]) == (None, "dropped: neither label is right")
