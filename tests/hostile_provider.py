"""An OpenID provider with a key of its own that does whatever a test tells it to, for what a real one never does,
and the browser that is sent to it.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

CLIENT_ID = "saiweb"
Answer = tuple[int, dict[str, str], bytes]


def json_answer(values: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(values).encode()


@dataclass
class Provider:
    """Its address, its key, and what it shall say; `asked` is what it was asked: (path, headers and form)."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    signing_key: RSAKey | None = None  # None: the published one
    shared_secret: bytes = b""  # what HS256 signs with
    algorithm: str = "RS256"  # or HS256 or none
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    claims: dict[str, Any] = field(default_factory=dict[str, Any])  # None: leave that claim out
    userinfo: dict[str, Any] | None = None
    replaced: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict[str, Any])  # whole answers by path
    used_codes: set[str] = field(default_factory=set[str])
    nonce: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])

    def reset(self) -> None:
        fresh = Provider(issuer=self.issuer, key=self.key)
        self.__dict__.update(fresh.__dict__)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "subject-of-ana",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "preferred_username": "ana",
            "name": "Ana Paz",
            "email": "ana@example.org",
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "RS256":
            return jwt.encode(header, claims, self.signing_key or self.key)
        signed = b".".join(urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims))
        signature = b"" if self.algorithm == "none" else hmac.digest(self.shared_secret, signed, "sha256")
        return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()

    def serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.asked.append((path, form | {"Authorization": environ.get("HTTP_AUTHORIZATION", "")}))
        replaced = self.replaced.get(path)
        status, headers, content = (
            (replaced() if callable(replaced) else replaced) if replaced is not None else self._answer(path, form)
        )
        start_response(f"{status} Said", [*headers.items(), ("Content-Length", str(len(content)))])
        return [content]

    def _answer(self, path: str, form: dict[str, str]) -> Answer:
        if path == "/.well-known/openid-configuration":
            return json_answer(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo is not None else {}),
                    **self.metadata,
                }
            )
        if path == "/keys":
            return json_answer({"keys": [self.key.as_dict(private=False)]})
        if path == "/userinfo":
            return json_answer(self.userinfo)
        if path == "/token":
            if form["code"] in self.used_codes:
                return json_answer({"error": "invalid_grant"}, 400)
            self.used_codes.add(form["code"])
            return json_answer({"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token()})
        return 404, {}, b""


@contextlib.contextmanager
def running(tls: tuple[str, str] | None = None) -> Generator[Provider]:
    """Serve a provider on this machine; `tls`: the files of a certificate and its key."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider.serve, threaded=True, ssl_context=tls)
    provider.issuer = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join(5)
    server.server_close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that it signed itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


def go(client: FlaskClient, provider: Provider, path: str = "/sign-in/provider") -> dict[str, str]:
    """Press the button; returns what the browser takes along to the provider."""
    response = client.get(path)
    assert response.status_code == 303
    address = urlsplit(response.headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/authorize"
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    provider.nonce = asked["nonce"]
    return asked


def come_back(client: FlaskClient, **query: str) -> TestResponse:
    return client.get("/sign-in/provider/callback", query_string=query)


def sign_in(client: FlaskClient, provider: Provider, path: str = "/sign-in/provider") -> TestResponse:
    asked = go(client, provider, path)
    return come_back(client, state=asked["state"], code=f"code-{asked['state']}")
