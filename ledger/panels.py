"""Panels: a panel is where it answers and what machines it shows, and it has one name (safety rule 16).

Every guard of the ledger is kept by a panel's name: a second name would be a second fleet of the same machines.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.columns import LedgerRow
from ledger.database import reads, writes
from ledger.errors import LedgerError, SecondName
from ledger.hardware import Identity
from ledger.panel_name import panel_name
from ledger.reinstall_table import ReinstallPermitRow
from ledger.restoration_tables import LeftOutRow
from ledger.tables import (
    ClaimRow,
    DifferenceRow,
    ForgottenServerRow,
    HardwareRow,
    InstallPermitRow,
    PanelRow,
    PanelUserRow,
    PermitRow,
    ProofRow,
    ReconciliationRow,
    RequestRow,
    ServerNoteRow,
    ServiceRow,
)
from ledger.traffic_tables import TrafficDayRow, TrafficMonthRow

SAMPLE = 100
"""Values of a panel's machines that are remembered, as hashes: the lowest, so that two readings give the same ones."""

_PORTS = {"http": 80, "https": 443}


def address_of(url: str) -> str:
    """Where a panel answers, in one spelling: scheme and host in lower case, the port, the path without its end."""
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").rstrip(".")
    return f"{scheme}://{host}:{parts.port or _PORTS.get(scheme, 0)}{parts.path.rstrip('/')}"


def sample_of(identities: Collection[Identity]) -> list[str]:
    """What is remembered of a panel's machines."""
    return sorted(_hashes(identities))[:SAMPLE]


@reads
async def known(session: AsyncSession, name: str) -> str | None:
    """The address that the panel of this name has, None: the name is new."""
    return (await session.exec(select(PanelRow.address).where(PanelRow.name == name))).one_or_none()


@reads
async def of_address(session: AsyncSession, address: str) -> str | None:
    """The name that the panel at this address has, None: nobody ever used it."""
    return (await session.exec(select(PanelRow.name).where(PanelRow.address == address))).one_or_none()


@writes
async def recognise(session: AsyncSession, name: str, address: str, now: datetime) -> None:
    """Remember where the panel answers; it may have moved. May be called again.

    Raises NoPanelName; SecondName: another name's panel answers there.
    """
    panel_name(name)
    other = (await session.exec(select(PanelRow).where(PanelRow.address == address))).one_or_none()
    if other is not None and other.name != name:
        raise SecondName(name, other.name, "it answers at the same address")
    row = await session.get(PanelRow, name, with_for_update=True)
    try:
        async with session.begin_nested():
            if row is None:
                session.add(PanelRow(name=name, address=address, first_seen=now))
            else:
                row.address = address
    except IntegrityError:  # another run entered it this very moment, as the same panel or as another one
        entered = (await session.exec(select(PanelRow.name).where(PanelRow.address == address))).one_or_none()
        if entered != name:
            raise LedgerError(f"Panel {name} or its address was entered this very moment: press Retry.") from None


@reads
async def samples(session: AsyncSession) -> dict[str, list[str]]:
    """What is remembered of the machines of each panel."""
    return {row.name: row.sample for row in await session.exec(select(PanelRow))}


@writes
async def keep_sample(session: AsyncSession, name: str, sample: list[str]) -> None:
    """Remember what machines the panel shows. A panel that is not known yet keeps nothing."""
    row = await session.get(PanelRow, name, with_for_update=True)
    if row is not None:
        row.sample = sample


def refuse_second_name(name: str, identities: Collection[Identity], known_samples: dict[str, list[str]]) -> None:
    """Raises SecondName: more than half of the machines that another panel's sample names are shown by this one."""
    shown = _hashes(identities)
    for other, sample in known_samples.items():
        if other != name and 2 * len(shown & set(sample)) > len(sample):
            raise SecondName(name, other, "it shows the same machines")


@writes
async def rename(session: AsyncSession, old: str, new: str) -> int:
    """Give a panel another name everywhere in the ledger, in one commit; returns how many services it has.

    Raises NoPanelName; LedgerError: the panel is not known, a request of it is open, `new` has servers of its own, or
    one of the two was left out when a side was restored: that is kept by its name.
    """
    panel_name(old)
    panel_name(new)
    both = (old, new)
    rows = await session.exec(
        select(ServiceRow).where(col(ServiceRow.panel).in_(both)).order_by(col(ServiceRow.service_id)).with_for_update()
    )
    count = len([row for row in rows if row.panel == old])
    row = await session.get(PanelRow, old, with_for_update=True)
    if old == new or (row is None and not count):
        raise LedgerError(f"The ledger knows no panel {old} that could be called {new}: see dciflow panel list.")
    is_open = select(RequestRow).where(col(RequestRow.closed_at).is_(None), col(RequestRow.panel).in_(both))
    request = (await session.exec(is_open.limit(1))).first()
    if request is not None:
        raise LedgerError(
            f"Panel {request.panel} is at work: {request.action} of service {request.service_id} is open (flow run "
            f"{request.flow_run_id}). Nothing was renamed: wait for it."
        )
    is_out = select(LeftOutRow).where(col(LeftOutRow.panel).in_(both)).order_by(LeftOutRow.panel, LeftOutRow.side)
    out = (await session.exec(is_out.limit(1))).first()
    if out is not None:
        raise LedgerError(
            f"Panel {out.panel} was left out when the {out.side} was restored, and nothing runs on it. Nothing was "
            f"renamed: when it answers, dciflow restored {out.side} --only {out.panel}"
        )
    for kind in (ClaimRow, ForgottenServerRow):
        if (await session.exec(select(kind).where(kind.panel == new).limit(1))).first() is not None:
            raise LedgerError(f"Panel {new} has servers of its own in the ledger: {old} cannot be called so.")
    await _keep_servers_and_users(session, old, new)
    # What a comparison under the new name may have left is not this panel's.
    for left in (DifferenceRow, ReconciliationRow):
        await session.exec(delete(left).where(_column(left) == new))
    await session.exec(delete(PanelRow).where(col(PanelRow.name) == new))
    for table in NAMED_BY_PANEL:
        await session.exec(update(table).where(_column(table) == old).values(panel=new))
    await session.exec(update(PanelRow).where(col(PanelRow.name) == old).values(name=new))
    return count


async def _keep_servers_and_users(session: AsyncSession, old: str, new: str) -> None:
    """Make room for what is known of the panel's servers and users, where the new name has rows that say nothing more.

    Raises LedgerError: under the new name servers are withheld, or a user is remembered as another client's.
    """
    for note in await session.exec(select(ServerNoteRow).where(ServerNoteRow.panel == new)):
        if note.set_aside_at is not None or note.reserved_at is not None:
            raise LedgerError(
                f"Panel {new} has servers that are set aside or reserved: {old} cannot be called so. Nothing was "
                f"renamed: see dciflow server list --panel {new}"
            )
        await session.delete(note)
    for user in await session.exec(select(PanelUserRow).where(PanelUserRow.panel == new)):
        same = await session.get(PanelUserRow, (old, user.user_id))
        if same is not None and same.client_id != user.client_id:
            raise LedgerError(
                f"Panel user {user.user_id} is client {same.client_id}'s on {old} and client {user.client_id}'s on "
                f"{new}: they are two panels. Nothing was renamed."
            )
        if same is not None:
            await session.delete(user)
    await session.flush()


NAMED_BY_PANEL: tuple[type[LedgerRow], ...] = (
    ServiceRow, ClaimRow, HardwareRow, PermitRow, InstallPermitRow, ReinstallPermitRow, ProofRow, RequestRow,
    DifferenceRow, ReconciliationRow, ForgottenServerRow, ServerNoteRow, PanelUserRow, TrafficDayRow, TrafficMonthRow,
)  # fmt: skip
"""The tables whose rows name their panel."""


def _column(table: type[LedgerRow]) -> Any:
    return table.__table__.c.panel  # type: ignore[attr-defined]


def _hashes(identities: Collection[Identity]) -> set[str]:
    return {hashlib.sha256(f"{one.kind} {one.value}".encode()).hexdigest()[:16] for one in identities}
