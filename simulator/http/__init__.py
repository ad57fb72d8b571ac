"""The HTTP side of the simulated DCImanager: its API, its racks page, and the control of tests and demos."""
