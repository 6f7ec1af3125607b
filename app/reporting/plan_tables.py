"""A plan's alternatives as a table."""

from app.domain.statistics.planner import Alternative, Plan
from app.reporting.document import Table
from app.reporting.wording import NONE, count, percent, usd


def alternatives_table(plan: Plan) -> Table:
    """A line a number of answers; a star at the cheapest that reaches the width."""
    rows = tuple(_row(row, cheapest=row is plan.cheapest) for row in plan.alternatives)
    columns = (
        "Answers",
        "Quorum",
        "Items",
        "Responses",
        "Width",
        "Error share",
        "Same again",
        "Rewards",
        "Fees",
        "Cost",
    )
    caption = f"Ways to an interval no wider than {100 * plan.width:g} points (* the cheapest)"
    return Table(caption, columns, rows, words=())


def _row(row: Alternative, *, cheapest: bool) -> tuple[str, ...]:
    cost = row.cost
    return (
        f"{'* ' if cheapest else ''}{row.answers}",
        str(row.quorum),
        count(row.items) if row.items else "never",
        count(row.items * row.answers) if row.items else NONE,
        f"{100 * row.width:.1f} points",
        percent(row.error_share),
        percent(row.same_again),
        usd(cost.reward_usd if cost else None),
        usd(cost.fee_usd if cost else None),
        usd(cost.total_usd if cost else None),
    )
