"""Where the sources disagree about DCImanager 6, each reading is a switch.

The defaults are what is documented or, failing that, what is most likely.
Source: docs/sources.md, panel 16, rule 15, and the sections named below.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator.panel.models import Status


class Variants(BaseModel):
    """How this particular panel speaks and behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: Literal["string", "array"] = "string"
    """A user's roles: "[@user]" as documented, or ["@user"] (section 10)."""
    address_key: Literal["name", "ip_addr"] = "name"
    """The key that holds the address itself (section 9)."""
    task: Literal["int", "string", "absent"] = "int"
    """What a long call answers as `task` (section 13)."""
    operation_answer: Literal["int", "object", "absent"] = "int"
    """What a started operation answers as `operation` (section 7.3)."""
    operation_key: Literal["type", "name", "kind", "absent"] = "type"
    """The key of an operation that says what it is (section 6.3)."""
    pdu_connection: Literal["object", "array", "null"] = "object"
    """Section 6.1."""
    words: Literal["documented", "others"] = "documented"
    """What an operation's end, ports and addresses are called: `ok` and `canceled` (section 18.1), or otherwise."""
    unknown_words: frozenset[Status] = frozenset()
    """How far operations are that this panel says in words which nobody knows (section 17)."""
    dead_session: Literal["401", "1000 with 200", "1000 with 400"] = "401"
    """How a call with a session that is over is answered: HTTP 401, or code 1000 with another status (section 18.3)."""
    unsellable_servers: bool = False
    """Two more servers of the first configuration: one has a MAC address of server 1, one has problems (18.2)."""
    case: Literal["lower", "upper", "title"] = "lower"
    """The spelling of states, statuses and power values (sections 6.1 to 6.5)."""
    rack: Literal["object", "null"] = "object"
    """Section 6.1: the rack may be null."""
    empty_configurations: bool = False
    """Two more servers, one with configuration null and one with "" (section 12)."""
    new_servers: bool = False
    """One more server that is still being added, is_new true (section 6.1)."""
    login_keys: Literal["once", "many", "absent"] = "once"
    """How often a login key signs in, within its hour; absent: the panel makes none (section 3.4)."""
    ssh_keys: Literal["served", "absent"] = "served"
    """Whether users have SSH keys, and an installation takes them; absent: it refuses their word (section 3.6)."""
    login_status: Literal[200, 201] = 201
    """Section 3.1."""
    by_id_has_addresses: bool = True
    """Whether an element read by id carries its addresses (section 5)."""
    size_in_lists: bool = True
    """Whether lists tell their total; the documented samples show only `list` (section 5)."""
    default_limit: int = Field(default=50, ge=1)
    """Elements in a list when no limit was asked for (section 5)."""
    reverse_names: Literal["served", "ignored", "absent"] = "served"
    """Whether addresses' names can be set: absent without the module for DNSmanager 6 (18.5); ignored: said and not
    done (section 9)."""
    rescue: Literal["told", "untold", "absent"] = "told"
    """Whether a server's row tells that it is in the rescue system; absent: there is no such call (section 7.5)."""
    host_names: Literal["served", "ignored", "absent"] = "served"
    """Whether a server's host name can be set: absent: there is no such call; ignored: said and not done (7.7)."""
    pool_counts: Literal["nested", "strings"] = "nested"
    """A pool's size: ipv4 {total, used}, or total_ip and using_ip as strings (section 9)."""
    ipv6_pools: bool = False
    """Whether the pools have IPv6 addresses, too (section 9)."""
    strict_carriers: bool = False
    """Whether a write with the cookie only, without x-xsrf-token or ISP-Session, is refused (section 2)."""
    swagger: Literal["served", "absent", "differs"] = "served"
    swagger_differs: frozenset[str] = frozenset()
    """The endpoints that Swagger describes otherwise, when `swagger` is "differs"."""
    install_needs_address: bool = True
    """Whether an OS installation is refused on a server without an address."""
    statistics: Literal["numbers", "points", "absent"] = "numbers"
    """What is told of a server's traffic: two numbers, a point each five minutes, or there is no call (section 14)."""
    release_diagnostics: Literal["none", "check", "clear"] = "none"
    """Whether taking the owner away starts diagnostics by itself, and whether they clear the disks (section 7.2)."""
    diagnostics_killed_as: Literal["failed", "canceled"] = "failed"
    """The status of diagnostics that ran into the panel's 60 minutes (section 7.4)."""
