"""A simulated DCImanager 6 and a simulated WHMCS, which keep state: for the demo, the tests and the benchmark."""
