"""The price of an Assignment as an SQL expression: the rule and its rates are `domain/pricing.py`'s."""

from app.domain.pricing import BASE_RATE, MASTERS_RATE, MINIMUM_FEE_USD


def fee_sql(reward: str, masters: str) -> str:
    """The fee of one Assignment, or of a bonus where `masters` is `false`: half up to the cent, at least a cent.

    reward, masters: SQL expressions, numeric and boolean. HITs with ten or more places do not occur
    (`domain/batch_settings.py`).
    """
    rate = f"CASE WHEN {masters} THEN {BASE_RATE + MASTERS_RATE} ELSE {BASE_RATE} END"
    return f"greatest(round({reward} * ({rate}), 2), {MINIMUM_FEE_USD})"


def price_sql(reward: str, masters: str) -> str:
    """Reward and fee of one Assignment together."""
    return f"({reward} + {fee_sql(reward, masters)})"
