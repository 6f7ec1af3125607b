from collections import Counter

from app.domain.vocabulary import Choice
from app.questions.order import order_for


def test_both_and_neither_stay_last() -> None:
    orders = {order_for(f"3ASSIGNMENT{number}", 1) for number in range(50)}
    assert orders == {
        (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER),
        (Choice.B, Choice.A, Choice.BOTH, Choice.NEITHER),
    }


def test_an_assignment_always_sees_the_same_order() -> None:
    assert order_for("3XJOUITW8URHJMX7F00H20LGRIAQTX", 3) == order_for("3XJOUITW8URHJMX7F00H20LGRIAQTX", 3)


def test_the_sides_alternate_from_item_to_item() -> None:
    assert [order_for("3A", position)[0] for position in (1, 2, 3)] in (["a", "b", "a"], ["b", "a", "b"])


def test_over_many_assignments_either_label_comes_first_equally_often() -> None:
    firsts = Counter(order_for(f"3{number * 7919:029X}", 1)[0] for number in range(10_000))
    assert 4_800 < firsts[Choice.A] < 5_200


def test_the_hash_is_fnv_1a() -> None:
    # Published values: "" 811c9dc5, "a" e40c292c, "foobar" bf9cf968; odd, even, even.
    assert [order_for(text, 1)[0] for text in ("", "a", "foobar")] == ["a", "b", "b"]
