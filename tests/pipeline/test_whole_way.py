"""The way of an Item, once, stage by stage on real parts."""

from decimal import Decimal

from tests.pipeline.conftest import House

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}


def test_a_batch_goes_from_a_file_to_a_consensus(house: House) -> None:
    batch_id = house.live(rows=3)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    found = house.rows("SELECT category, given_count, guessed_count, neither_count, status FROM consensus")
    assert [tuple(row) for row in found] == [("non-error", 3, 1, 1, "settled")] * 3
    ledger = house.one(
        "SELECT sum(amount_usd) FILTER (WHERE kind IN ('reward', 'fee') AND status = 'paid') AS paid,"
        " sum(amount_usd) FILTER (WHERE kind = 'reservation') AS reserved FROM payments"
    )
    assert ledger.paid == ledger.reserved == Decimal("0.90")
    assert house.one("SELECT status FROM batches").status == "done"
