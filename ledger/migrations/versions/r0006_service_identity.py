"""Whose each service is, and when its requests were asked for. What was not recorded before stays empty."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("service", sa.Column("installation", sa.String(), nullable=True))
    op.add_column("service", sa.Column("order_id", sa.Integer(), nullable=True))
    op.add_column("service", sa.Column("registered", sa.String(), nullable=True))
    op.add_column("request", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("request", "asked_at")
    for column in ("registered", "order_id", "installation"):
        op.drop_column("service", column)
