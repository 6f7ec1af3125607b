"""Batches may ask for Masters, and their HITs' fee follows."""

import sqlalchemy as sa
from alembic import op

revision = "service_0003"
down_revision = "marketplace_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batches", sa.Column("masters", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("hit_groups", sa.Column("masters", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("hit_groups", "masters")
    op.drop_column("batches", "masters")
