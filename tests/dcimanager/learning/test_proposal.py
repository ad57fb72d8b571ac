import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.learning.description import Call, Description
from dcimanager.learning.proposal import Certainty, propose
from dcimanager.learning.schemas import Property

SERVER = "dci/v9/server/{id}"


def key(name, kind="string", **more):
    return Property(name, kind, **more)


CLEAR = key("clear_disks", "boolean", description="Clear the disks")
INSTALL = (key("os_template", "integer"), key("password"), key("hostname"))
OWNER = (key("owner", "integer"),)
POOL = (key("pool", "integer"), key("count", "integer"))
STATUS = (key("status", enum=("ok", "canceled", "failed")),)


def call(title, body=None, **more):
    method, path = title.split(" ")
    return Call("DCI", method, path, body=body, **more)


def learned(*calls):
    return {one.entry: one for one in propose(Description(calls, ("DCI",)), load_dialect()).proposals}


RIGHT = {
    "power_on": call(f"POST {SERVER}/power_on"),
    "power_off": call(f"POST {SERVER}/power/off"),
    "power_reset": call(f"POST {SERVER}/reboot"),
    "owner_set": call(f"POST {SERVER}/owner", OWNER),
    "owner_clear": call(f"DELETE {SERVER}/owner"),
    "os_install": call(f"POST {SERVER}/reinstall", INSTALL),
    "diagnostics": call(f"POST {SERVER}/diag", (CLEAR,)),
    "operation_end": call(f"POST {SERVER}/operation/{{op}}", STATUS),
    "port_on": call("POST dci/v9/switch/{sw}/port/{p}/up"),
    "port_off": call("POST dci/v9/switch/{sw}/port/{p}/disable"),
    "address_add": call(f"POST {SERVER}/ip", POOL),
    "address_remove": call(f"DELETE {SERVER}/ip/{{ip}}"),
    "key_create": call("POST auth/v9/user/{id}/key"),
    "rescue_start": call(f"POST {SERVER}/recovery", INSTALL[:2]),
    "rescue_leave": call(f"POST {SERVER}/recovery/finish"),
}


@pytest.mark.parametrize("entry", RIGHT)
def test_a_plain_path_alone_is_enough(entry):
    proposal = learned(RIGHT[entry])[entry]
    assert (proposal.certainty, proposal.doubts) == (Certainty.SURE, ())
    assert "{id}" not in proposal.path
    assert proposal.evidence


DECOYS = [
    # another secret than the one that signs in, or the key of somebody else
    ("key_create", call("POST auth/v9/user/{id}/sshkey")),
    ("key_create", call("POST auth/v9/user/{id}/ssh_key")),
    ("key_create", call("POST auth/v9/user/{id}/password")),
    ("key_create", call("POST auth/v9/user/{id}/key/history")),
    ("key_create", call("POST auth/v9/user/{id}/keys/delete")),
    ("key_create", call("POST auth/v9/public/key")),
    ("key_create", call("POST auth/v9/server/{id}/key")),
    ("key_create", call("POST auth/v9/user/{id}/key", summary="Add an SSH key of a user")),
    # wipes without diagnostics, or diagnoses without wiping
    ("diagnostics", call(f"POST {SERVER}/clear_disks", (CLEAR,), summary="Clear the disks of a server")),
    ("diagnostics", call(f"POST {SERVER}/diag", (key("full", "boolean"),), summary="Start diagnostics")),
    ("diagnostics", call(f"POST {SERVER}/diag", (key("keep_data", "boolean", description="Do not wipe the disks"),))),
    ("diagnostics", call(f"POST {SERVER}/diag", (key("clear_logs", "boolean", description="Clear the logs on disk"),))),
    ("diagnostics", call(f"POST {SERVER}/diag/log/clear", (CLEAR,))),
    ("diagnostics", call(f"POST {SERVER}/diag", (key("wipe_data", "boolean", description="Wipe what was measured"),))),
    ("diagnostics", call(f"POST {SERVER}/diag", (key("clear", "boolean"),))),
    ("power_on", call(f"POST {SERVER}/power_on", summary="Power on the BMC of a server")),
    ("diagnostics", call("POST dci/v9/rack/{id}/diag", (CLEAR,))),
    ("diagnostics", call("POST dci/v9/server/diag", (CLEAR, key("servers", "array")))),
    ("diagnostics", call(f"POST {SERVER}/diag/schedule", (CLEAR,))),
    # more than one machine
    ("power_off", call("POST dci/v9/rack/{id}/power_off", summary="Power off a rack")),
    ("power_off", call(f"POST {SERVER}/rack/power_off")),
    ("power_off", call(f"POST {SERVER}/power_off", description="Powers off all servers of the rack")),
    ("power_off", call(f"POST {SERVER}/power_off", summary="Выключить все серверы стойки")),
    ("power_off", call("POST dci/v9/location/{id}/server/{server}/power_off")),
    ("power_off", call("POST dci/v9/pdu/{id}/port/{port}/power_off")),
    ("power_off", call("POST dci/v9/virtual-machine/{id}/power_off")),
    ("power_off", call("POST dci/v9/virtual-server/{server_id}/power_off")),
    ("power_off", call("POST dci/v9/backup/{server_id}/power_off")),
    ("power_off", call("POST dci/v9/blade-enclosure/{server}/power_off")),
    ("power_on", call(f"POST {SERVER}/power_on/schedule")),
    ("power_reset", call(f"POST {SERVER}/bmc/reset", summary="Reset the BMC")),
    ("power_reset", call(f"POST {SERVER}/reset", summary="Reset the server", description="To the maker's settings")),
    ("port_off", call("POST dci/v9/switch/{id}/port/off", summary="Switch all ports off")),
    ("port_off", call("POST dci/v9/switch/{id}/power_off")),
    ("port_off", call("POST dci/v9/switch/{sw}/port/{port}/poe/off")),
    ("port_off", call("POST dci/v9/pdu/{pdu}/port/{port}/off")),
    ("port_off", call("POST dci/v9/switch/{sw}/port/{port}/down", description="Disables every port of the switch")),
    ("owner_set", call("POST dci/v9/server/owner", (*OWNER, key("ids", "array")))),
    ("owner_set", call(f"POST {SERVER}/owner/notify", OWNER)),
    ("owner_set", call(f"POST {SERVER}/owner", (*OWNER, key("server_ids", "array")))),
    ("owner_clear", call(f"DELETE {SERVER}", summary="Delete a server and remove its owner")),
    # an installation of something else
    ("os_install", call(f"POST {SERVER}/install_driver", INSTALL, summary="Install a driver")),
    ("os_install", call(f"POST {SERVER}/agent/install", INSTALL)),
    (
        "os_install",
        call(f"POST {SERVER}/install", INSTALL, summary="Install the monitoring agent on the servers of a rack"),
    ),
    ("os_install", call(f"POST {SERVER}/recovery", INSTALL, summary="Start recovery")),
    ("os_install", call(f"POST {SERVER}/install/cancel", INSTALL)),
    # out of it, not into it, and the other way round; or something that is no rescue system
    ("rescue_start", call(f"POST {SERVER}/recovery/finish", INSTALL[:2])),
    ("rescue_start", call(f"POST {SERVER}/install", INSTALL[:2])),
    ("rescue_start", call("POST dci/v9/rack/{id}/recovery", INSTALL[:2])),
    ("rescue_start", call(f"POST {SERVER}/recovery", (key("os_template", "integer"),))),
    ("rescue_leave", call(f"POST {SERVER}/recovery/start", summary="Start recovery mode")),
    ("rescue_leave", call(f"POST {SERVER}/operation/cancel", summary="Cancel an operation")),
    # a record, not the operation
    ("operation_end", call(f"DELETE {SERVER}/operation/{{op}}", summary="Delete the record of an operation")),
    ("operation_end", call(f"DELETE {SERVER}/operation/{{op}}")),
    ("operation_end", call(f"POST {SERVER}/operation/{{op}}/retry")),
    ("operation_end", call(f"POST {SERVER}/operation/{{op}}", (key("status", enum=("ok", "failed")),))),
    ("operation_end", call("POST dci/v9/operation/cancel", summary="Cancel all operations")),
    # addresses of something else
    ("address_add", call(f"POST {SERVER}/ip", (key("address"),))),
    ("address_remove", call("DELETE ip/v3/ip/{ip}", summary="Delete an address from the database")),
    ("address_remove", call(f"DELETE {SERVER}/ip/{{ip}}/ptr")),
]


@pytest.mark.parametrize(("entry", "decoy"), DECOYS, ids=lambda one: one if isinstance(one, str) else one.title)
def test_a_decoy_is_never_sure(entry, decoy):
    assert learned(decoy)[entry].certainty is not Certainty.SURE


BESIDE = [
    (entry, decoy) for entry, decoy in DECOYS if (decoy.method, decoy.path) != (RIGHT[entry].method, RIGHT[entry].path)
]


@pytest.mark.parametrize(("entry", "decoy"), BESIDE, ids=lambda one: one if isinstance(one, str) else one.title)
def test_a_decoy_does_not_win_over_the_right_call(entry, decoy):
    right = RIGHT[entry]
    proposal = learned(decoy, right)[entry]
    alone = learned(right)[entry]
    assert proposal.certainty is Certainty.OPEN or proposal.call == alone.call


@pytest.mark.parametrize("entry", RIGHT)
def test_two_calls_that_fit_equally_leave_it_open(entry):
    right = RIGHT[entry]
    twin = Call(right.definition, right.method, right.path.replace("dci/v9", "other/v9"), body=right.body)
    assert learned(right, twin)[entry].certainty is Certainty.OPEN


@pytest.mark.parametrize("entry", RIGHT)
def test_of_two_versions_the_newer_is_meant_and_a_deprecated_one_alone_is_not_sure(entry):
    right = RIGHT[entry]
    old = Call(right.definition, right.method, right.path.replace("v9", "v8"), body=right.body)
    assert "/v9/" in learned(old, right)[entry].path
    gone = Call(right.definition, right.method, right.path, body=right.body, deprecated=True)
    assert learned(gone)[entry].certainty is not Certainty.SURE
    newer_but_gone = Call(
        right.definition, right.method, right.path.replace("v9", "v10"), body=right.body, deprecated=True
    )
    assert learned(newer_but_gone, right)[entry].certainty is not Certainty.SURE


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"body": (*INSTALL, key("licence", required=True))}, "it requires licence, which we do not send"),
        ({"body": INSTALL, "consumes": ("multipart/form-data",)}, "it takes multipart/form-data, and we send JSON"),
        ({"body": INSTALL, "placed": False}, "its definition does not say where its paths begin"),
        ({"body": INSTALL[:1]}, "it has no key for our password"),
        ({"body": (key("os_template", "array"), *INSTALL[1:])}, "os_template is of the type array"),
        ({"body": INSTALL, "query": (key("force", required=True),)}, "it requires force in its query"),
    ],
)
def test_what_we_cannot_send_is_named_and_keeps_it_from_being_sure(more, said):
    body = more.pop("body")
    proposal = learned(call(f"POST {SERVER}/install", body, summary="Install an OS", **more))["os_install"]
    assert proposal.certainty is not Certainty.SURE
    assert any(said in doubt for doubt in proposal.doubts)


def test_a_method_that_the_table_cannot_hold_is_named():
    proposal = learned(call(f"PUT {SERVER}/owner", OWNER))["owner_set"]
    assert (proposal.certainty, proposal.path) == (Certainty.OPEN, "")
    assert f"PUT {SERVER}/owner would fit" in proposal.evidence[0]


@pytest.mark.parametrize(
    ("nullable", "description", "certainty"),
    [(True, "", Certainty.SURE), (False, "null for none", Certainty.LIKELY), (False, "", Certainty.OPEN)],
)
def test_an_owner_is_taken_away_by_null_only_where_null_is_allowed(nullable, description, certainty):
    owner = key("owner", "integer", nullable=nullable, description=description)
    assert learned(call(f"POST {SERVER}/owner", (owner,)))["owner_clear"].certainty is certainty


def test_values_come_from_the_enums():
    found = learned(
        call(f"POST {SERVER}/ip", (*POOL, key("version", "integer", enum=("4", "6")))),
        call("POST dci/v9/user", (key("mail"), key("pwd"), key("role", enum=("admin", "client")))),
        RIGHT["operation_end"],
    )
    assert found["address_add"].values == {"ipv4": 4}
    assert found["user_create"].values == {"user": "client"}
    assert found["operation_end"].values == {"ended": "canceled"}


def test_russian_summaries_are_read():
    found = learned(
        call("POST x/v1/server/{id}/power", summary="Включить питание сервера"),
        call(
            "POST x/v1/server/{id}/diag", (key("flag", "boolean", description="Очистить диски"),), summary="Диагностика"
        ),
        call("GET x/v1/server", summary="Список серверов"),
    )
    assert found["power_on"].path == "x/v1/server/{server}/power"
    assert found["power_on"].certainty is Certainty.SURE
    assert found["diagnostics"].body == {"clear_disks": "flag"}
    assert found["diagnostics"].certainty is Certainty.LIKELY
    assert found["server_list"].certainty is Certainty.SURE


def test_nothing_is_proposed_where_nothing_is_described():
    found = learned()
    assert {one.certainty for one in found.values()} == {Certainty.OPEN}
    assert {one.path for one in found.values()} == {""}
    assert set(found) == set(load_dialect().endpoints) - {"swagger", "address_add_ipv6"}


HOST_NAME = (key("domain"),)


def test_a_host_name_is_set_by_the_servers_own_editing():
    proposal = learned(call(f"POST {SERVER}", HOST_NAME, summary="Edit a server"))["host_name_set"]
    assert (proposal.certainty, proposal.body) == (Certainty.SURE, {"hostname": "domain"})


@pytest.mark.parametrize(
    "decoy",
    [
        call(f"POST {SERVER}", (key("name"),)),
        call(f"POST {SERVER}/ptr", HOST_NAME),
        call(f"POST {SERVER}/clear_disks", HOST_NAME),
        call(f"POST {SERVER}/install", INSTALL),
        call(f"POST {SERVER}/owner", (*OWNER, *HOST_NAME)),
        call("POST dci/v9/server", HOST_NAME, summary="Add a server"),
    ],
    ids=lambda one: one.title,
)
def test_another_name_or_more_than_a_name_is_never_sure_to_set_the_host_name(decoy):
    assert learned(decoy)["host_name_set"].certainty is not Certainty.SURE
