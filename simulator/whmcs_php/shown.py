"""What a simulated WHMCS shows: rows, pages and answers, as tests and the demo read them."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ServiceShown(_Row):
    """A row of tblhosting; the password is decrypted."""

    id: int
    userid: int
    packageid: int
    server: int
    domain: str
    username: str
    password: str
    domainstatus: str
    dedicatedip: str
    assignedips: Text
    suspendreason: str


class MailShown(_Row):
    """A mail that went out; relid is the service, and mails to staff have userid 0."""

    userid: int
    relid: int
    messagename: str
    subject: str
    message: str


class QueueRow(_Row):
    """A row of the Module Queue."""

    id: int
    service_id: int
    module_name: str
    module_action: str
    last_attempt_error: str
    num_retries: int
    completed: bool


class LogRow(_Row):
    """An entry of the module log."""

    module: str
    action: str
    request: Text
    response: Text
    arrdata: Text


class ActivityShown(_Row):
    """A line of the activity log."""

    description: str
    userid: int


class NotificationShown(_Row):
    """An event for WHMCS's notification rules."""

    identifier: str
    title: str
    message: str
    url: str


class ApiRequest(_Row):
    """A request to includes/api.php. error: WHMCS's message, None for a success."""

    action: str
    body: str
    error: str | None


class WhmcsState(_Row):
    """The traces of what happened. php_faults: warnings and exceptions of module code, one line each."""

    services: list[ServiceShown]
    mails: list[MailShown]
    queue: list[QueueRow]
    module_log: list[LogRow]
    activities: list[ActivityShown]
    notifications: list[NotificationShown]
    api_requests: list[ApiRequest]
    php_faults: list[str]

    def service(self, service_id: int) -> ServiceShown:
        """The service with this number. Raises StopIteration: there is none."""
        return next(service for service in self.services if service.id == service_id)

    def client_mails(self, service_id: int) -> list[MailShown]:
        """The mails that clients got about the service."""
        return [mail for mail in self.mails if mail.userid and mail.relid == service_id]

    def waiting(self, service_id: int) -> list[QueueRow]:
        """The open rows of the Module Queue for the service."""
        return [row for row in self.queue if row.service_id == service_id and not row.completed]


class FormField(_Row):
    """A module setting on the product's form. error: what its loader threw, "" when it did not."""

    name: str
    type: str
    value: str
    description: str
    options: dict[str, str]
    error: str


class AdminPage(_Row):
    """The module's part of the admin page of a service: rows of HTML by label, functions by button."""

    fields: dict[str, Text]
    buttons: dict[str, str]


class ClientPage(_Row):
    """The module's part of a client's page of a service. message: what the pressed button said."""

    html: str
    message: str
    buttons: dict[str, str]


class ConnectionTest(_Row):
    """What Test Connection said."""

    success: bool
    error: str


class AddonAnswer(_Row):
    """What an addon said when it was activated or deactivated."""

    status: str
    description: str = ""
