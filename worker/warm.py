"""The worker type `dciflow`."""
