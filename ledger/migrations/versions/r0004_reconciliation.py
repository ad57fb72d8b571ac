"""What each panel's last reconciliation counted and found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "reconciliation",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("panel", name="pk_reconciliation"),
    )
    op.create_table(
        "difference",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("drift", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repairs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("panel", "drift", "service_id", "server_id", name="pk_difference"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("difference")
    op.drop_table("reconciliation")
