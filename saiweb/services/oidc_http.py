"""What asks an OpenID provider, and what checks its tokens: authlib, joserfc and requests behind a narrow door.

No redirect is followed, nothing of the environment (proxies, .netrc) changes where a secret goes, and no answer is
read beyond a megabyte or ten seconds. Under gevent all of it is cooperative. Imported by saiweb.services.oidc alone.
"""

from __future__ import annotations

import functools
import json
import ssl
import time
from http import HTTPStatus
from typing import Any, Final, cast

import certifi
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from saiweb.services.oidc import ProviderAwayError, ProviderWrongError

TIMEOUT_S: Final = (3.05, 5.0)  # to connect, and between two pieces of the answer
DEADLINE_S: Final = 10.0
MOST_BYTES: Final = 1024 * 1024
LEEWAY_S: Final = 60  # how far two clocks may differ
KEY_TYPES: Final = ("RSA", "EC", "OKP")


class UnknownKeyError(ProviderWrongError):
    """The token names a key that the provider had not published when its keys were read."""


class Session(OAuth2Session, requests.Session):  # named twice for type checkers, which do not find the second
    """One sign-in's connections to the provider."""

    def __init__(
        self, client_id: str, secret: str | None, *, scope: str, redirect_uri: str | None, auth_method: str | None
    ) -> None:
        super().__init__(
            client_id,
            secret,
            scope=scope,
            redirect_uri=redirect_uri,
            token_endpoint_auth_method=None if secret is None else auth_method,
            code_challenge_method="S256",
        )
        self.trust_env = False
        self.mount("https://", _Trust())

    def request(self, method: str, url: str, **kwargs: Any) -> Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        headers: dict[str, str] = {"Accept": "application/json", **(kwargs.pop("headers", None) or {})}
        headers["Accept-Encoding"] = "identity"
        kwargs |= {"allow_redirects": False, "timeout": TIMEOUT_S, "stream": True, "headers": headers}
        try:
            with cast("Response", super().request(method, url, **kwargs)) as response:
                response._content = _body(response)  # noqa: SLF001 - all of it, whoever asks for it later
        except (RequestException, HTTPError, OSError) as error:
            raise ProviderAwayError(type(error).__name__) from None
        return response

    def read(self, address: str, *, bearer: str | None = None) -> dict[str, Any]:
        """Return the JSON object at an address."""
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        response = self.request("GET", address, withhold_token=True, headers=headers)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderAwayError(f"http_{response.status_code}")
        if response.status_code != HTTPStatus.OK:
            raise ProviderWrongError(f"http_{response.status_code}")
        return _object(response.content)

    def exchange(self, address: str, code: str, verifier: str) -> dict[str, Any]:
        """Return what the provider gives for a code, which it gives once."""
        try:
            given = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
            found = cast("dict[str, Any]", self.fetch_token(address, **given))
        except AuthlibBaseError:
            raise ProviderWrongError("code_refused") from None
        except RequestException:
            raise ProviderAwayError("token_endpoint") from None
        except ValueError:
            raise ProviderWrongError("token_endpoint") from None
        if not isinstance(found.get("id_token"), str) or not isinstance(found.get("access_token"), str):
            raise ProviderWrongError("no_token")
        return found


@functools.cache
def trusted_certificates() -> ssl.SSLContext:
    """Read the machine's certificates besides the usual ones: a provider in the house can have the house's own.

    That takes tens of milliseconds in which nothing else runs, so it is done once.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def as_keys(published: dict[str, Any]) -> KeySet:
    """Return those keys of a provider that may sign a token: public ones, of a kind that is known."""
    raw = published.get("keys")
    found: list[Any] = []
    for one in cast("list[Any]", raw if isinstance(raw, list) else []):
        if isinstance(one, dict) and one.get("kty") in KEY_TYPES and one.get("use", "sig") == "sig":
            try:
                found += KeySet.import_key_set({"keys": [cast("Any", one)]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    if not found:
        raise ProviderWrongError("keys")
    return KeySet(found)


def check_id_token(
    token: dict[str, Any], keys: KeySet, *, algorithms: list[str], issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of a token that this provider signed, for this application, in answer to this sign-in.

    Raises ProviderWrongError, UnknownKeyError if only the key is not known.
    """
    try:
        decoded = jwt.decode(
            token["id_token"], keys, registry=JWSRegistry(algorithms=algorithms, strict_check_header=False)
        )
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
            {"client_id": client_id, "nonce": nonce, "access_token": token["access_token"]},
        )
        claims.validate(now=int(time.time()), leeway=LEEWAY_S)
    except InvalidKeyIdError:
        raise UnknownKeyError("key") from None
    except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
        raise ProviderWrongError(f"token_{type(error).__name__}") from None
    subject: object = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
        raise ProviderWrongError("subject")
    return dict(claims)


class _Trust(HTTPAdapter):
    """Checks certificates against those that trusted_certificates() has read, once."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().init_poolmanager(*args, **kwargs, ssl_context=trusted_certificates())

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        conn.cert_reqs = "CERT_REQUIRED"  # nothing more to read: what requests would read for each connection is there


def _body(response: Response) -> bytes:
    """Read an answer whole, but neither a large one nor one that trickles."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProviderWrongError("encoding")
    until = time.monotonic() + DEADLINE_S
    found = bytearray()
    while piece := response.raw.read1(65536, decode_content=False):
        found += piece
        if len(found) > MOST_BYTES:
            raise ProviderWrongError("too_large")
        if time.monotonic() > until:
            raise ProviderAwayError("too_slow")
    return bytes(found)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found: Any = json.loads(body)
    except ValueError:
        raise ProviderWrongError("no_json") from None
    if not isinstance(found, dict):
        raise ProviderWrongError("no_object")
    return cast("dict[str, Any]", found)
