"""Since when a client uses a server, and what servers in use moved: days and months."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LAST_ACTIVATION = (
    "SELECT MAX(request.closed_at) FROM request WHERE request.service_id = claim.service_id "
    "AND request.outcome = 'done' AND request.action IN ('activate', 'watch-os-install') "
    "AND request.closed_at >= claim.claimed_at"
)
"""A later run of an activation that found nothing to do counts, too: so a client is never given what was not theirs."""

IN_USE = "('ACTIVE', 'SUSPENDED')"


def upgrade() -> None:
    """Add the column, fill it for servers in use, and create the tables."""
    op.add_column("claim", sa.Column("active_since", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        f"UPDATE claim SET active_since = COALESCE(({LAST_ACTIVATION}), claimed_at) WHERE service_id IN "  # noqa: S608
        f"(SELECT service_id FROM service WHERE state IN {IN_USE} OR held_from IN {IN_USE} OR way_back IS NOT NULL)"
    )
    op.create_table(
        "traffic_day",
        sa.Column("service_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_traffic_day_service_id_service"),
        sa.PrimaryKeyConstraint("service_id", "since", "day", name="pk_traffic_day"),
    )
    op.create_index("ix_traffic_day_day", "traffic_day", ["day"])
    op.create_table(
        "traffic_month",
        sa.Column("service_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("peaks_in", sa.JSON(), nullable=False),
        sa.Column("peaks_out", sa.JSON(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=True),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_traffic_month_service_id_service"),
        sa.PrimaryKeyConstraint("service_id", "since", "month", name="pk_traffic_month"),
    )


def downgrade() -> None:
    """Drop all three."""
    op.drop_table("traffic_month")
    op.drop_table("traffic_day")
    op.drop_column("claim", "active_since")
