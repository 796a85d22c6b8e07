"""A real SMTP server on this machine that keeps what arrives."""

from __future__ import annotations

from asyncio.base_events import Server as Listening
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Inbox:
    """Keeps what arrives, and refuses one receiver."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"

    def only(self) -> EmailMessage:
        assert len(self.envelopes) == 1
        return message_from_bytes(cast("bytes", self.envelopes[0].content), policy=policy.default)


class Server(Controller):
    """A server on a free port of this machine."""

    def __init__(self, inbox: Inbox, **options: Any) -> None:
        super().__init__(inbox, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self) -> None:
        """The library knocks at the port that was asked for, which is not the one that was given."""
        self.port: int = cast("Listening", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()
