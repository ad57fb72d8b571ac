"""The functions of our own module inside WHMCS."""

from whmcs.transport import Transport


class Module:
    """Calls functions of the service's module."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def sync(self, service_id: int) -> None:
        """Have the module look at the service's run in Prefect now instead of at the next cron. May be repeated.

        Raises Refused: also where the module is not installed, or says that it could not look. Unreachable, Surprise.
        Source: dossier "WHMCS", sections 13 (ModuleCustom) and 22.
        """
        await self._transport.call("ModuleCustom", {"serviceid": service_id, "func_name": "sync"})
