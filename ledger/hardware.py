"""What identifies a server, and whether two readings are of the same machine. There is no other place that decides it.

Source: safety rules 4, 6 and 16.
"""

from collections.abc import Collection
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from ledger.hardware_values import is_real_mac, mac_spelling, real_text


class Identity(NamedTuple):
    """One value by which a machine is known, in its one spelling; `kind` is serial, mac or barcode."""

    kind: str
    value: str


class Hardware(BaseModel):
    """A server's serial number, MAC addresses and barcode, as a panel told them at one moment; frozen.

    Raises pydantic.ValidationError (a ValueError): not texts, or one text for `macs` where a list of them is meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: str | None = None
    macs: tuple[str, ...] = ()
    barcode: str | None = None

    def __str__(self) -> str:
        return f"serial {self.serial}, MACs {', '.join(self.macs)}, barcode {self.barcode}"

    @property
    def identities(self) -> frozenset[Identity]:
        """The values by which the machine can be told from another one; placeholders and made-up addresses are none."""
        texts = (("serial", real_text(self.serial)), ("barcode", real_text(self.barcode)))
        macs = {Identity("mac", mac_spelling(mac)) for mac in self.macs if is_real_mac(mac)}
        return frozenset(macs | {Identity(kind, text) for kind, text in texts if text is not None})

    @property
    def identifies(self) -> bool:
        """Whether anything is known by which the machine can be told from another one."""
        return bool(self.identities)

    def apart_from(self, shared: Collection[Identity]) -> "Hardware":
        """The same without the values that other machines show, too: they prove nothing."""
        return Hardware(
            serial=None if Identity("serial", real_text(self.serial) or "") in shared else self.serial,
            macs=tuple(mac for mac in self.macs if Identity("mac", mac_spelling(mac)) not in shared),
            barcode=None if Identity("barcode", real_text(self.barcode) or "") in shared else self.barcode,
        )

    def differs_from(self, seen: "Hardware", *, towards_service: bool = False) -> list[str]:
        """What `seen` does not show as it is recorded here: of serial, macs, barcode. Empty: the same machine.

        Every recorded value that identifies must be shown: a wipe depends on it, so only spellings are forgiven, and a
        value that the panel tells no longer is a difference. What was not recorded, or proves nothing, is not compared:
        so ask `identifies`, too.

        `towards_service`: for what does a client no harm. The serial number and one address are enough, or the one of
        them that is known on both sides: cards are added and fail. Another serial number is always another machine.
        """
        mine, theirs = self._by_kind(), seen._by_kind()
        strictly = [what for what, recorded in mine.items() if not recorded <= theirs[what]]
        if not strictly or not towards_service:
            return strictly
        agrees = {what: bool(mine[what] & theirs[what]) for what in mine if mine[what] and theirs[what]}
        proving = [agrees[what] for what in ("serial", "macs") if what in agrees] or list(agrees.values())
        return [] if proving and all(proving) else strictly

    def change_to(self, seen: "Hardware") -> str:
        """What another reading of this machine shows otherwise, in words; empty: nothing that counts."""
        mine, theirs = self.identities, seen.identities
        gone, new = sorted(mine - theirs), sorted(theirs - mine)
        parts = [f"no longer {one.kind} {one.value}" for one in gone] + [f"now {one.kind} {one.value}" for one in new]
        return ", ".join(parts) if gone else ""

    def _by_kind(self) -> dict[str, frozenset[str]]:
        kinds = {"serial": "serial", "macs": "mac", "barcode": "barcode"}
        return {
            what: frozenset(one.value for one in self.identities if one.kind == kind) for what, kind in kinds.items()
        }
