"""Putting a simulated data centre together from a profile."""

from simulator.panel.models import (
    SimAddress,
    SimLocation,
    SimOperation,
    SimPool,
    SimPort,
    SimServer,
    SimStep,
    SimTemplate,
    SimUser,
)
from simulator.panel.profile import Batch, Profile
from simulator.panel.state import PanelState

DIAGNOSTICS_STEPS = ("prepare_template", "upload_template", "run_diagnostics", "complete")


def build(world: PanelState) -> None:
    """Fill an empty world. 10,000 servers take less than two seconds."""
    profile = world.profile
    admin = SimUser(1, profile.admin_email, "Administrator", profile.admin_password, None, ("@admin",))
    world.users[world.next_id("user")] = admin
    for batch in profile.fleet:
        _location(world, batch.location)
    _templates(world, profile)
    _pools(world, profile)
    for batch in profile.fleet:
        for _ in range(batch.servers):
            add_server(world, batch)
    _odd_rows(world, profile)


def add_server(world: PanelState, batch: Batch, *, is_new: bool = False, empty: str | None = None) -> SimServer:
    """A server as it stands after it was accepted: diagnosed, clean, without an owner."""
    number = world.next_id("server")
    machine = number - 1 + world.profile.first_machine
    location = _location(world, batch.location)
    place = world.next_id(f"place in {batch.location}", 0)
    rack_number = place % world.profile.racks_per_location + 1
    macs = [_mac(number, i) for i in range(3)]
    server = SimServer(
        id=number,
        name=f"srv-{number:03}",
        domain="free.example.com",
        configuration=batch.configuration or empty,
        location_id=location,
        rack=f"{batch.location[:3].upper()}-{rack_number:02}",
        rack_id=location * 1000 + rack_number,
        unit=place // world.profile.racks_per_location + 1,
        barcode=f"A{machine:05}",
        serial=f"SN{machine:06}",
        macs=macs,
        efi=batch.efi,
        bmc=world.chance.choice(("on", "off")),
        is_new=is_new,
    )
    world.servers[number] = server
    every = world.profile.ports_down_every
    for i, description in enumerate(("GigabitEthernet1/0/1", "GigabitEthernet1/0/2", "Management1")):
        port = SimPort(
            id=world.next_id("port", 401),
            switch=server.rack_id,
            switch_name=f"sw-{server.rack.lower()}",
            description=f"{description} unit {server.unit}",
            mac=macs[i],
            admin_up=i == 2 or not (every and number % every == 0),
            is_bmc=i == 2,
        )
        server.ports.append(port)
        world.ports[port.id] = (server, port)
    if not is_new:
        _accept(world, server)
    return server


def _accept(world: PanelState, server: SimServer) -> None:
    """The traces of the diagnostics that every accepted server went through."""
    steps = [SimStep(name, "finished") for name in DIAGNOSTICS_STEPS]
    number = world.next_id("operation", 901)
    past = SimOperation(number, "diagnostics", server.id, "finished", world.now(), steps, finished_at=world.now())
    server.operations.append(past)
    world.operations[number] = past
    every = world.profile.stale_address_every
    public = next((pool for pool in world.pools.values() if "public" in pool.name and pool.free), None)
    if every and server.id % every == 0 and public is not None:
        address, network, gateway = public.take()
        number = world.next_id("address", 55)
        server.addresses.append(SimAddress(number, address, public.id, network, gateway, "allocated"))


def _mac(number: int, port: int) -> str:
    value = (number << 4) + port
    return "02:00:" + ":".join(f"{value >> shift & 255:02x}" for shift in (24, 16, 8, 0))


def _location(world: PanelState, name: str) -> int:
    for location in world.locations.values():
        if location.name == name:
            return location.id
    number = world.next_id("location")
    world.locations[number] = SimLocation(number, name)
    return number


def _templates(world: PanelState, profile: Profile) -> None:
    for location in world.locations.values():
        for plan in profile.templates:
            if plan.locations and location.name not in plan.locations:
                continue
            number = world.next_id("template", 11)
            world.templates[number] = SimTemplate(
                number, plan.name, location.id, plan.tags, plan.kind, plan.admin_only, plan.efi
            )


def _pools(world: PanelState, profile: Profile) -> None:
    for plan in profile.pools:
        number = world.next_id("pool")
        places = frozenset(_location(world, name) for name in plan.locations)
        world.pools[number] = SimPool(number, plan.name, plan.networks, plan.size, places, frozenset(plan.racks))
        if world.variants.ipv6_pools:
            world.pools[number].ipv6 = SimPool(number, plan.name, (f"2001:db8:{number}::/120",))
        if plan.deallocation:
            world.deallocation_pools.append(number)


def _odd_rows(world: PanelState, profile: Profile) -> None:
    if not profile.fleet:
        return
    first = profile.fleet[0]
    if world.variants.empty_configurations:
        nameless = first.model_copy(update={"configuration": ""})
        add_server(world, nameless, empty=None)
        add_server(world, nameless, empty="")
    if world.variants.new_servers:
        add_server(world, first, is_new=True)
    if world.variants.unsellable_servers:
        twin = add_server(world, first)
        twin.macs[1] = twin.ports[1].mac = world.servers[1].macs[1]
        add_server(world, first).problems.append("Disk sda: 12 reallocated sectors")
