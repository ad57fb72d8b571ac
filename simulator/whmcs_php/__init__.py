"""A simulated WHMCS in PHP that calls modules, hooks and cron as WHMCS does: started, controlled and inspected.

`root/lib/FakeWhmcs` has one class a file, as PHP's autoloading wants it.
"""
