"""What is known against single servers, and which service a leftover comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and add the column."""
    op.create_table(
        "server_note",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_service", sa.Integer(), nullable=True),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("panel", "server_id", name="pk_server_note"),
    )
    op.add_column("service", sa.Column("leftover_of", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("service", "leftover_of")
    op.drop_table("server_note")
