from app.domain.plurals import counted


def test_one_is_one_and_others_are_many() -> None:
    assert [counted(number, "row") for number in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
    assert [counted(number, "id is", "ids are") for number in (1, 2)] == ["1 id is", "2 ids are"]
