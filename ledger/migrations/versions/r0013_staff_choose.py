"""The name of the member of staff who asked for a request, and servers that staff keep back."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("request", sa.Column("who", sa.String(), nullable=True))
    op.add_column("server_note", sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("server_note", sa.Column("reserved_for", sa.Integer(), nullable=True))
    op.add_column("server_note", sa.Column("reserved_by", sa.String(), nullable=True))
    op.add_column("server_note", sa.Column("reserved_why", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for column in ("reserved_why", "reserved_by", "reserved_for", "reserved_at"):
        op.drop_column("server_note", column)
    op.drop_column("request", "who")
