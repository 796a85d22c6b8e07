"""Config: every setting, read once from the environment; a wrong value stops the start with a sentence."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from saiweb.errors import ConfigError

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_WORKFLOW_ID = "yDbfhooKemfhMIkC"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (names that nobody types: every address of this machine)  # nosec
CONFIGURED_SERVER_IMAGE_PATH = Path("/mnt/raid1/n8n/backup/images/")

# Passwords that stand in the documentation of this project or of its plan: never a working credential (D10).
PRINTED_PASSWORDS = frozenset({"secure_password_2025", "change-me", "changeme", "password", "n8n", "saiweb"})

_SIZE_UNITS = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _text(raw: str) -> str:
    if "\x00" in raw or "\n" in raw:
        raise ValueError("must be one line of text")
    return raw


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", raw):
            raise ValueError("must be a whole number")
        value = int(raw)
        if not low <= value <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return value

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", raw):
            raise ValueError("must be a number")
        value = float(raw)
        if not low <= value <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return value

    return parse


def _boolean(raw: str) -> bool:
    if raw.lower() in ("true", "1", "yes", "on"):
        return True
    if raw.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _size(raw: str) -> int:
    match = re.fullmatch(r"(\d{1,9})\s*([KMG]?B|)", raw.strip().upper())
    if match is None or int(match[1]) == 0:
        raise ValueError("must be a size such as 50MB")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def _duration(raw: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhd])", raw.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError("must be a duration such as 6h or 30m")
    return timedelta(seconds=int(match[1]) * _DURATION_UNITS[match[2]])


def _timezone(raw: str) -> ZoneInfo:
    try:
        return ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be the name of a time zone such as America/Argentina/Cordoba") from error


def _ids(raw: str) -> tuple[str, ...]:
    ids = tuple(part.strip() for part in raw.split(",") if part.strip())
    if not ids or any(not re.fullmatch(r"[A-Za-z0-9_-]{1,36}", one) for one in ids):
        raise ValueError("must be n8n workflow ids separated by commas")
    return ids


def _words(raw: str) -> tuple[str, ...]:
    return tuple(part.strip().casefold() for part in raw.split(",") if part.strip())


def _path(raw: str) -> Path:
    return Path(raw).expanduser().absolute()


def _paths(raw: str) -> tuple[Path, ...]:
    return tuple(_path(part) for part in raw.split(":") if part)


def _networks(raw: str) -> tuple[IPNetwork, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in raw.split(",") if part.strip())
    except ValueError as error:
        raise ValueError("must be addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8") from error


def _url(raw: str) -> str:
    if not re.fullmatch(r"https?://[^\s\"'<>]+", raw):
        raise ValueError("must be an http or https address")
    return raw.rstrip("/")


def _issuer(raw: str) -> str:
    parts = urlsplit(raw)
    if not re.fullmatch(r"https?://[^\s\"'<>?#@]+", raw) or not parts.hostname:
        raise ValueError("must be an address such as https://id.example.org, without a name, a ? or a # in it")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must begin with https:// (http is for this machine alone)")
    return raw


def _scopes(raw: str) -> tuple[str, ...]:
    scopes = tuple(raw.split())
    if "openid" not in scopes or any(not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", one) for one in scopes):
        raise ValueError("must be scopes separated by spaces, openid among them")
    return scopes


def _role_map(raw: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple((theirs.strip(), ours.strip()) for theirs, _, ours in (one.rpartition("=") for one in raw.split(",")))
    if any(not theirs or ours not in ("viewer", "expert", "admin") for theirs, ours in pairs):
        raise ValueError("must be pairs such as sai-admin=admin,sai-viewer=viewer; ours are viewer, expert and admin")
    if len({theirs for theirs, _ in pairs}) < len(pairs):
        raise ValueError("must name each of the provider's roles once")
    return pairs


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in values:
            raise ValueError(f"must be {' or '.join(values)}")
        return raw

    return parse


def _mail_address(raw: str) -> str:
    if not re.fullmatch(r"[^\s@<>,;\x00-\x1f]+@[^\s@<>,;\x00-\x1f]+", raw):
        raise ValueError("must be a mail address such as saiweb@example.org")
    return raw


def _smtp_security(raw: str) -> str:
    if raw.lower() not in ("starttls", "tls", "none"):
        raise ValueError("must be starttls, tls or none")
    return raw.lower()


def _setting(variable: str, parse: Callable[[str], Any], default: Any, *, secret: bool = False) -> Any:
    """One field of Config: the variable it is read from, its parser and its default (already parsed)."""
    return field(default=default, repr=not secret, metadata={"variable": variable, "parse": parse, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. Field metadata names the variable; times are milliseconds or seconds as the name says."""

    # dashboard database; no host means the embedded PostgreSQL (D20)
    db_host: str | None = _setting("SAI_DB_HOST", _text, None)
    db_port: int = _setting("SAI_DB_PORT", _integer(1, 65535), 5432)
    db_name: str = _setting("SAI_DB_NAME", _text, "sai_dashboard")
    db_user: str = _setting("SAI_DB_USER", _text, "sai_dashboard_user")
    db_password: str | None = _setting("SAI_DB_PASSWORD", _text, None, secret=True)
    db_owner_user: str = _setting("SAI_DB_OWNER_USER", _text, "sai_dashboard_owner")
    db_owner_password: str | None = _setting("SAI_DB_OWNER_PASSWORD", _text, None, secret=True)

    # n8n's database and files
    n8n_host: str | None = _setting("N8N_DB_HOST", _text, None)
    n8n_port: int = _setting("N8N_DB_PORT", _integer(1, 65535), 5432)
    n8n_name: str = _setting("N8N_DB_NAME", _text, "n8n")
    n8n_user: str = _setting("N8N_DB_USER", _text, "sai_etl_reader")
    n8n_password: str | None = _setting("N8N_DB_PASSWORD", _text, None, secret=True)
    n8n_owner_user: str = _setting("N8N_DB_OWNER_USER", _text, "n8n")
    n8n_owner_password: str | None = _setting("N8N_DB_OWNER_PASSWORD", _text, None, secret=True)
    n8n_storage_paths: tuple[Path, ...] = _setting("N8N_STORAGE_PATHS", _paths, ())
    n8n_public_url: str | None = _setting("N8N_PUBLIC_URL", _url, None)
    workflow_ids: tuple[str, ...] = _setting("SAI_WORKFLOW_IDS", _ids, (DEFAULT_WORKFLOW_ID,))

    # node names that hint at what a node is, besides what it answers (D19)
    ollama_node_hints: tuple[str, ...] = _setting("SAI_OLLAMA_NODES", _words, ("ollama",))
    yolo_node_hints: tuple[str, ...] = _setting("SAI_YOLO_NODES", _words, ("yolo", "inference"))
    telegram_node_hints: tuple[str, ...] = _setting("SAI_TELEGRAM_NODES", _words, ("telegram",))

    # the risk that detections imply: confidences from 0 to 1
    risk_flame_critical: float = _setting("SAI_RISK_FLAME_CRITICAL", _number(0, 1), 0.7)
    risk_smoke_high: float = _setting("SAI_RISK_SMOKE_HIGH", _number(0, 1), 0.7)
    risk_smoke_medium: float = _setting("SAI_RISK_SMOKE_MEDIUM", _number(0, 1), 0.4)

    # image cache
    image_cache_path: Path = _setting("IMAGE_CACHE_PATH", _path, CONFIGURED_SERVER_IMAGE_PATH)
    image_max_bytes: int = _setting("IMAGE_CACHE_MAX_SIZE", _size, 50 * 1024**2)
    image_min_free_bytes: int = _setting("IMAGE_CACHE_MIN_FREE", _size, 512 * 1024**2)
    preview_max_bytes: int = _setting("IMAGE_PREVIEWS_MAX_SIZE", _size, 2 * 1024**3)
    generate_thumbnails: bool = _setting("GENERATE_THUMBNAILS", _boolean, True)

    # ETL (D25)
    etl_batch_size: int = _setting("ETL_BATCH_SIZE", _integer(1, 1000), 50)
    etl_max_concurrent: int = _setting("ETL_MAX_CONCURRENT", _integer(1, 32), 5)
    etl_retry_attempts: int = _setting("ETL_RETRY_ATTEMPTS", _integer(1, 20), 3)
    etl_timeout_ms: int = _setting("ETL_TIMEOUT_MS", _integer(1000, 600_000), 30_000)
    etl_sweep_seconds: int = _setting("ETL_SWEEP_SECONDS", _integer(1, 3600), 30)
    alert_max_age: timedelta = _setting("ALERT_MAX_AGE", _duration, timedelta(hours=6))

    # live page (D2, D3)
    sse_critical_immediate: bool = _setting("SSE_CRITICAL_IMMEDIATE", _boolean, True)
    sse_execution_interval_ms: int = _setting("SSE_EXECUTION_INTERVAL", _integer(100, 600_000), 10_000)
    sse_incident_interval_ms: int = _setting("SSE_INCIDENT_INTERVAL", _integer(100, 600_000), 15_000)
    sse_statistics_interval_ms: int = _setting("SSE_STATISTICS_INTERVAL", _integer(100, 600_000), 30_000)
    sse_review_interval_ms: int = _setting("SSE_REVIEW_INTERVAL", _integer(100, 600_000), 45_000)
    sse_health_interval_ms: int = _setting("SSE_HEALTH_INTERVAL", _integer(100, 600_000), 60_000)
    sse_max_clients: int = _setting("SSE_MAX_CLIENTS", _integer(1, 100_000), 200)
    sse_reserved_clients: int | None = _setting("SSE_RESERVED_CLIENTS", _integer(0, 100_000), None)

    # the process
    http_host: str = _setting("SAI_HTTP_HOST", _text, "127.0.0.1")
    http_port: int = _setting("SAI_HTTP_PORT", _integer(0, 65535), 8000)
    data_path: Path = _setting("SAI_DATA_PATH", _path, Path("var").absolute())
    timezone: ZoneInfo = _setting("SAI_TIMEZONE", _timezone, ZoneInfo("America/Argentina/Cordoba"))
    secret_key: str | None = _setting("SECRET_KEY", _text, None, secret=True)

    # on a network: the address that people type, and who speaks TLS
    public_url: str | None = _setting("SAI_PUBLIC_URL", _url, None)
    tls_cert: Path | None = _setting("SAI_TLS_CERT", _path, None)
    tls_key: Path | None = _setting("SAI_TLS_KEY", _path, None)
    trusted_proxies: tuple[IPNetwork, ...] = _setting("TRUSTED_PROXIES", _networks, ())

    # signing in through an OpenID provider; no issuer: only by password
    oidc_issuer: str | None = _setting("OIDC_ISSUER", _issuer, None)
    oidc_client_id: str | None = _setting("OIDC_CLIENT_ID", _text, None)
    oidc_client_secret: str | None = _setting("OIDC_CLIENT_SECRET", _text, None, secret=True)
    oidc_name: str = _setting("OIDC_NAME", _text, "OpenID")
    oidc_scopes: tuple[str, ...] = _setting("OIDC_SCOPES", _scopes, ("openid", "profile", "email"))
    oidc_role_claim: str | None = _setting("OIDC_ROLE_CLAIM", _text, None)
    oidc_role_map: tuple[tuple[str, str], ...] = _setting("OIDC_ROLE_MAP", _role_map, ())
    oidc_approval: str = _setting("OIDC_APPROVAL", _one_of("everybody", "without-role"), "everybody")

    # mail, for links that people ask for or are invited with; without a host nothing is mailed
    smtp_host: str | None = _setting("SMTP_HOST", _text, None)
    smtp_port: int = _setting("SMTP_PORT", _integer(1, 65535), 587)
    smtp_user: str | None = _setting("SMTP_USER", _text, None)
    smtp_password: str | None = _setting("SMTP_PASSWORD", _text, None, secret=True)
    smtp_from: str | None = _setting("SMTP_FROM", _mail_address, None)
    smtp_security: str = _setting("SMTP_SECURITY", _smtp_security, "starttls")

    # set by the launcher for the processes that it starts, never by a person
    embedded_socket: str | None = _setting("SAIWEB_EMBEDDED_SOCKET", _text, None)
    demo: bool = _setting("SAIWEB_DEMO", _boolean, False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Config:
        """Read and check every variable. An empty one counts as not set.

        Raises ConfigError with one sentence per wrong value; secret values are never repeated in it.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for one in fields(cls):
            variable, raw = one.metadata["variable"], environ.get(one.metadata["variable"], "")
            if raw == "":
                continue
            try:
                values[one.name] = one.metadata["parse"](raw)
            except ValueError as error:
                shown = "its value" if one.metadata["secret"] else repr(raw)
                problems.append(f"{variable}: {shown} {error}.")
                continue
            if one.metadata["secret"] and raw in PRINTED_PASSWORDS:
                problems.append(f"{variable} is a value printed in documentation: choose another.")
        if not problems:
            problems.extend(_contradictions(values))
        if problems:
            raise ConfigError("\n".join(problems))
        config = cls(**values)
        if config.db_host is None and "image_cache_path" not in values:
            values["image_cache_path"] = config.data_path / "images"
            config = cls(**values)
        return config

    @property
    def uses_embedded_postgres(self) -> bool:
        return self.db_host is None

    @property
    def is_https(self) -> bool:
        """Whether browsers reach this server by https alone: its cookies are then marked for that."""
        return self.tls_cert is not None or (self.public_url or "").startswith("https://")

    @property
    def reserved_clients(self) -> int:
        """How many streams are kept for experts and admins; unless set a tenth of all, and at least one of several."""
        if self.sse_reserved_clients is not None:
            return self.sse_reserved_clients
        return 0 if self.sse_max_clients == 1 else max(1, self.sse_max_clients // 10)

    @property
    def has_mail(self) -> bool:
        """Whether this program can send mail."""
        return self.smtp_host is not None

    @property
    def has_n8n(self) -> bool:
        """Whether there is an n8n database to read: a configured one, or the demo network's."""
        return self.n8n_host is not None or self.demo

    def dashboard_conninfo(self) -> str:
        """Connection of the app role to the dashboard database."""
        return self._conninfo(self.db_host, self.db_port, self.db_name, self.db_user, self.db_password)

    def owner_conninfo(self) -> str:
        """Connection of the schema's owner; used by `saiweb migrate` alone."""
        return self._conninfo(self.db_host, self.db_port, self.db_name, self.db_owner_user, self.db_owner_password)

    def n8n_conninfo(self) -> str:
        """Connection of the ETL's reader to n8n's database."""
        return self._conninfo(self.n8n_host, self.n8n_port, self.n8n_name, self.n8n_user, self.n8n_password)

    def n8n_owner_conninfo(self) -> str:
        """Connection of n8n's owner; used by `saiweb n8n ...` alone."""
        return self._conninfo(self.n8n_host, self.n8n_port, self.n8n_name, self.n8n_owner_user, self.n8n_owner_password)

    def load_secret_key(self) -> str:
        """SECRET_KEY, else one made once and kept private in the data folder."""
        if self.secret_key is not None:
            return self.secret_key
        path = self.data_path / "secret_key"
        self.data_path.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            key = secrets.token_hex(32)
            file.write(key)
        return key

    def _conninfo(self, host: str | None, port: int, name: str, user: str, password: str | None) -> str:
        if host is None:
            if self.embedded_socket is None:
                raise ConfigError("SAI_DB_HOST is not set and the embedded PostgreSQL is not running: use saiweb run.")
            host, password = self.embedded_socket, None
        parts = {
            "host": host,
            "port": str(port if host != self.embedded_socket else 5432),
            "dbname": name,
            "user": user,
        }
        if password is not None:
            parts["password"] = password
        return " ".join(f"{key}='{_quoted(value)}'" for key, value in parts.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _contradictions(values: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    if values.get("risk_smoke_medium", 0.4) > values.get("risk_smoke_high", 0.7):
        problems.append("SAI_RISK_SMOKE_MEDIUM must not be above SAI_RISK_SMOKE_HIGH.")
    if "db_host" in values and "db_password" not in values and not values["db_host"].startswith("/"):
        problems.append("SAI_DB_PASSWORD must be set when SAI_DB_HOST is.")
    if values.get("sse_reserved_clients", 0) >= values.get("sse_max_clients", 200):
        problems.append("SSE_RESERVED_CLIENTS must be less than SSE_MAX_CLIENTS.")
    problems.extend(_mail_contradictions(values))
    if ("tls_cert" in values) != ("tls_key" in values):
        problems.append("SAI_TLS_CERT and SAI_TLS_KEY must be set together.")
    problems.extend(_oidc_contradictions(values))
    if values.get("secret_key") is not None and len(values["secret_key"]) < 32:
        problems.append("SECRET_KEY must have at least 32 characters.")
    return problems


def _oidc_contradictions(values: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    if "oidc_issuer" not in values:
        return [
            f"{one.metadata['variable']} needs OIDC_ISSUER, the address of the provider."
            for one in fields(Config)
            if one.name.startswith("oidc_") and values.get(one.name, one.default) != one.default
        ]
    if "oidc_client_id" not in values:
        problems.append("OIDC_CLIENT_ID must be set when OIDC_ISSUER is.")
    if ("oidc_role_claim" in values) != ("oidc_role_map" in values):
        problems.append("OIDC_ROLE_CLAIM and OIDC_ROLE_MAP must be set together.")
    if values.get("oidc_approval") == "without-role" and "oidc_role_claim" not in values:
        problems.append("OIDC_APPROVAL=without-role needs OIDC_ROLE_CLAIM and OIDC_ROLE_MAP.")
    return problems


def _mail_contradictions(values: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    if "smtp_host" in values and "smtp_from" not in values:
        problems.append("SMTP_FROM must be set when SMTP_HOST is.")
    if ("smtp_user" in values) != ("smtp_password" in values):
        problems.append("SMTP_USER and SMTP_PASSWORD must be set together.")
    is_near = values.get("smtp_host", "localhost") in ("localhost", "127.0.0.1", "::1")
    if values.get("smtp_security") == "none" and not is_near:
        problems.append("SMTP_SECURITY=none sends links and passwords in the clear: only a server on this machine may.")
    return problems
