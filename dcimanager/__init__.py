"""A typed, asynchronous client of one DCImanager 6 panel; start with `dcimanager.panel.Panel`.

More than twenty files: one for each resource of the panel, all of one shape, and one for each concern of its transport.
"""
