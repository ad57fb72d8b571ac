"""WHMCS's includes/api.php in Python: the calls that the flows make."""
