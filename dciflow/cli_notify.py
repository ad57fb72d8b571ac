"""The commands `dciflow notify ...`: where messages to staff go to, and the automations that send them."""

from enum import StrEnum
from typing import Annotated

import typer
from pydantic import AnyHttpUrl, TypeAdapter

from dciflow.cli_support import AsJson, command, say, secret, show_list

notify_app = typer.Typer(no_args_is_help=True, help="Messages to staff: what is sent, and where to.")


BlockName = Annotated[str, typer.Argument(help="The block's name: lower-case letters, digits and dashes.")]


class Security(StrEnum):
    """How the connection to the mail server is encrypted."""

    STARTTLS = "starttls"
    SSL = "ssl"
    INSECURE = "insecure"


@notify_app.command("webhook")
@command
async def notify_webhook(name: BlockName) -> None:
    """Store a webhook in Prefect (block webhook/NAME); its address comes from the prompt or DCIFLOW_WEBHOOK_URL."""
    from prefect.blocks.webhook import Webhook

    address = secret("DCIFLOW_WEBHOOK_URL", "Webhook's address")
    TypeAdapter(AnyHttpUrl).validate_python(address.get_secret_value())
    await Webhook.aregister_type_and_schema()
    block = Webhook(url=address, headers={"Content-Type": "application/json"})
    await block.asave(name, overwrite=True)
    say(f"Webhook {name} is stored. Send to it: dciflow notify setup --webhook-block {name}")


@notify_app.command("email")
@command
async def notify_email(
    name: BlockName,
    to: Annotated[list[str], typer.Option(help="Who gets the messages; may be given several times.")],
    sender: Annotated[str, typer.Option(help="The address that they come from.")],
    smtp: Annotated[str, typer.Option(help="The mail server.")],
    port: Annotated[int | None, typer.Option(help="Its port. Default: 587, 465 or 25, after --security.")] = None,
    security: Annotated[Security, typer.Option(help="How to encrypt the connection.")] = Security.STARTTLS,
    username: Annotated[str | None, typer.Option(help="The login, if the mail server wants one.")] = None,
) -> None:
    """Store a mail server and its recipients in Prefect (block dciflow-email/NAME); with a username the password comes
    from the prompt or DCIFLOW_SMTP_PASSWORD."""
    from runtime.blocks import Email

    password = None if username is None else secret("DCIFLOW_SMTP_PASSWORD", "Password")
    block = Email(
        smtp=smtp, port=port, security=security.value, username=username, password=password, sender=sender, to=to
    )
    await block.asave(name, overwrite=True)
    say(f"E-mail {name} is stored. Send to it: dciflow notify setup --email-block {name}")


@notify_app.command("setup")
@command
async def notify_setup(
    webhook_block: Annotated[str | None, typer.Option(help="The webhook's block.")] = None,
    email_block: Annotated[str | None, typer.Option(help="The e-mail's block.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Register the automations that send messages, to the blocks named. Repeatable: it updates what is there."""
    from dciflow import notifications

    receivers = notifications.Receivers(webhook=webhook_block, email=email_block)
    async for line in notifications.register(receivers, dry_run=dry_run):
        say(line)


@notify_app.command("list")
@command
async def notify_list(as_json: AsJson = False) -> None:
    """List the registered automations: what is sent, where to, and whether it is switched on."""
    from dciflow import notifications
    from dciflow.cli_output import RegisteredAutomation

    kinds = {"call-webhook": "webhook", "send-notification": "e-mail"}
    read, odd = await notifications.registered()
    found = [
        RegisteredAutomation(
            automation=one.name,
            events=sorted(getattr(one.trigger, "expect", ())),
            sends_to=[kinds.get(action.type, action.type) for action in one.actions],
            enabled=one.enabled,
        )
        for one in read
    ]
    show_list(
        found,
        ["Automation", "Event", "Sends to", "On"],
        (
            (one.automation, ", ".join(one.events), ", ".join(one.sends_to), "yes" if one.enabled else "no")
            for one in found
        ),
        whole="Event",
        as_json=as_json,
        odd=odd,
    )


@notify_app.command("test")
@command
async def notify_test() -> None:
    """Send a test message and say whether each receiver took it."""
    from dciflow import notifications

    for line in await notifications.send_test():
        say(line)
