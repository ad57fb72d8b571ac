"""Typed async client of WHMCS's includes/api.php; knows nothing of Prefect, the ledger or the panel."""
