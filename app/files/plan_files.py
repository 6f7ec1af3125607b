"""A plan's alternatives as a table for files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.statistics.planner import Plan

if TYPE_CHECKING:
    import pyarrow as pa


def alternatives_file(plan: Plan) -> pa.Table:
    """`answers,quorum,items,width,error_share,same_again,reward_usd,fee_usd,total_usd,cheapest`; absent: cannot be reached."""
    import pyarrow as pa

    rows = plan.alternatives
    costs = [row.cost for row in rows]
    return pa.table(
        {
            "answers": pa.array([row.answers for row in rows], type=pa.int64()),
            "quorum": pa.array([row.quorum for row in rows], type=pa.int64()),
            "items": pa.array([row.items for row in rows], type=pa.int64()),
            "width": pa.array([row.width for row in rows], type=pa.float64()),
            "error_share": pa.array([row.error_share for row in rows], type=pa.float64()),
            "same_again": pa.array([row.same_again for row in rows], type=pa.float64()),
            "reward_usd": pa.array([cost and str(cost.reward_usd) for cost in costs], type=pa.string()),
            "fee_usd": pa.array([cost and str(cost.fee_usd) for cost in costs], type=pa.string()),
            "total_usd": pa.array([cost and str(cost.total_usd) for cost in costs], type=pa.string()),
            "cheapest": pa.array([row is plan.cheapest for row in rows], type=pa.bool_()),
        }
    )
