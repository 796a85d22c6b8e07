"""Send mail by SMTP, beside the request that asks for it: who waits for the page does not wait for the mail server.

What goes wrong is logged without addresses, and is not tried again: the person asks for another link.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Final

from config import Config

if TYPE_CHECKING:
    from smtplib import SMTP

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 20.0
MAX_AT_ONCE: Final = 10
MAIL_ERRORS: Final = OSError  # smtplib.SMTPException is one

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, in the reader's language; `{link}` stands for the link, which is not known yet."""

    subject: str
    text: str


def post(config: Config, *, to: str, letter: Letter, link: str) -> None:
    """Send a letter in the background, where a mail server is configured."""
    if config.has_mail:
        in_background(lambda: send(config, to=to, letter=letter, link=link))


def send(config: Config, *, to: str, letter: Letter, link: str) -> None:
    """Send a letter now. Raises smtplib.SMTPException or OSError; a server that cannot prove its name gets nothing."""
    message = EmailMessage()
    message["From"] = f"SAI <{config.smtp_from}>"
    message["To"] = to
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=(config.smtp_from or "").partition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text.replace("{link}", link), cte="8bit")
    with _server(config) as server:
        if config.smtp_user is not None and config.smtp_password is not None:
            server.login(config.smtp_user, config.smtp_password)
        server.send_message(message)


def in_background(work: Callable[[], None]) -> None:
    """Run `work` beside the request: in a greenlet where gevent serves. Too many at once are dropped, with a word."""
    if not _places.acquire(blocking=False):
        logger.error("mail_dropped", extra={"reason": "too many at once"})
        return
    threading.Thread(target=_run, args=(work,), daemon=True, name="mail").start()


def _run(work: Callable[[], None]) -> None:
    try:
        work()
    except MAIL_ERRORS as error:
        code = getattr(error, "smtp_code", None)  # of an answer by the server
        logger.error("mail_failed", extra={"reason": type(error).__name__, "code": code})
    finally:
        _places.release()


def _server(config: Config) -> SMTP:
    import smtplib  # with what it brings only where mail is sent

    host = config.smtp_host or ""
    if config.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, config.smtp_port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, config.smtp_port, timeout=TIMEOUT_S)
    if config.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except MAIL_ERRORS:
            server.close()
            raise
    return server
