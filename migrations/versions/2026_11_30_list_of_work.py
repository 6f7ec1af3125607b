"""The list of work and Workers' sums look at indexes alone, not at rows that hold questions and answers."""

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
    op.drop_index("ix_assignments_worker", table_name="assignments", schema="marketplace")
    op.create_index(
        "ix_assignments_worker",
        "assignments",
        ["worker_id", "accepted_at"],
        unique=False,
        schema="marketplace",
        postgresql_include=["hit_id", "status", "submitted_at"],
    )


def downgrade() -> None:
    op.drop_index("ix_assignments_worker", table_name="assignments", schema="marketplace")
    op.create_index(
        "ix_assignments_worker", "assignments", ["worker_id", "accepted_at"], unique=False, schema="marketplace"
    )
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
