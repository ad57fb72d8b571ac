"""The ledger: who was promised which server, and what may happen to it next. Correctness lives here.

Start with `Ledger`; the verbs are in `services`, `requests`, `claims`, `journal`, `releases`, `permits`, `decisions`,
`results` and `redrives`, each an async function that takes the ledger first. Times are timezone-aware UTC and passed in
as `now`.
"""

from ledger.database import Ledger
from ledger.errors import AlreadyClaimed, Busy, CapReached, IllegalMove, LedgerError, PermitUsed, Protected, Superseded
from ledger.lifecycle import MOVES, State
from ledger.orders import Order
from ledger.snapshots import Claim, Decision, Driver, Entry, EntryKey, Permit, Request, Service

__all__ = [
    "MOVES",
    "AlreadyClaimed",
    "Busy",
    "CapReached",
    "Claim",
    "Decision",
    "Driver",
    "Entry",
    "EntryKey",
    "IllegalMove",
    "Ledger",
    "LedgerError",
    "Order",
    "Permit",
    "PermitUsed",
    "Protected",
    "Request",
    "Service",
    "State",
    "Superseded",
]
