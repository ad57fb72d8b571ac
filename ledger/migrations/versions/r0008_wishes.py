"""What WHMCS showed of a service when a request was made. Requests of before have nothing there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("request", sa.Column("wish", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("request", "wish")
