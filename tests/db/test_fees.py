from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.fees import fee_sql, price_sql
from app.domain.pricing import assignment_price, bonus_price
from app.marketplace.fees import MASTERS_QUALIFICATION_IDS, fee_usd
from app.mturk.requester import MASTERS, SANDBOX_MASTERS


@pytest.mark.parametrize("masters", [False, True])
def test_the_databases_fee_is_the_rules_fee_for_every_reward_up_to_thirty_dollars(db: Session, masters: bool) -> None:
    rows = db.execute(
        text(f"""
            SELECT r.usd, {fee_sql("r.usd", ":masters")} AS fee, {price_sql("r.usd", ":masters")} AS total
            FROM (SELECT round(cents / 100.0, 2) AS usd FROM generate_series(1, 3000) AS cents) AS r
        """),
        {"masters": masters},
    ).all()
    assert len(rows) == 3000
    for row in rows:
        price = assignment_price(row.usd, max_assignments=9, masters=masters)
        assert (row.fee, row.total) == (price.fee_usd, price.total_usd)


def test_a_bonus_carries_the_same_fee_whoever_gets_it(db: Session) -> None:
    for cents in (1, 2, 3, 10, 13, 50, 99, 12_345):
        amount = Decimal(cents) / 100
        fee = db.execute(text(f"SELECT {fee_sql('CAST(:usd AS numeric)', 'false')}"), {"usd": amount}).scalar_one()
        assert fee == bonus_price(amount).fee_usd


@pytest.mark.parametrize("type_id", [MASTERS, SANDBOX_MASTERS])
def test_our_price_is_what_our_own_marketplace_takes(type_id: str) -> None:
    assert type_id in MASTERS_QUALIFICATION_IDS
    for cents in range(1, 500):
        reward = Decimal(cents) / 100
        for places in (1, 9, 10):
            for masters in (False, True):
                ours = assignment_price(reward, max_assignments=places, masters=masters).fee_usd
                assert ours == fee_usd(reward, places, [type_id] if masters else [])
