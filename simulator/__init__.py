"""A DCImanager 6 and a WHMCS that remember: for the demo, the tests and load runs."""
