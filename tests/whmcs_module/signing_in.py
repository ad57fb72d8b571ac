"""What the stories of single sign-on have in common: a product that offers it, and runs that seal a key."""

from typing import Any

from pydantic import SecretStr

from runtime.sealing import Seal
from simulator.whmcs_php.sign_on import SignOn, single_sign_on
from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import ModuleHarness, settings_with

CLIENTS_MAY = settings_with(sign_in="on")
"""A product's settings, with the sign-in for its clients."""
KEY = "25-canary00-1d2b-4c3d-8e4f-5a6b7c8d9e0f"
PAGE = f"https://main.example.com/auth/key-v4/{KEY}"
NOT_YET = "The panel has not answered yet: try again in a few seconds."
FOR_CLIENTS = "Signing in did not work just now: try again later, or ask our staff."


def sealed_for(run: FakeRun, key: str = KEY) -> str:
    """What the flow labels its run with."""
    return Seal(run.parameters["public_key"]).close(SecretStr(key))


def flows_seal(scene: ModuleHarness, key: str = KEY) -> None:
    """From now on runs are over as soon as somebody looks, with the key of the panel."""
    scene.prefect.ends["sign-in"] = ("COMPLETED", "", lambda run: {"sealed_key": sealed_for(run, key)})


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    return await scene.sold(settings)


async def sign_on(scene: ModuleHarness, service: int, **more: Any) -> SignOn:
    return await single_sign_on(scene.whmcs, service, scene.client, **more)


def runs(scene: ModuleHarness, service: int) -> list[FakeRun]:
    return [run for run in scene.prefect.of(service) if run.flow == "sign-in"]
