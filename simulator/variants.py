"""Where the sources disagree about DCImanager 6, each reading is a switch.

The defaults are what is documented or, failing that, what is most likely.
Source: dossier "HTTP API of ISPsystem DCImanager 6", section 16, rule 15, and the sections named below.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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
    case: Literal["lower", "upper", "title"] = "lower"
    """The spelling of states, statuses and power values (sections 6.1 to 6.5)."""
    rack: Literal["object", "null"] = "object"
    """Section 6.1: the rack may be null."""
    empty_configurations: bool = False
    """Two more servers, one with configuration null and one with "" (section 12)."""
    new_servers: bool = False
    """One more server that is still being added, is_new true (section 6.1)."""
    login_status: Literal[200, 201] = 201
    """Section 3.1."""
    by_id_has_addresses: bool = True
    """Whether an element read by id carries its addresses (section 5)."""
    size_in_lists: bool = True
    """Whether lists tell their total; the documented samples show only `list` (section 5)."""
    default_limit: int = Field(default=50, ge=1)
    """Elements in a list when no limit was asked for (section 5)."""
    pool_counts: Literal["nested", "strings"] = "nested"
    """A pool's size: ipv4 {total, used}, or total_ip and using_ip as strings (section 9)."""
    strict_carriers: bool = False
    """Whether a write with the cookie only, without x-xsrf-token or ISP-Session, is refused (section 2)."""
    swagger: Literal["served", "absent", "differs"] = "served"
    swagger_differs: frozenset[str] = frozenset()
    """The endpoints that Swagger describes otherwise, when `swagger` is "differs"."""
    install_needs_address: bool = True
    """Whether an OS installation is refused on a server without an address."""
    release_diagnostics: Literal["none", "check", "clear"] = "none"
    """Whether taking the owner away starts diagnostics by itself, and whether they clear the disks (section 7.2)."""
    diagnostics_killed_as: Literal["failed", "canceled"] = "failed"
    """The status of diagnostics that ran into the panel's 60 minutes (section 7.4)."""
