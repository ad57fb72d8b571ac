"""WHMCS, ledger and panels compared: sources, matching, drift, repairs, report."""
