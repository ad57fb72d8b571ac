"""The names under which the journal keeps what steps did. The values are in hosts' ledgers: they never change."""

from enum import StrEnum


class StepName(StrEnum):
    """A step that must not be done twice, or whose intent must be known to a later run."""

    OWNER = "owner"
    """Find or create the client's panel user: it touches no server."""
    ADDRESSES = "addresses"
    """Assign IP addresses to the server."""
    MORE_ADDRESSES = "more-addresses"
    """Assign further IP addresses after the sale; one entry for each change."""
    MORE_IPV6 = "more-ipv6-addresses"
    """Assign further IPv6 addresses after the sale; one entry for each change."""
    GIVE_BACK = "give-back-addresses"
    """Take the addresses off the server that the entry names; one entry for each change."""
    PTR = "ptr"
    """Set the reverse name of an address; one entry for each address, whose id is its attempt."""
    DEPLOY_OS = "deploy-os"
    """Ask for an OS installation; one entry for each attempt."""
    OS_GIVEN_UP = "os-given-up"
    """The installation of that attempt failed or its time was over: the next attempt installs again."""
    POWER_RESET = "power-reset"
    """Reboot the server for an errand; one entry for each run, which it names."""
    RESCUE = "rescue"
    """Boot the server into the rescue system; one entry for each run, which it names."""
    RESCUE_LEFT = "rescue-left"
    """Boot the server into its own OS again; one entry for each run, which it names."""
    CLEAR_OWNER = "clear-owner"
    """Take the owner off the server, in its deletion."""
