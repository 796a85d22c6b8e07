"""Mail against a real SMTP server: what arrives, what is never sent in the clear, what the log says of a failure."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config import Config
from saiweb.services import mail
from saiweb.services.mail import Letter
from tests.mailbox import Inbox, Server
from tests.waiting import until

LETTER = Letter("Tu enlace, mañana", "Abrí este enlace:\n\n{link}\n\nSirve una sola vez, ¿sí?\n")
LINK = "http://127.0.0.1:8000/link#a-code-that-is-long-enough-to-be-folded-by-careless-mailers-0123456789"
TO = "ana@example.org"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Generator[Server]:
    running = Server(inbox)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 and its key, in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def config(server: Server, **variables: str) -> Config:
    return Config.from_env(
        {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(server.port),
            "SMTP_FROM": "saiweb@example.org",
            "SMTP_SECURITY": "none",
            **variables,
        }
    )


def send(settings: Config) -> None:
    mail.send(settings, to=TO, letter=LETTER, link=LINK)


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_letter_arrives_whole_with_its_link(server: Server, inbox: Inbox) -> None:
    mail.post(config(server), to=TO, letter=LETTER, link=LINK)
    until(lambda: len(inbox.envelopes) == 1)
    message = inbox.only()
    assert inbox.envelopes[0].rcpt_tos == [TO]
    assert (message["From"], message["To"]) == ("SAI <saiweb@example.org>", TO)
    assert message["Subject"] == LETTER.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == LETTER.text.replace("{link}", LINK)


def test_nobody_smuggles_in_another_receiver(server: Server, inbox: Inbox) -> None:
    with pytest.raises(ValueError, match="linefeed or carriage return"):
        mail.send(config(server), to=f"{TO}\nBcc: luis@example.org", letter=LETTER, link=LINK)
    assert inbox.envelopes == []


def test_with_starttls_password_and_link_travel_encrypted(
    inbox: Inbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def check(_server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=True)

    running = Server(
        inbox, tls_context=tls(certificate), require_starttls=True, authenticator=check, auth_required=True
    )
    running.start()
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        login = {"SMTP_HOST": "localhost", "SMTP_USER": "saiweb", "SMTP_PASSWORD": "a-private-one"}
        send(config(running, SMTP_SECURITY="starttls", **login))
    finally:
        running.stop()
    assert seen == [(b"saiweb", b"a-private-one", True)]
    assert inbox.only()["To"] == TO


def test_a_server_that_cannot_prove_its_name_gets_nothing(inbox: Inbox, certificate: Path) -> None:
    running = Server(inbox, tls_context=tls(certificate))
    running.start()
    try:
        with pytest.raises(ssl.SSLCertVerificationError):
            send(config(running, SMTP_SECURITY="starttls"))
    finally:
        running.stop()
    assert inbox.envelopes == []


def test_a_server_without_starttls_gets_nothing(server: Server, inbox: Inbox) -> None:
    with pytest.raises(smtplib.SMTPNotSupportedError):
        send(config(server, SMTP_SECURITY="starttls"))
    assert inbox.envelopes == []


def test_a_failure_is_logged_without_address_or_link(
    server: Server, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="saiweb.services.mail"):
        mail.post(config(server), to="nobody@example.org", letter=LETTER, link=LINK)
        until(lambda: len(caplog.records) == 1)
    record = caplog.records[0]
    assert record.getMessage() == "mail_failed"
    assert "nobody" not in str(vars(record))
    assert "code-that-is-long" not in str(vars(record))


def test_without_a_mail_server_nothing_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    mail.post(Config.from_env({}), to=TO, letter=LETTER, link=LINK)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SMTP_HOST": "mail.example.org"}, "SMTP_FROM must be set"),
        ({"SMTP_USER": "saiweb"}, "SMTP_USER and SMTP_PASSWORD must be set together"),
        ({"SMTP_FROM": "saiweb@example.org\nBcc: ana@example.org"}, "SMTP_FROM"),
        (
            {"SMTP_HOST": "mail.example.org", "SMTP_FROM": "saiweb@example.org", "SMTP_SECURITY": "none"},
            "in the clear",
        ),
        ({"SMTP_SECURITY": "ssl"}, "must be starttls, tls or none"),
    ],
)
def test_a_contradiction_stops_the_start(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        Config.from_env(variables)
