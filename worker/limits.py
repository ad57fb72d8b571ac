"""The numbers by which a worker takes, drains and stops; docs/limits.md has those that its operators meet."""

URGENT = "urgent"
"""The work queue of what must take effect at once: suspend, unsuspend, power."""

SLOTS = 16
"""Runs that work at the same time; those that wait for the panel are not counted. More would make nothing quicker:
Prefect's server and the panel answer a few at a time, and runs that queue there would time out."""

KEPT_FOR_URGENT = 8
"""A hundred activations at once leave these slots to suspensions."""

LOOK_PAST_SECONDS = 5.0
"""How often the worker looks past due runs whose panel, or whose flow, has all the slots that it gets."""

MOST_ASKED = 200
"""Due runs that Prefect's server gives at once."""

FOR_TURNS = 100
"""Due runs that are looked at where there is more than one panel, so that they take turns."""

LONGEST_NAME = 40
"""Characters of a panel's name; a run may name anything."""

GATHER_SECONDS = 0.05
"""In a burst, runs that are scheduled and slots that are released within this time share one question to Prefect."""

DRAIN_SECONDS = 20.0
"""How long working runs may go on to their end when the worker stops; systemd is told to kill after 60 s."""

RETURN_SECONDS = 10.0
"""How long interrupted runs may take to leave the ledger right."""

STUCK_AFTER_SECONDS = 300.0
"""A worker that asked for runs this long ago is stuck, and its health check says so. Prefect's own limit at its default
poll interval."""

LAST_SECONDS = 8.0
"""How long Prefect's clean-up may take once no run is left: it may wait for a connection that never comes."""
