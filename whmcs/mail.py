"""Mails that WHMCS sends to clients."""

from whmcs.transport import Transport


class Mail:
    """Has WHMCS send its own templates."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, messagename: str, service_id: int) -> None:
        """Send a product mail template about a service to its client. Never repeated by itself after a lost answer.

        Raises Unreachable: the mail may or may not be on its way (WHMCS: Email Message Log). Refused: also for an
        empty template, a hook's veto or a mail server's fault. Surprise.
        Source: dossier "WHMCS", section 13 (SendEmail).
        """
        await self._transport.call("SendEmail", {"messagename": messagename, "id": service_id})
