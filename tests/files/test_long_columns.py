import pytest

from app.errors import InvalidInput
from app.files.long_columns import Role, find_columns, known_names, named_columns

ROLES = (Role.TASK, Role.WORKER, Role.LABEL)


@pytest.mark.parametrize(
    "columns",
    [
        ["task", "worker", "label"],
        ["Question", "WORKER_ID", "Answer"],
        ["item-id", "annotator", "response"],
        ["id", "x", "workerId", "annotation"],
    ],
)
def test_columns_are_known_by_the_names_that_people_use(columns: list[str]) -> None:
    assert set(find_columns(columns, ROLES, file="a.csv")) == set(ROLES)


def test_the_preferred_name_wins_where_two_columns_fit() -> None:
    found = find_columns(["id", "answer", "label", "task", "worker"], ROLES, file="a.csv")
    assert (found[Role.TASK], found[Role.LABEL]) == ("task", "label")


def test_missing_columns_are_named_with_what_was_found() -> None:
    with pytest.raises(InvalidInput) as refused:
        find_columns(["task", "colour"], ROLES, file="a.csv")
    assert "a.csv: columns are missing: worker (or annotator, " in str(refused.value)
    assert str(refused.value).endswith("Columns found: 'task', 'colour'")


def test_one_column_is_not_two() -> None:
    with pytest.raises(InvalidInput, match="--columns: names a column twice: task,task,label"):
        named_columns(["task", "label"], "task,task,label", ROLES, file="a.csv")


def test_columns_may_be_named() -> None:
    found = named_columns(["a", "b", "c"], "c, b,a", ROLES, file="x.csv")
    assert found == {Role.TASK: "c", Role.WORKER: "b", Role.LABEL: "a"}
    with pytest.raises(InvalidInput, match=r"x\.csv: no column 'd'\. Columns found: 'a', 'b', 'c'"):
        named_columns(["a", "b", "c"], "a,b,d", ROLES, file="x.csv")
    with pytest.raises(InvalidInput, match="names 2 columns; wanted task,worker,label"):
        named_columns(["a", "b", "c"], "a,b", ROLES, file="x.csv")


def test_a_help_text_can_tell_the_names() -> None:
    assert known_names().startswith("task: task, item, ")
