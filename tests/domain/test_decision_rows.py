import pytest

from app.domain.decision_rows import DecisionRow, read_row
from app.errors import Problem


def row(approve: str = "", reject: str = "", assignment_id: str = "3ABC") -> DecisionRow | Problem | None:
    return read_row(4, {"AssignmentId": assignment_id, "Approve": approve, "Reject": reject})


def test_a_row_that_nobody_filled_in_decides_nothing() -> None:
    assert row() is None
    assert row(" ", "\t") is None


@pytest.mark.parametrize("x", ["x", "X", " x "])
def test_an_x_approves(x: str) -> None:
    assert row(x) == DecisionRow(4, "3ABC", True, "")


def test_a_reason_rejects() -> None:
    assert row(reject="All the same\r\nanswer ") == DecisionRow(4, "3ABC", False, "All the same\nanswer")


@pytest.mark.parametrize(
    ("approve", "reject", "assignment_id", "fault"),
    [
        ("x", "no", "3ABC", "both Approve and Reject"),
        ("yes", "", "3ABC", "'yes' is not x"),
        ("", "n" * 1025, "3ABC", "1,025 characters"),
        ("", "a\x00b", "3ABC", "control characters"),
        ("x", "", " ", "says whose work"),
    ],
)
def test_what_cannot_be_done_is_named_with_its_line(approve: str, reject: str, assignment_id: str, fault: str) -> None:
    found = row(approve, reject, assignment_id)
    assert isinstance(found, Problem)
    assert str(found).startswith("line 4")
    assert fault in str(found)
