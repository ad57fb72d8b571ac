"""What each entry of endpoints.toml wants of a call, as data.

Source: docs/sources.md, panel 6 to 12.
"""

from dcimanager.learning.strict_wishes import STRICT_WISHES
from dcimanager.learning.wanted_keys import EMAIL, PASSWORD, PUBLIC_KEY, SSH_KEY_NAME, USER_KEYS, word_set
from dcimanager.learning.wish_forms import (
    DELETE,
    GET,
    NONE,
    NOT_A_LIST,
    NOT_ONE,
    OPERATION,
    POST,
    SERVER,
    USER,
    Way,
    Wish,
    said,
)

WISHES: tuple[Wish, ...] = (
    *STRICT_WISHES,
    Wish(
        "login",
        (
            Way(
                POST,
                NONE,
                said("login"),
                word_set("login add create token"),
                keys=(EMAIL, PASSWORD),
                never=word_set("remove record settings old right") | word_set("reset rescue lock trial"),
            ),
        ),
    ),
    Wish(
        "logout",
        (
            Way(
                DELETE,
                (word_set("token"),),
                said("token"),
                word_set("token login remove"),
                never=word_set("bulk settings"),
            ),
            Way(
                DELETE,
                NONE,
                said("token"),
                word_set("token login remove"),
                never=word_set("bulk settings"),
                doubt="its path does not name the session",
            ),
        ),
    ),
    Wish(
        "whoami", (Way(GET, NONE, said("self"), word_set("self user token"), never=word_set("settings right record")),)
    ),
    Wish(
        "server_list",
        (
            Way(
                GET,
                NONE,
                said("server"),
                collection=word_set("server"),
                never=NOT_A_LIST | word_set("configuration operation"),
            ),
        ),
        answer=word_set("owner operation configuration power"),
    ),
    Wish(
        "server_get",
        (Way(GET, SERVER, (), never=NOT_A_LIST - word_set("template")),),
        answer=word_set("owner operation configuration power"),
    ),
    Wish(
        "server_configurations",
        (
            Way(
                GET,
                NONE,
                said("configuration server", "configuration"),
                collection=word_set("configuration"),
                never=word_set("settings record rack old switch pdu"),
            ),
        ),
        answer=word_set("configuration free"),
    ),
    Wish("operation_get", (Way(GET, OPERATION, (), never=NOT_ONE),), answer=word_set("status")),
    Wish(
        "address_list",
        (
            Way(
                GET,
                SERVER,
                said("address"),
                word_set("address"),
                collection=word_set("address"),
                never=word_set("free pool record trial old"),
            ),
        ),
        answer=word_set("address status"),
    ),
    Wish(
        "ip_pool_list",
        (
            Way(
                GET,
                NONE,
                said("pool address", "pool"),
                collection=word_set("pool"),
                never=NOT_A_LIST | word_set("server"),
            ),
        ),
        answer=word_set("pool address free"),
    ),
    Wish(
        "network_list",
        (Way(GET, NONE, said("network"), collection=word_set("network"), never=NOT_A_LIST | word_set("server port")),),
        answer=word_set("pool address"),
    ),
    Wish(
        "ip_pool_settings",
        (
            Way(
                GET,
                NONE,
                said("settings pool", "settings address"),
                word_set("settings pool address"),
                never=word_set("old record"),
            ),
        ),
        answer=word_set("pool"),
    ),
    Wish(
        "user_list",
        (Way(GET, NONE, said("user"), collection=word_set("user"), never=NOT_A_LIST | word_set("self token server")),),
        answer=word_set("message right"),
    ),
    Wish(
        "user_create",
        (
            Way(
                POST,
                NONE,
                said("user"),
                word_set("user create add"),
                keys=USER_KEYS,
                never=word_set("token self bulk old record"),
            ),
        ),
    ),
    Wish(
        "ssh_key_list",
        (
            Way(
                GET,
                USER,
                said("ssh"),
                collection=word_set("ssh") | {"login key"},
                never=word_set("server old record"),
            ),
        ),
    ),
    Wish(
        "ssh_key_create",
        (
            Way(
                POST,
                USER,
                said("ssh"),
                word_set("ssh create add") | {"login key"},
                keys=(SSH_KEY_NAME, PUBLIC_KEY),
                never=word_set("rack bulk schedule record trial old message lock virtual remove"),
            ),
        ),
        strict=True,
    ),
    Wish(
        "os_template_list",
        (
            Way(
                GET,
                NONE,
                said("template os", "template", "os"),
                collection=word_set("template os"),
                never=word_set("diagnosing message record settings old trial sort bulk iso software server"),
            ),
        ),
    ),
    Wish(
        "location_list",
        (
            Way(
                GET,
                NONE,
                said("location"),
                collection=word_set("location"),
                never=NOT_A_LIST | word_set("server address"),
            ),
        ),
    ),
    Wish(
        "server_traffic",
        (Way(GET, SERVER, said("traffic"), word_set("traffic"), never=word_set("old trial power")),),
        answer=word_set("traffic"),
    ),
)
"""The page itself (`swagger`) is found, not proposed."""
