"""The lifecycles, one file each: what the Prefect UI lists."""
