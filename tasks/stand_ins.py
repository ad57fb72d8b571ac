"""What stands in for WHMCS's client in a rehearsal, which is nobody's service."""

from dcimanager.panel import Panel
from ledger.snapshots import Service
from whmcs.clients import Client


def stand_in_client(panel: Panel, service: Service) -> Client:
    """A client who is nobody: the rehearsal's own panel user is made for them."""
    return Client(
        id=-service.service_id, email=stand_in_email(panel, service), firstname="dciflow", lastname="rehearsal"
    )


def stand_in_email(panel: Panel, service: Service) -> str:
    """The e-mail of the rehearsal's own panel user: one for each rehearsal, in the domain of our user name."""
    _, at, domain = panel.transport.access.username.rpartition("@")
    domain = domain if at else "rehearsal.invalid"
    return f"dciflow-rehearsal{service.service_id}@{domain}"
