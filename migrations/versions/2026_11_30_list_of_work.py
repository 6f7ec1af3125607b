"""The list of work and a Worker's sums look at indexes alone, not at the HITs with their questions."""

import sqlalchemy as sa
from alembic import op

revision = "marketplace_0003"
down_revision = "service_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_hits_assignable", table_name="hits", schema="marketplace")
    op.create_index(
        "ix_hits_assignable",
        "hits",
        ["hit_type_id", "seq"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status = 'Assignable'"),
        postgresql_include=["id", "expires_at"],
    )
    op.create_index(
        "ix_hits_paid",
        "hits",
        ["id"],
        unique=False,
        schema="marketplace",
        postgresql_include=["requester_id", "reward_usd"],
    )


def downgrade() -> None:
    op.drop_index("ix_hits_paid", table_name="hits", schema="marketplace")
    op.drop_index("ix_hits_assignable", table_name="hits", schema="marketplace")
    op.create_index(
        "ix_hits_assignable",
        "hits",
        ["hit_type_id", "seq"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status = 'Assignable'"),
    )
