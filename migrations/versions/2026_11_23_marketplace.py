"""The marketplace's own tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "marketplace_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS marketplace")
    op.create_table(
        "requesters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("available_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("on_hold_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("available_usd >= 0", name=op.f("ck_requesters_available_not_negative")),
        sa.CheckConstraint("on_hold_usd >= 0", name=op.f("ck_requesters_on_hold_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requesters")),
        schema="marketplace",
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phrase_hash", sa.String(), nullable=False),
        sa.Column("accept_next", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        schema="marketplace",
    )
    op.create_table(
        "access_keys",
        sa.Column("access_key_id", sa.String(), nullable=False),
        sa.Column("secret_access_key", sa.String(), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=False),
        sa.Column("of_installation", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["marketplace.requesters.id"], name=op.f("fk_access_keys_requester_id")
        ),
        sa.PrimaryKeyConstraint("access_key_id", name=op.f("pk_access_keys")),
        schema="marketplace",
    )
    op.create_index(
        op.f("ix_access_keys_requester_id"), "access_keys", ["requester_id"], unique=False, schema="marketplace"
    )
    op.create_table(
        "hit_types",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("keywords", sa.String(), nullable=True),
        sa.Column("reward_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("assignment_duration_s", sa.BigInteger(), nullable=False),
        sa.Column("auto_approval_delay_s", sa.BigInteger(), nullable=False),
        sa.Column("qualification_requirements", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["marketplace.requesters.id"], name=op.f("fk_hit_types_requester_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hit_types")),
        sa.UniqueConstraint("group_id", name=op.f("uq_hit_types_group_id")),
        schema="marketplace",
    )
    op.create_index(
        op.f("ix_hit_types_requester_id_digest"),
        "hit_types",
        ["requester_id", "digest"],
        unique=True,
        schema="marketplace",
    )
    op.create_table(
        "request_tokens",
        sa.Column("requester_id", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("result_id", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["marketplace.requesters.id"], name=op.f("fk_request_tokens_requester_id")
        ),
        sa.PrimaryKeyConstraint("requester_id", "operation", "token", name=op.f("pk_request_tokens")),
        schema="marketplace",
    )
    op.create_index(
        op.f("ix_request_tokens_used_at"), "request_tokens", ["used_at"], unique=False, schema="marketplace"
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("available_delta_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("on_hold_delta_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("hit_id", sa.String(), nullable=True),
        sa.Column("assignment_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["marketplace.requesters.id"], name=op.f("fk_transactions_requester_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        schema="marketplace",
    )
    op.create_index(
        "ix_transactions_requester", "transactions", ["requester_id", "id"], unique=False, schema="marketplace"
    )
    op.create_table(
        "worker_sessions",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("worker_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["marketplace.workers.id"], name=op.f("fk_worker_sessions_worker_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_worker_sessions")),
        schema="marketplace",
    )
    op.create_index(
        op.f("ix_worker_sessions_worker_id"), "worker_sessions", ["worker_id"], unique=False, schema="marketplace"
    )
    op.create_table(
        "hits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=False),
        sa.Column("hit_type_id", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("requester_annotation", sa.String(), nullable=True),
        sa.Column("max_assignments", sa.BigInteger(), nullable=False),
        sa.Column("reward_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("fee_usd", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("submitted", sa.BigInteger(), nullable=False),
        sa.Column("approved", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("reserved_slots", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "least(pending, submitted, approved, rejected, reserved_slots) >= 0", name=op.f("ck_hits_counts_positive")
        ),
        sa.CheckConstraint(
            "pending + submitted + approved + rejected <= max_assignments", name=op.f("ck_hits_counts_fit")
        ),
        sa.CheckConstraint("reserved_slots <= max_assignments", name=op.f("ck_hits_reserved_fit")),
        sa.ForeignKeyConstraint(["hit_type_id"], ["marketplace.hit_types.id"], name=op.f("fk_hits_hit_type_id")),
        sa.ForeignKeyConstraint(["requester_id"], ["marketplace.requesters.id"], name=op.f("fk_hits_requester_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hits")),
        schema="marketplace",
    )
    op.create_index(
        "ix_hits_assignable",
        "hits",
        ["hit_type_id", "seq"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status = 'Assignable'"),
    )
    op.create_index(
        "ix_hits_expiring",
        "hits",
        ["expires_at"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("reserved_slots > pending + submitted"),
    )
    op.create_index(
        "ix_hits_listed",
        "hits",
        ["requester_id", "seq"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status <> 'Disposed'"),
    )
    op.create_index(
        "ix_hits_reviewable",
        "hits",
        ["requester_id", "status", "seq"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status LIKE 'Review%'"),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("hit_id", sa.String(), nullable=False),
        sa.Column("worker_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("auto_approval_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("requester_feedback", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["hit_id"], ["marketplace.hits.id"], name=op.f("fk_assignments_hit_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["marketplace.workers.id"], name=op.f("fk_assignments_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        schema="marketplace",
    )
    op.create_index(
        "ix_assignments_auto_approval",
        "assignments",
        ["auto_approval_at"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status = 'Submitted'"),
    )
    op.create_index(
        "ix_assignments_deadline",
        "assignments",
        ["deadline"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("status = 'Pending'"),
    )
    op.create_index(
        "ix_assignments_listed",
        "assignments",
        ["hit_id", "submitted_at", "id"],
        unique=False,
        schema="marketplace",
        postgresql_where=sa.text("submitted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_assignments_worker", "assignments", ["worker_id", "accepted_at"], unique=False, schema="marketplace"
    )
    op.create_index(
        "uq_assignments_hit_worker",
        "assignments",
        ["hit_id", "worker_id"],
        unique=True,
        schema="marketplace",
        postgresql_where=sa.text("status IN ('Pending', 'Submitted', 'Approved', 'Rejected')"),
    )
    # The ledger is append-only, whoever holds a connection.
    op.execute(
        """
        CREATE FUNCTION marketplace.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'marketplace.transactions is append-only'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON marketplace.transactions
        FOR EACH ROW EXECUTE FUNCTION marketplace.refuse_change()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER append_only ON marketplace.transactions")
    op.execute("DROP FUNCTION marketplace.refuse_change()")
    op.drop_index(
        "uq_assignments_hit_worker",
        table_name="assignments",
        schema="marketplace",
        postgresql_where=sa.text("status IN ('Pending', 'Submitted', 'Approved', 'Rejected')"),
    )
    op.drop_index("ix_assignments_worker", table_name="assignments", schema="marketplace")
    op.drop_index(
        "ix_assignments_listed",
        table_name="assignments",
        schema="marketplace",
        postgresql_where=sa.text("submitted_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_assignments_deadline",
        table_name="assignments",
        schema="marketplace",
        postgresql_where=sa.text("status = 'Pending'"),
    )
    op.drop_index(
        "ix_assignments_auto_approval",
        table_name="assignments",
        schema="marketplace",
        postgresql_where=sa.text("status = 'Submitted'"),
    )
    op.drop_table("assignments", schema="marketplace")
    op.drop_index(
        "ix_hits_reviewable", table_name="hits", schema="marketplace", postgresql_where=sa.text("status LIKE 'Review%'")
    )
    op.drop_index(
        "ix_hits_listed", table_name="hits", schema="marketplace", postgresql_where=sa.text("status <> 'Disposed'")
    )
    op.drop_index(
        "ix_hits_expiring",
        table_name="hits",
        schema="marketplace",
        postgresql_where=sa.text("reserved_slots > pending + submitted"),
    )
    op.drop_index(
        "ix_hits_assignable", table_name="hits", schema="marketplace", postgresql_where=sa.text("status = 'Assignable'")
    )
    op.drop_table("hits", schema="marketplace")
    op.drop_index(op.f("ix_worker_sessions_worker_id"), table_name="worker_sessions", schema="marketplace")
    op.drop_table("worker_sessions", schema="marketplace")
    op.drop_index("ix_transactions_requester", table_name="transactions", schema="marketplace")
    op.drop_table("transactions", schema="marketplace")
    op.drop_index(op.f("ix_request_tokens_used_at"), table_name="request_tokens", schema="marketplace")
    op.drop_table("request_tokens", schema="marketplace")
    op.drop_index(op.f("ix_hit_types_requester_id_digest"), table_name="hit_types", schema="marketplace")
    op.drop_table("hit_types", schema="marketplace")
    op.drop_index(op.f("ix_access_keys_requester_id"), table_name="access_keys", schema="marketplace")
    op.drop_table("access_keys", schema="marketplace")
    op.drop_table("workers", schema="marketplace")
    op.drop_table("requesters", schema="marketplace")
    op.execute("DROP SCHEMA marketplace")
