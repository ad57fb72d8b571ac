"""The door: what the WHMCS host reaches instead of Prefect's raw API (docs/least-privilege.md, safety rules 14 and 23).

Start with `app.create_app`. It speaks the few paths of Prefect's API that the WHMCS module uses, takes each body in the
one shape that whmcs-module/contract.json gives it, and asks Prefect in its own words. It keeps no state.
"""
