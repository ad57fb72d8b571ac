"""Which panel each name is, and whose each machine is, whatever its panel and its number are.

Filled from the claims and the forgotten servers. A value that two of them have is the first one's: reconciliation
reports both.
"""

import json

import sqlalchemy as sa
from alembic import op

from ledger.hardware import Hardware

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and fill the one of hardware."""
    op.create_table(
        "panel",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sample", sa.JSON(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_panel"),
        sa.UniqueConstraint("address", name="uq_panel_address"),
    )
    hardware = op.create_table(
        "hardware",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.service_id"], name="fk_hardware_service_id_service"),
        sa.PrimaryKeyConstraint("kind", "value", name="pk_hardware"),
    )
    op.create_index("ix_hardware_panel_server_id", "hardware", ["panel", "server_id"], unique=False)
    op.create_index("ix_permit_panel_server_id", "permit", ["panel", "server_id"], unique=False)
    op.add_column("claim", sa.Column("changed", sa.String(), nullable=True))
    entered: dict[tuple[str, str], dict[str, object]] = {}
    for panel, server_id, service_id, serial, macs, barcode in _known():
        told = json.loads(macs) if isinstance(macs, str) else macs
        for kind, value in Hardware(serial=serial, macs=tuple(told or ()), barcode=barcode).identities:
            row = {"kind": kind, "value": value, "panel": panel, "server_id": server_id, "service_id": service_id}
            entered.setdefault((kind, value), row)
    if entered:
        op.bulk_insert(hardware, list(entered.values()))


def _known() -> list[sa.Row[tuple[str, int, int, str | None, object, str | None]]]:
    """What was recorded of every claimed server, and of every forgotten one at its newest permit."""
    what = "panel, server_id, service_id, serial, macs, barcode"
    claimed = op.get_bind().execute(sa.text(f"SELECT {what} FROM claim ORDER BY service_id")).all()  # noqa: S608
    forgotten = sa.text(
        "SELECT p.panel, p.server_id, p.service_id, p.serial, p.macs, p.barcode FROM permit p JOIN forgotten_server f "
        "ON f.panel = p.panel AND f.server_id = p.server_id AND f.service_id = p.service_id ORDER BY p.id DESC"
    )
    return [*claimed, *op.get_bind().execute(forgotten).all()]


def downgrade() -> None:
    """Drop them."""
    op.drop_column("claim", "changed")
    op.drop_index("ix_permit_panel_server_id", table_name="permit")
    op.drop_table("hardware")
    op.drop_table("panel")
