"""What a suspension leaves for later: the power that it switched off, and the end of its grace."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns to the claim."""
    op.add_column("claim", sa.Column("powered_off_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("claim", sa.Column("suspends_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("claim", "suspends_at")
    op.drop_column("claim", "powered_off_at")
