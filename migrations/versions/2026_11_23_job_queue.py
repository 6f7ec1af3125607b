"""Install the job queue's tables and functions in a schema of their own."""

from alembic import op
from procrastinate import App, SyncPsycopgConnector
from procrastinate.schema import SchemaManager

revision = "jobs_0001"
down_revision = "marketplace_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path TO jobs")
    # The driver's own cursor: the script is full of percent signs and holds many statements.
    schema = SchemaManager(App(connector=SyncPsycopgConnector()).connector).get_schema()
    op.get_bind().connection.driver_connection.execute(schema)
    op.execute("SET LOCAL search_path TO public")


def downgrade() -> None:
    op.execute("DROP SCHEMA jobs CASCADE")
