"""Our words in the panel's bodies and answers: which of its keys each may be, as data.

Source: docs/sources.md, panel 7.2 to 10 and 14.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One word of ours that a body or an answer should have a key for.

    `names`: regular expressions for the key without its "_id", the best first. `says`: concepts that its description
    speaks of where the name tells nothing. `enum`: words, one of which is among its values. `kinds`: the types of JSON
    that we send. `never`: words that turn it round. `things`: words, one of which its name or description must have to
    be sure. `need`: without it the call is not meant. `vital`: without it the proposal is not sure.
    """

    word: str
    names: tuple[str, ...]
    kinds: frozenset[str] = frozenset({"string"})
    says: frozenset[str] = frozenset()
    enum: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    need: bool = False
    vital: bool = False


def word_set(words: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(words.split())


NUMBER, TEXT, EITHER = word_set("integer number"), word_set("string"), word_set("integer number string")
EMAIL = Key("email", (r"(user_?)?e?_?mail(_address)?|eml", r"login|user(_?name)?"), says=word_set("message"), need=True)
PASSWORD = Key(
    "password",
    (
        r"password|passwd|pass|pwd|passphrase",
        r"(root|os|user|admin|new|server)_?(password|passwd|pass|pw|pwd)",
        r"secret",
    ),
    says=word_set("secret"),
    never=word_set("confirm confirmation repeat old current hash ssh key length"),
    vital=True,
)
TEMPLATE = Key(
    "os_template",
    (r"os_?(template|tpl|image)", r"template|tpl|os|image|distro|distribution|operating_system"),
    kinds=NUMBER,
    says=word_set("template"),
    never=word_set("tag tags name disk raid script recipe partition"),
    need=True,
)
SSH_KEYS = Key(
    "ssh_keys",
    (r"ssh_?(pub(lic)?_?)?keys?(_ids?)?", r"(pub(lic)?_)keys?"),
    kinds=word_set("array"),
    need=True,
)
SSH_KEY_NAME = Key("name", (r"name|title|label", r"comment|description"))
PUBLIC_KEY = Key("public_key", (r"ssh_?pub(lic)?_?key|pub(lic)?_?key|ssh_?key", r"key|content|body|value"), need=True)
HOSTNAME = Key("hostname", (r"host_?name|fqdn", r"domain(_name)?|dns_?name", r"(server|machine|node)_?name", r"name"))
NEW_HOST_NAME = Key("hostname", (r"host_?name|fqdn", r"domain(_name)?|dns_?name"), need=True)
REVERSE_NAME = Key(
    "domain", (r"ptr|rdns|reverse_?(name|dns)", r"domain(_name)?|dns_?name", r"host_?name|fqdn"), need=True
)
DISKS = Key(
    "clear_disks",
    (
        r"(clear|wipe|erase|clean)_?(all_)?(the_)?(disks?|discs?|drives?|storage|hdds?|data)"
        r"|(disks?|discs?|drives?|storage|data)_?(clear|wipe|erase|clean|cleanup|erasure|wiping|clearing)",
        r"(is_|do_|need_|with_)?(clear|wipe|erase|clean)(_?(disks?|discs?|drives?|storage|data))?",
    ),
    kinds=word_set("boolean"),
    says=word_set("wipe disk"),
    things=word_set(
        "disk disks disc discs drive drives storage hdd hdds ssd ssds cleardisks wipedisks erasedisks cleandisks dsk"
        " dsks диск диски дисков дисках диска накопители накопителей"
    ),
    never=word_set("keep preserve skip no not without dont exclude except save log logs sel bmc"),
    need=True,
)
OWNER = Key(
    "owner",
    (r"(new_)?owner(_user)?", r"(user|usr|account|client|customer|holder|tenant)(_owner)?", r"assignee"),
    kinds=NUMBER,
    says=word_set("owner"),
    never=word_set("email mail name old previous current notify send"),
    need=True,
)
ENDS = word_set("canceled cancelled cancel aborted interrupted terminated cncl")
STATUS = Key("status", (r"status|state", r"new_status|new_state|result"), says=word_set("status"), enum=ENDS, need=True)
POOL = Key("pool", (r"(ip_?|address_|ipv4_)?pool",), kinds=NUMBER, says=word_set("pool"), need=True)
COUNT = Key(
    "count",
    (
        r"count|number|amount|quantity|qty|num|how_many",
        r"(ip|ipv4|address|addresses|ips)_?(count|number|amount|num|qty)",
    ),
    kinds=NUMBER,
    never=word_set("vlan"),
    vital=True,
)
FAMILY = Key(
    "family",
    (r"(ip_?|address_)?(family|version)", r"(ip_|address_)?(type|proto|protocol)"),
    kinds=EITHER,
    enum=word_set("ipv4 ip4 v4 inet"),
)
USER_KEYS = (
    EMAIL,
    Key("full_name", (r"full_?name|fio", r"(real|display)_?name", r"name")),
    PASSWORD,
    Key("phone", (r"phone(_?number)?", r"(mobile|tel|telephone)(_?number)?")),
    Key("role", (r"role", r"(access_)?level|(user|account)_?(role|level|group)", r"group"), vital=True),
)

TRAFFIC_QUERY: Mapping[str, tuple[str, ...]] = {
    "from": (r"from|since|start|begin|t0", r"(date|time)_?(from|start)|(start|from|begin)_?(date|time|at)?"),
    "to": (r"to|until|till|end|t1", r"(date|time)_?(to|end)|(end|to|until)_?(date|time|at)?"),
}
_IN, _OUT = "received|rx|in|incoming|inbound|ingress|download", "sent|tx|out|outgoing|outbound|egress|upload"
TRAFFIC_ANSWER: Mapping[str, tuple[str, ...]] = {
    "received": (_IN, rf"(bytes|traffic|total|net)?_?({_IN})_?(bytes|b|total)?"),
    "sent": (_OUT, rf"(bytes|traffic|total|net)?_?({_OUT})_?(bytes|b|total)?"),
    "limit": (r"limit|quota", r"(traffic|bytes)?_?(limit|lim|quota)_?(bytes|b)?"),
}
