"""Which client each panel user was made or adopted for. Known of those who own a server now; the first one counts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and fill it from the servers that are claimed."""
    users = op.create_table(
        "panel_user",
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("panel", "user_id", name="pk_panel_user"),
    )
    claim = sa.table(
        "claim",
        sa.column("panel", sa.String()),
        sa.column("owner_id", sa.Integer()),
        sa.column("service_id", sa.Integer()),
        sa.column("claimed_at", sa.DateTime(timezone=True)),
    )
    service = sa.table("service", sa.column("service_id", sa.Integer()), sa.column("client_id", sa.Integer()))
    claimed = (
        sa.select(claim.c.panel, claim.c.owner_id, service.c.client_id, claim.c.claimed_at)
        .join(service, service.c.service_id == claim.c.service_id)
        # A rehearsal's number is negative, and its user is nobody's client.
        .where(claim.c.owner_id.is_not(None), service.c.client_id.is_not(None), claim.c.service_id > 0)
        .order_by(claim.c.claimed_at, claim.c.service_id)
    )
    known: dict[tuple[str, int], dict[str, object]] = {}
    for panel, user_id, client_id, at in op.get_bind().execute(claimed).all():
        known.setdefault((panel, user_id), {"panel": panel, "user_id": user_id, "client_id": client_id, "at": at})
    if known:
        op.bulk_insert(users, list(known.values()))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("panel_user")
