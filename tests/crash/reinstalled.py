"""Situations in which somebody's data would be installed over, and sentences for whatever harm comes of them."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from flows.change_order import change_order
from flows.reinstall import reinstall
from runtime.run_log import EXPECTED
from runtime.settings import settings
from tests.crash.whose_data import Kept, delivered, identity
from tests.harness import Harness

DEBIAN = "Debian-12-x86_64"


def asked_for(harness: Harness, kept: Kept, **more: Any) -> dict[str, Any]:
    """What WHMCS sends when the service's client has typed its host name."""
    return {
        "os_template": DEBIAN,
        "hostname_typed": harness.billed(kept.service_id).domain,
        "requested_by": "client",
        "identity": identity(harness, kept.service_id),
        "asked_at": harness.clock.now(),
        **more,
    }


async def _tried(run: Awaitable[None]) -> None:
    try:
        await run
    except EXPECTED:
        pass


async def another_name_is_typed(harness: Harness) -> list[str]:
    """Anna has two servers, and types the name of the one on the page of the other."""
    kept = await delivered(harness)
    await _tried(harness.run(reinstall, kept.service_id, **asked_for(harness, kept, hostname_typed="web2.example.com")))
    harness.panel.settle()
    return list(kept.harm())


async def a_template_is_for_administrators(harness: Harness) -> list[str]:
    """A client sends the name of a template that no page offers them."""
    kept = await delivered(harness)
    templates = harness.panel.world.templates
    templates.update({one.id: replace(one, admin_only=True) for one in templates.values() if one.name == DEBIAN})
    await _tried(harness.run(reinstall, kept.service_id, **asked_for(harness, kept)))
    harness.panel.settle()
    return list(kept.harm())


async def a_template_is_none_that_was_sold(harness: Harness) -> list[str]:
    """A client sends the name of a template that the order does not allow them."""
    kept = await delivered(harness)
    order = harness.order(reinstall_templates=("Ubuntu-24.04-x86_64",))
    await harness.run(change_order, kept.service_id, order=order, requested_by="cron")
    await _tried(harness.run(reinstall, kept.service_id, **asked_for(harness, kept)))
    harness.panel.settle()
    return list(kept.harm())


async def an_old_press_comes_the_next_day(harness: Harness) -> list[str]:
    """Prefect was away when the client pressed; since then they have gone on to work on the server."""
    kept = await delivered(harness)
    pressed = asked_for(harness, kept)
    harness.clock.simulated.advance(24 * 3600)
    await _tried(harness.run(reinstall, kept.service_id, **pressed))
    harness.panel.settle()
    return list(kept.harm())


async def a_service_is_ended_in_whmcs(harness: Harness) -> list[str]:
    """It was terminated there a moment ago: its server is to be wiped under another permit, or brought back."""
    kept = await delivered(harness)
    harness.billed(kept.service_id).status = "Terminated"
    await _tried(harness.run(reinstall, kept.service_id, **asked_for(harness, kept)))
    harness.panel.settle()
    return list(kept.harm())


async def whmcs_is_taken_over(harness: Harness) -> list[str]:
    """Whoever has WHMCS knows every host name, and says that staff ask: one service a day is all that they get."""
    with patch.object(settings(), "cap_reinstalls_per_day", 1):
        fleet = [await delivered(harness, text=f"photographs {number}") for number in range(3)]
        for kept in fleet:
            wanted = asked_for(harness, kept, requested_by="admin")
            await _tried(harness.run(reinstall, kept.service_id, **wanted))
    harness.panel.settle()
    lost = [sentence for kept in fleet for sentence in kept.harm()]
    return [] if len(lost) <= 1 else [f"in one day: {'; '.join(lost)}"]
