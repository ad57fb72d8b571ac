"""What the panel has at the beginning: four servers in two locations, two pools, one switch, templates, one admin."""

from tests.contract.other_panel.state import Account, Clock, Image, Interface, Machine, Place, World

EPYC = "EPYC-7302P-128Gb-2x1920NVMe"
RYZEN = "R9-5950X-64Gb-2x960NVMe"
RIGA, NARVA = 21, 22
CLIENTS, WORKSHOP = 61, 62
SWITCH = 9
ADMIN = "root@other.example"
ADMIN_PASSWORD = "other-panel-admin"
IMAGE = "AlmaLinux 9"


def stocked(clock: Clock) -> World:
    """A panel's world as the tests begin with it."""
    world = World(clock)
    world.sites = [Place(RIGA, "Riga"), Place(NARVA, "Narva")]
    world.pool_names = [Place(CLIENTS, "clients"), Place(WORKSHOP, "workshop")]
    world.pools = {
        CLIENTS: [f"203.0.113.{last}" for last in range(10, 30)],
        WORKSHOP: [f"10.9.0.{last}" for last in range(2, 6)],
    }
    world.images = [
        Image(1, "Check Tool", RIGA, "diagnostics"),
        Image(2, IMAGE, RIGA, "os", ("linux", "rpm")),
        Image(3, IMAGE, NARVA, "os", ("linux", "rpm")),
        Image(4, "FreeBSD 14", RIGA, "os", ("bsd",)),
    ]
    world.accounts = [Account(1, ADMIN, "Root", ADMIN_PASSWORD, "@admin")]
    # Number, configuration, location, power, outlets, network ports.
    for number, configuration, site, powered, outlets, ports in (
        (501, EPYC, RIGA, True, 1, 1),
        (502, EPYC, RIGA, False, 2, 2),
        (503, EPYC, NARVA, True, 0, 1),
        (504, RYZEN, RIGA, True, 2, 1),
    ):
        interfaces = [_interface(number, place) for place in range(ports + 1)]
        world.machines[number] = Machine(
            id=number,
            name=f"blade-{number}",
            configuration=configuration,
            site_id=site,
            serial=f"OTH{number}X",
            barcode=f"B{number}",
            outlets=outlets,
            interfaces=interfaces,
            powered=powered,
        )
    return world


def _interface(machine: int, place: int) -> Interface:
    """Place 0 is the BMC's."""
    number = (machine - 500) * 10 + place
    mac = f"02:0A:0B:{machine - 500:02X}:00:{place:02X}"
    return Interface(number, f"xe-0/0/{number}", machine, mac, bmc=place == 0)
