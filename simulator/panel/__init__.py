"""The simulated DCImanager itself: servers, ports, addresses, operations and users, without HTTP."""
