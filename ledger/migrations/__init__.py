"""The migrations of the ledger's tables, run by `Ledger.upgrade`."""
