"""The steps of the lifecycles, one file for each thing that they touch."""
