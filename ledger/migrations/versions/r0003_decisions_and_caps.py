"""What persons decide of services, held or not; caps; servers that are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and columns; decisions on HELD services move into the table of all decisions."""
    op.add_column("service", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("service", sa.Column("releasing_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("service", sa.Column("way_back", sa.String(16), nullable=True))
    op.add_column("service", sa.Column("allowed_past", sa.String(), nullable=True))
    op.add_column("service", sa.Column("protected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_service_releasing_since", "service", ["releasing_since"], unique=False)
    # The best that is known of what was there before.
    op.execute("UPDATE service SET held_at = updated_at WHERE state = 'HELD'")
    op.execute("UPDATE service SET releasing_since = updated_at WHERE state IN ('RELEASING', 'ERASING')")
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("held_reason", sa.String(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_decision_service_id_service"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_index("ix_decision_service_id", "decision", ["service_id"], unique=False)
    # In order and without their ids, which the database gives: what was decided later has the higher one.
    op.execute(
        "INSERT INTO decision (service_id, choice, held_reason, state, epoch, who, why, at) "
        "SELECT service_id, 'release', held_reason, decision, 0, who, why, at FROM hold_decision ORDER BY id"
    )
    op.drop_table("hold_decision")
    op.create_table(
        "cap",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_cap"),
    )
    op.create_table(
        "forgotten_server",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_forgotten_server_service_id_service"),
        sa.PrimaryKeyConstraint("panel", "server_id", name="pk_forgotten_server"),
    )


def downgrade() -> None:
    """Back to what revision 0002 has; it knows decisions on HELD services only."""
    op.drop_table("forgotten_server")
    op.drop_table("cap")
    op.create_table(
        "hold_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("held_reason", sa.String(), nullable=True),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_hold_decision_service_id_service"),
        sa.PrimaryKeyConstraint("id", name="pk_hold_decision"),
    )
    op.create_index("ix_hold_decision_service_id", "hold_decision", ["service_id"], unique=False)
    op.execute(
        "INSERT INTO hold_decision (service_id, held_reason, decision, who, why, at) "
        "SELECT service_id, held_reason, state, who, why, at FROM decision WHERE held_reason IS NOT NULL ORDER BY id"
    )
    op.drop_table("decision")
    op.drop_index("ix_service_releasing_since", table_name="service")
    for column in ("protected_at", "allowed_past", "way_back", "releasing_since", "held_at"):
        op.drop_column("service", column)
