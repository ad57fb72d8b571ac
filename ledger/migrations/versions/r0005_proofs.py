"""What each panel has shown of its dialect. A panel that sold before this was kept may go on, with a warning."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and record which panels have clients' servers already."""
    proof = op.create_table(
        "proof",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("backing", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("server_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proof"),
    )
    op.create_index("ix_proof_panel", "proof", ["panel"])
    claim = sa.table("claim", sa.column("panel", sa.String()))
    now = datetime.now(UTC)
    for panel in op.get_bind().scalars(sa.select(claim.c.panel).distinct()).all():
        op.bulk_insert(
            proof,
            [
                {
                    "panel": panel,
                    "entry": "*",
                    "call": "",
                    "words": {},
                    "backing": "sold-before",
                    "who": "dciflow",
                    "why": "sold before proofs were kept",
                    "before": "",
                    "after": "",
                    "at": now,
                }
            ],
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("proof")
