"""What WHMCS reads from Prefect's variables: the one way to write them, the catalogue, the traffic."""
