"""The Prefect worker that runs dciflow's flows in its own event loop, and the janitor that finds what broke off."""
