"""What the entries that destroy or hand out want of a call, as data.

Source: docs/sources.md, panel 6 to 12 (what the calls do); docs/safety.md, rules 4, 5 and 22 (why `strict` is strict).
"""

from dcimanager.learning.wanted_keys import (
    COUNT,
    DISKS,
    FAMILY,
    HOSTNAME,
    NEW_HOST_NAME,
    OWNER,
    PASSWORD,
    POOL,
    REVERSE_NAME,
    SSH_KEYS,
    STATUS,
    TEMPLATE,
    word_set,
)
from dcimanager.learning.wish_forms import (
    ADDRESS,
    DELETE,
    NOT_A_SERVER,
    NOT_ONE,
    OF_AN_ADDRESS,
    OPERATION,
    PORT,
    POST,
    SERVER,
    USER,
    Way,
    Wish,
    said,
)

STRICT_WISHES: tuple[Wish, ...] = (
    Wish(
        "power_on",
        (
            Way(
                POST,
                SERVER,
                said("power on", "start"),
                word_set("power on"),
                never=NOT_A_SERVER | word_set("off reset install diag port"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "power_off",
        (
            Way(
                POST,
                SERVER,
                said("power off", "stop"),
                word_set("power off"),
                never=NOT_A_SERVER | word_set("reset install diag port"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "power_reset",
        (
            Way(
                POST,
                SERVER,
                said("power reset", "reboot"),
                word_set("power reset reboot"),
                never=NOT_A_SERVER | word_set("install diag port secret"),
            ),
            Way(
                POST,
                SERVER,
                said("reset"),
                word_set("power reset"),
                never=NOT_A_SERVER | word_set("install diag port secret"),
                doubt="it says reset, and not of what: it may be the server's settings",
            ),
        ),
        strict=True,
    ),
    Wish(
        "owner_set",
        (
            Way(
                POST,
                SERVER,
                said("owner", "assign user"),
                word_set("owner user assign"),
                keys=(OWNER,),
                never=NOT_ONE | word_set("secret rescue install"),
            ),
            Way(
                POST,
                SERVER,
                said("user"),
                word_set("user"),
                keys=(OWNER,),
                never=NOT_ONE | word_set("secret rescue install"),
                doubt="it does not say that this user is the owner",
            ),
        ),
        strict=True,
    ),
    Wish(
        "owner_clear",
        (
            Way(
                DELETE,
                SERVER,
                said("owner"),
                word_set("owner remove"),
                never=NOT_ONE | word_set("secret disk"),
                in_path=True,
            ),
            Way(
                POST,
                SERVER,
                said("owner remove", "user remove"),
                word_set("owner user remove"),
                never=NOT_ONE | word_set("secret disk wipe diag install"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "os_install",
        (
            Way(
                POST,
                SERVER,
                said("install os", "install"),
                word_set("install os template"),
                keys=(TEMPLATE, PASSWORD, HOSTNAME),
                never=NOT_A_SERVER | word_set("diag cancel"),
            ),
            Way(
                POST,
                SERVER,
                said("os", "template"),
                word_set("os template"),
                keys=(TEMPLATE, PASSWORD, HOSTNAME),
                never=NOT_A_SERVER | word_set("diag cancel remove"),
                doubt="it does not say that it installs",
            ),
        ),
        strict=True,
    ),
    Wish(
        "os_install_with_key",
        (
            Way(
                POST,
                SERVER,
                said("install os", "install"),
                word_set("install os template"),
                keys=(TEMPLATE, PASSWORD, HOSTNAME, SSH_KEYS),
                never=NOT_A_SERVER | word_set("diag cancel"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "diagnostics",
        (
            Way(
                POST,
                SERVER,
                said("diag"),
                word_set("diag check wipe disk"),
                keys=(DISKS,),
                never=NOT_A_SERVER | word_set("cancel"),
            ),
            Way(
                POST,
                SERVER,
                said("check"),
                word_set("check"),
                keys=(DISKS,),
                never=NOT_A_SERVER | word_set("cancel"),
                doubt="it does not say that it is the diagnostics",
            ),
        ),
        strict=True,
    ),
    Wish(
        "rescue_start",
        (
            Way(
                POST,
                SERVER,
                said("rescue start", "rescue"),
                word_set("rescue start"),
                keys=(TEMPLATE, PASSWORD),
                never=NOT_ONE | word_set("leave remove wipe diag iso bmc"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "rescue_leave",
        (
            Way(
                POST | DELETE,
                SERVER,
                said("rescue leave"),
                word_set("rescue leave"),
                never=NOT_ONE | word_set("wipe diag iso bmc install"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "operation_end",
        (
            Way(POST, OPERATION, said("cancel"), word_set("cancel"), never=NOT_ONE | word_set("retry remove pause")),
            Way(
                POST, OPERATION, (), word_set("status"), keys=(STATUS,), never=NOT_ONE | word_set("retry remove pause")
            ),
            Way(
                DELETE,
                OPERATION,
                said("cancel"),
                word_set("cancel"),
                never=NOT_ONE | word_set("retry pause"),
                doubt="a DELETE may take away the operation's record only",
            ),
        ),
        strict=True,
    ),
    Wish(
        "port_on",
        (Way(POST, PORT, said("on"), word_set("on power port"), never=NOT_A_SERVER | word_set("off")),),
        strict=True,
    ),
    Wish(
        "port_off",
        (Way(POST, PORT, said("off"), word_set("off power port"), never=NOT_A_SERVER | word_set("wipe")),),
        strict=True,
    ),
    Wish(
        "address_add",
        (
            Way(
                POST,
                SERVER,
                said("address add", "address"),
                word_set("address add pool"),
                keys=(POOL, COUNT, FAMILY),
                never=NOT_ONE | word_set("remove diag") | {"name service", "network extras"},
            ),
        ),
        strict=True,
    ),
    Wish(
        "address_remove",
        (
            Way(DELETE, ADDRESS, (), word_set("remove"), never=NOT_ONE | {"name service", "network extras"}),
            Way(
                POST,
                ADDRESS,
                said("remove"),
                word_set("remove"),
                never=NOT_ONE | {"name service", "network extras"},
            ),
            Way(
                DELETE | POST,
                (word_set("address"),),
                said("remove server"),
                word_set("remove"),
                never=NOT_ONE | word_set("pool") | {"name service", "network extras"},
                doubt="the path does not name the server",
            ),
        ),
        strict=True,
    ),
    Wish(
        "ptr_set",
        (
            Way(
                POST,
                OF_AN_ADDRESS,
                said("name service"),
                word_set("add"),
                keys=(REVERSE_NAME,),
                never=NOT_ONE | word_set("remove pool"),
            ),
            Way(POST, OF_AN_ADDRESS, keys=(REVERSE_NAME,), never=NOT_ONE | word_set("remove pool")),
        ),
    ),
    Wish(
        "host_name_set",
        (
            Way(
                POST,
                SERVER,
                keys=(NEW_HOST_NAME,),
                never=NOT_A_SERVER | word_set("install os template diag owner user address power disk wipe"),
            ),
        ),
    ),
    Wish(
        "key_create",
        (
            Way(
                POST,
                USER,
                (frozenset({"login key"}),),
                word_set("login create add"),
                never=word_set("rack bulk schedule record trial old message lock virtual remove") | {"other secret"},
            ),
        ),
        strict=True,
    ),
)
