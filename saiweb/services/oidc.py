"""Signing in through an OpenID provider: the way there, the way back, and who it is.

Authorization code with PKCE, state and nonce. Asked are the configured issuer and the endpoints that it names alone, by
https unless the provider runs on this machine. What does the asking (saiweb.services.oidc_http, with authlib) is
imported where a provider is configured alone: it takes memory that most installations need not spend.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode, urlsplit

from config import LOOPBACK, Config
from saiweb.errors import SaiwebError
from saiweb.permissions import Role
from saiweb.services import oidc_claims

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from saiweb.services.oidc_http import Session

START_LASTS_S: Final = 600  # how long somebody may take at the provider
METADATA_LASTS_S: Final = 3600.0
KEYS_LAST_S: Final = 3600.0
KEYS_AGAIN_S: Final = 30.0  # an unknown key is looked for at most this often
PAUSE_AFTER_FAILURE_S: Final = 3.0
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL_ENDPOINTS: Final = ("userinfo_endpoint", "end_session_endpoint")


class OidcError(SaiwebError):
    """The sign-in did not come to its end; the message is a word for the log."""


class StaleError(OidcError):
    """The answer belongs to no sign-in that this browser has begun, or to one that took too long."""


class CancelledError(OidcError):
    """The person, or the provider, broke it off."""


class ProviderAwayError(OidcError):
    """The provider could not be asked."""


class ProviderWrongError(OidcError):
    """The provider's answer does not hold: a forgery, or something is configured wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the browser keeps, signed, while its person is at the provider."""

    state: str
    nonce: str
    verifier: str
    at: float
    next_path: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Who somebody is, by the provider's word. Only issuer and subject identify; the rest is shown."""

    issuer: str
    subject: str
    username: str | None
    email: str | None
    full_name: str | None
    role: Role | None  # None: no role that OIDC_ROLE_MAP knows


@dataclass(frozen=True, slots=True)
class _Metadata:
    values: dict[str, Any]
    read_at: float

    @property
    def algorithms(self) -> list[str]:
        named = self.values.get("id_token_signing_alg_values_supported")
        return [one for one in ALGORITHMS if not isinstance(named, list) or one in named]


def load() -> None:
    """Import and read what signing in needs, which takes a third of a second: before anybody waits for the process."""
    from saiweb.services import oidc_http

    oidc_http.trusted_certificates()


class Provider:
    """The configured provider, with what it said of itself. One per process; safe to use from any greenlet."""

    def __init__(self, config: Config) -> None:
        if config.oidc_issuer is None or config.oidc_client_id is None:
            raise ProviderWrongError("not_configured")
        self._config = config
        self._issuer, self._client_id = config.oidc_issuer, config.oidc_client_id
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._failed: tuple[float, OidcError] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def start(self, *, redirect_uri: str, next_path: str, is_other: bool = False) -> tuple[str, Start]:
        """Return the provider's address that the browser goes to, and what it must bring back.

        `is_other`: the provider shall ask who it is, even where it knows somebody.
        """
        values = self._discover().values
        start = Start(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            at=time.time(),
            next_path=next_path,
        )
        with self._session(redirect_uri) as session:
            extra = {"prompt": "login"} if is_other else {}
            address, _ = session.create_authorization_url(
                values["authorization_endpoint"],
                state=start.state,
                code_verifier=start.verifier,
                nonce=start.nonce,
                **extra,
            )
        return address, start

    def finish(self, kept: object, answer: Mapping[str, str], *, redirect_uri: str) -> tuple[Identified, Start]:
        """Return who came back. `kept` is what the browser kept of start(), `answer` the query it came back with.

        Raises StaleError, CancelledError, ProviderAwayError or ProviderWrongError.
        """
        start = _as_start(kept)
        if start is None or not hmac.compare_digest(start.state.encode(), answer.get("state", "").encode()):
            raise StaleError("state")
        if not 0 <= time.time() - start.at <= START_LASTS_S:
            raise StaleError("late")
        metadata = self._discover()
        self._check_sender(metadata, answer.get("iss"))
        if "error" in answer:
            raise CancelledError("cancelled" if answer["error"] == "access_denied" else "refused_by_provider")
        if not answer.get("code"):
            raise ProviderWrongError("no_code")
        with self._session(redirect_uri) as session:
            token = session.exchange(metadata.values["token_endpoint"], answer["code"], start.verifier)
            claims = self._check_token(session, metadata, token, start.nonce)
            endpoint = metadata.values.get("userinfo_endpoint")
            if endpoint and oidc_claims.is_incomplete(self._config, claims):
                claims = self._with_userinfo(session, endpoint, token, claims)
        return (
            Identified(
                issuer=claims["iss"],
                subject=claims["sub"],
                username=oidc_claims.text(claims.get("preferred_username"), 120),
                email=oidc_claims.email(claims.get("email")),
                full_name=oidc_claims.full_name(claims),
                role=oidc_claims.role(self._config, claims),
            ),
            start,
        )

    def sign_out_address(self, *, back_to: str) -> str | None:
        """Return where people sign out of the provider itself, None where that is nowhere. No token is needed."""
        endpoint = self._discover().values.get("end_session_endpoint")
        if not endpoint:
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def _session(self, redirect_uri: str | None = None) -> Session:
        from saiweb.services.oidc_http import Session

        named = self._metadata.values.get("token_endpoint_auth_methods_supported") if self._metadata else None
        only_post = isinstance(named, list) and "client_secret_post" in named and "client_secret_basic" not in named
        return Session(
            self._client_id,
            self._config.oidc_client_secret,
            scope=" ".join(self._config.oidc_scopes),
            redirect_uri=redirect_uri,
            auth_method="client_secret_post" if only_post else None,
        )

    def _discover(self) -> _Metadata:
        """Return what the provider says of itself, asked once an hour; a failure is remembered for a moment."""
        with self._lock:
            now = time.monotonic()
            if self._metadata is not None and now - self._metadata.read_at < METADATA_LASTS_S:
                return self._metadata
            if self._failed is not None and now - self._failed[0] < PAUSE_AFTER_FAILURE_S:
                raise self._failed[1]
            try:
                with self._session() as session:
                    values = session.read(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                self._check_metadata(values)
            except OidcError as error:
                self._failed = (time.monotonic(), error)
                raise
            self._metadata, self._failed = _Metadata(values, time.monotonic()), None
            return self._metadata

    def _check_metadata(self, values: dict[str, Any]) -> None:
        issuer = values.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise ProviderWrongError("issuer_of_metadata")
        for name in (*ENDPOINTS, *OPTIONAL_ENDPOINTS):
            address = values.get(name)
            if address is None and name in OPTIONAL_ENDPOINTS:
                continue
            if not isinstance(address, str) or not self._may_ask(address):
                raise ProviderWrongError(name)

    def _may_ask(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        if parts.username is not None or not parts.hostname or "#" in address:
            return False
        is_here = parts.hostname in LOOPBACK and urlsplit(self._issuer).hostname in LOOPBACK
        return parts.scheme == "https" or (parts.scheme == "http" and is_here)

    @staticmethod
    def _check_sender(metadata: _Metadata, issuer: str | None) -> None:
        """Providers may sign their answers with their name (RFC 9207); one that promises to must."""
        promised = metadata.values.get("authorization_response_iss_parameter_supported") is True
        if (promised or issuer is not None) and issuer != metadata.values["issuer"]:
            raise ProviderWrongError("issuer_of_answer")

    def _check_token(self, session: Session, metadata: _Metadata, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        from saiweb.services import oidc_http

        for is_again in (False, True):
            keys = self._read_keys(session, metadata, is_again=is_again)
            try:
                return oidc_http.check_id_token(
                    token,
                    keys,
                    algorithms=metadata.algorithms,
                    issuer=metadata.values["issuer"],
                    client_id=self._client_id,
                    nonce=nonce,
                )
            except oidc_http.UnknownKeyError:
                if is_again:
                    raise
        raise AssertionError

    def _read_keys(self, session: Session, metadata: _Metadata, *, is_again: bool) -> KeySet:
        """Return the provider's keys; `is_again`: it may have new ones since they were read."""
        from saiweb.services import oidc_http

        lasts = KEYS_AGAIN_S if is_again else KEYS_LAST_S
        if self._keys is None or time.monotonic() - self._keys[0] > lasts:
            self._keys = (time.monotonic(), oidc_http.as_keys(session.read(metadata.values["jwks_uri"])))
        return self._keys[1]

    @staticmethod
    def _with_userinfo(
        session: Session, endpoint: str, token: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        more = session.read(endpoint, bearer=str(token["access_token"]))
        if more.get("sub") != claims["sub"]:
            raise ProviderWrongError("subject_of_userinfo")
        return more | claims


def _as_start(kept: object) -> Start | None:
    try:
        return Start(**cast("dict[str, Any]", kept))
    except TypeError:
        return None
