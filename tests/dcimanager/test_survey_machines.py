import pytest

from dcimanager.survey_findings import FindingKind
from tests.dcimanager.surveyed_rows import (
    Row,
    of_kind,
    only,
    port,
    server,
    survey,
)


def test_placeholder_serials_are_counted_with_how_often_each_is_there() -> None:
    filled = [server(number, serial="To be filled by O.E.M.") for number in (1, 2)]
    finding = only(survey(*filled, server(3, serial="N/A"), server(4, serial=" "), server(5)))
    assert (finding.kind, finding.count, finding.ids) == (FindingKind.SERIAL_PLACEHOLDER, 4, (1, 2, 3, 4))
    assert finding.examples == ("To be filled by O.E.M. (2 times)", "N/A", "(blank)")


def test_placeholder_macs_are_counted_wherever_they_stand() -> None:
    found = survey(
        server(1, macs=["00:00:00:00:00:00", "00:16:3e:00:00:01"]),
        server(2, switch_connection=[port(2, mac="Not available")]),
        server(3, switch_connection=[port(3, mac="")]),
    )
    finding = only(found)
    assert (finding.kind, finding.count, finding.ids) == (FindingKind.MAC_PLACEHOLDER, 3, (1, 2, 3))
    assert set(finding.examples) == {"00:00:00:00:00:00", "Not available", "(blank)"}


@pytest.mark.parametrize(
    ("changes", "kind", "value"),
    [
        ({"serial": "SN-same"}, FindingKind.SERIAL_SHARED, "sn-same"),
        ({"macs": ["00:16:3E:11:11:11"]}, FindingKind.MAC_SHARED, "00:16:3e:11:11:11"),
        ({"barcode": "B-same"}, FindingKind.BARCODE_SHARED, "b-same"),
    ],
)
def test_a_value_that_several_servers_have_is_told_with_all_of_them(
    changes: Row, kind: FindingKind, value: str
) -> None:
    finding = only(survey(server(1, **changes), server(2), server(3, **changes)))
    assert (finding.kind, finding.count, finding.rows, finding.ids) == (kind, 1, 2, (1, 3))
    assert finding.examples == (f"{value} at 1, 3",)


def test_a_placeholder_that_several_servers_have_is_not_called_shared() -> None:
    found = survey(server(1, serial="None", barcode="None"), server(2, serial="None", barcode="None"))
    assert [one.kind for one in found.findings] == [FindingKind.SERIAL_PLACEHOLDER]


def test_a_server_that_has_only_what_others_have_too_is_without_identity() -> None:
    nothing: Row = {"serial": "None", "macs": [], "switch_connection": [port(1, mac=None)], "barcode": ""}
    shared = {**nothing, "serial": "SN-same"}
    ports = [{"switch_connection": [port(number, mac=None)]} for number in range(1, 5)]
    found = survey(
        server(1, **nothing | ports[0]), server(2, **shared | ports[1]), server(3, **shared | ports[2]), server(4)
    )
    finding = of_kind(found, FindingKind.NO_IDENTITY)
    assert (finding.count, finding.ids) == (3, (1, 2, 3))


def test_a_server_that_has_no_port_but_the_bmcs_is_told() -> None:
    found = survey(server(1, switch_connection=[port(1, is_ipmi_connection=True)]), server(2, switch_connection=[]))
    finding = only(found)
    assert (finding.kind, finding.ids) == (FindingKind.NO_PORTS, (1, 2))


def test_a_switch_port_at_two_servers_is_told_and_the_same_number_at_another_switch_is_not() -> None:
    same = [port(77, mac=None)]
    found = survey(
        server(1, switch_connection=same),
        server(2, switch_connection=same),
        server(3, switch_connection=[port(77, switch=19)]),
    )
    finding = only(found)
    assert (finding.kind, finding.ids) == (FindingKind.PORT_SHARED, (1, 2))
    assert finding.examples == ("switch 18, port 77 at 1, 2",)


def test_configurations_with_blanks_and_without_a_name_are_told() -> None:
    found = survey(
        server(1, configuration=" E5 "), server(2, configuration="E5  64Gb"), server(3, configuration=None),
        server(4, configuration="  "), server(5, configuration="E5 64Gb"),
    )  # fmt: skip
    blanks, empty = of_kind(found, FindingKind.CONFIGURATION_BLANKS), of_kind(found, FindingKind.CONFIGURATION_EMPTY)
    assert (blanks.ids, blanks.examples) == ((1, 2), ('" E5 "', '"E5  64Gb"'))
    assert empty.ids == (3, 4)
