"""Panels that were left out when a side was restored, and the numbers of WHMCS's requests."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "left_out",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("panel", "side", name="pk_left_out"),
    )
    op.create_table(
        "whmcs_number",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("clashed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "number", name="pk_whmcs_number"),
    )
    op.create_table(
        "whmcs_count",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("row", name="pk_whmcs_count"),
    )


def downgrade() -> None:
    """Drop all three."""
    op.drop_table("whmcs_count")
    op.drop_table("whmcs_number")
    op.drop_table("left_out")
