"""A typed, asynchronous client of one DCImanager 6 panel; start with `dcimanager.panel.Panel`."""
