"""WHMCS's activity log: the trail that staff always have."""

from whmcs.transport import Parameters, Transport


class Log:
    """Writes lines of the activity log."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def write(self, description: str, client_id: int | None = None) -> None:
        """Write one line, shown with the client where one is given. After a lost answer it may stand there already.

        Raises what Transport.call raises.
        Source: dossier "WHMCS", sections 8 and 13 (LogActivity).
        """
        client: Parameters = {} if client_id is None else {"clientid": client_id}
        await self._transport.call("LogActivity", {"description": description, **client})
