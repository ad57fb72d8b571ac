"""What staff's messages arrive at in tests: a webhook and a mail server, on free ports of this machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any, TypeVar, cast


@dataclass
class WebhookReceiver:
    """Answers each POST with a status and keeps its path and body."""

    port: int = 0
    status: int = 200
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies, in the order in which they came."""
        return [body for _, body in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with as many calls as the client makes."""
        while head := (await reader.readline()).decode():
            headers: dict[str, str] = {}
            while line := (await reader.readline()).decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            assert headers["content-type"] == "application/json"
            self.calls.append((head.split()[1], json.loads(body)))
            writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@dataclass
class MailServer:
    """Takes every mail and keeps it, and the logins."""

    port: int = 0
    logins: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session, as far as a mail client needs it (RFC 5321, and AUTH PLAIN of RFC 4954)."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 sink")
        while said := (await reader.readline()).decode().strip():
            match said.split()[0].upper():
                case "EHLO":
                    say("250-sink")
                    say("250 AUTH PLAIN")
                case "AUTH":
                    self.logins.append(said.split()[-1])
                    say("235 welcome")
                case "DATA":
                    say("354 go on")
                    lines: list[str] = []
                    while (line := (await reader.readline()).decode()) != ".\r\n":
                        lines.append(line.removeprefix(".") if line.startswith("..") else line)
                    self.mails.append(cast(EmailMessage, message_from_string("".join(lines), policy=policy.default)))
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 fine")
            await writer.drain()
        writer.close()


Receiver = TypeVar("Receiver", WebhookReceiver, MailServer)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver on a free port, while the block runs."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
