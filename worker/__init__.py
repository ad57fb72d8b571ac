"""The Prefect worker that runs dciflow's flows in its own event loop, and the janitor that re-queues stalled runs.

worker          the worker type: starts, takes runs, drains, stops
execution       one run in this process, and what Prefect is told of its end
state_watch     interrupts runs that a person cancelled or paused
listener        hears of scheduled runs at once
process         what is changed for the whole process
prefect_client  Prefect's client with fewer calls and sooner retries
janitor         looks for stalled runs of all workers, and for HELD services without a form
"""
