"""A plan made again after a restored backup is the plan that was made before, whatever else is planned with it."""

from sqlalchemy import text

from app.domain.vocabulary import BatchId, Shortfall
from app.pipeline import fresh, planning
from tests.pipeline.conftest import House

SECRET = b"x" * 32


def fresh_plan(house: House, batch_id: BatchId, lines: list[int]) -> dict[int, tuple[str, bool]]:
    """Which annotation and side each of these Items would get by a fresh HIT."""
    with house.database.transaction() as db:
        db.execute(text("UPDATE items SET shortfall = NULL"))
        db.execute(
            text("UPDATE items SET shortfall = :fresh WHERE line = ANY(:lines)"),
            {"fresh": Shortfall.FRESH, "lines": lines},
        )
        fresh.plan(db, batch_id, secret=SECRET)
        rows = db.execute(
            text(
                "SELECT i.line, h.annotation, hi.a_is_given FROM hits h JOIN hit_items hi ON hi.hit_id = h.id"
                " JOIN items i ON i.id = hi.item_id WHERE h.status = 'planned'"
            )
        )
        shown = {row.line: (row.annotation, row.a_is_given) for row in rows}
        db.rollback()  # as if it had never been planned
    return shown


def test_fresh_hits_are_the_same_whichever_others_are_planned_with_them(house: House) -> None:
    batch_id = house.live(rows=8, assignments_per_item=1, quorum=1, cap_usd=None, repost_limit=3)
    house.execute("UPDATE batches SET cap_usd = 9")
    house.execute("UPDATE hits SET status = 'done', exhausted = true")
    lines = [row.line for row in house.rows("SELECT line FROM items ORDER BY line")]
    everything = fresh_plan(house, batch_id, lines)
    assert set(everything) == set(lines)
    assert {side for _, side in everything.values()} == {True, False}
    some = fresh_plan(house, batch_id, lines[3:6])
    assert some == {line: everything[line] for line in lines[3:6]}


def test_a_plan_that_shows_the_sides_otherwise_has_other_tokens(house: House) -> None:
    batch_id = house.draft(rows=8)
    house.launch(batch_id)
    plans: list[dict[int, tuple[str, bool]]] = []
    for secret in (SECRET, b"y" * 32):
        with house.database.transaction() as db:
            planning.plan(db, batch_id, secret=secret)
            shown = "SELECT hi.item_id, h.annotation, hi.a_is_given FROM hits h JOIN hit_items hi ON hi.hit_id = h.id"
            plans.append({row.item_id: (row.annotation, row.a_is_given) for row in db.execute(text(shown))})
            db.rollback()
    before, after = plans
    flipped = {item for item in before if before[item][1] != after[item][1]}
    assert flipped
    assert {item for item in before if before[item][0] != after[item][0]} == flipped
