"""The simulated WHMCS in PHP, as tests/whmcs_module has it: one for each file of tests, empty for each test."""

from tests.whmcs_module.conftest import overlay, prefect, running, whmcs

__all__ = ["overlay", "prefect", "running", "whmcs"]
