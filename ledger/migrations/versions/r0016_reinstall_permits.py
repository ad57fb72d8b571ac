"""Permits to install an OS over a client's own one."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "reinstall_permit",
        sa.Column("serial", sa.String(), nullable=True),
        sa.Column("macs", sa.JSON(), nullable=False),
        sa.Column("barcode", sa.String(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("os_template", sa.String(), nullable=False),
        sa.Column("os_before", sa.String(), nullable=False),
        sa.Column("state_before", sa.String(length=16), nullable=False),
        sa.Column("owner_seen", sa.Integer(), nullable=False),
        sa.Column("operation_before", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operation_id", sa.Integer(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name="fk_reinstall_permit_request_id_request"),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_reinstall_permit_service_id_service"),
        sa.PrimaryKeyConstraint("id", name="pk_reinstall_permit"),
        sa.UniqueConstraint(
            "service_id", "generation", "attempt", name="uq_reinstall_permit_service_id_generation_attempt"
        ),
    )
    op.create_index("ix_reinstall_permit_panel_written_at", "reinstall_permit", ["panel", "written_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("reinstall_permit")
