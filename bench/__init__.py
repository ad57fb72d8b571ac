"""The benchmark: dciflow side by side with Prefect's process worker and with the floor of Prefect's engine."""
