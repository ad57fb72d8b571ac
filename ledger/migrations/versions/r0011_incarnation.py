"""The ledger's incarnation, permits to install over what may be a client's, and what a claimed server ran before."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and add the column."""
    op.create_table(
        "incarnation",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("advanced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restoring", sa.String(), nullable=True),
        sa.Column("restoring_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("row", name="pk_incarnation"),
    )
    op.create_table(
        "install_permit",
        sa.Column("decision_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("operation_seen", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name="fk_install_permit_decision_id_decision"),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_install_permit_service_id_service"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_install_permit"),
    )
    op.create_index("ix_install_permit_service_id", "install_permit", ["service_id"])
    op.add_column("claim", sa.Column("operation_before", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop all three."""
    op.drop_column("claim", "operation_before")
    op.drop_table("install_permit")
    op.drop_table("incarnation")
