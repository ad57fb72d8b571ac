"""The table of permits to install an OS over a client's own one, because the client, or staff, asked for it."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from ledger.columns import HardwareColumns, StateName, Utc
from ledger.states import State


class ReinstallPermitRow(HardwareColumns, table=True):
    """The right to install once over one server (safety rule 4). Never deleted: it is the record of the overwrite."""

    __tablename__ = "reinstall_permit"
    __table_args__ = (
        UniqueConstraint("service_id", "generation", "attempt"),
        Index("ix_reinstall_permit_panel_written_at", "panel", "written_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    panel: str
    server_id: int
    service_id: int = Field(foreign_key="service.service_id")
    generation: int
    attempt: int
    request_id: str = Field(foreign_key="request.id")
    os_template: str
    os_before: str
    state_before: State = Field(sa_type=StateName)
    owner_seen: int
    operation_before: int | None = None
    asked_at: datetime = Field(sa_type=Utc)
    written_at: datetime = Field(sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    operation_id: int | None = None
    voided_at: datetime | None = Field(default=None, sa_type=Utc)
