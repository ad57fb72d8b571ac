"""The steps of the lifecycles, one file for each thing that they touch; that is why there are some twenty.

Three rooms use the steps, and no step uses them: `reconciliation/`, `held/`, `published/`.
"""
