"""A side was restored from a back-up: what is compared, closed, put on HELD and set aside before work goes on."""
