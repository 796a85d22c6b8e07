"""Where `saiweb run` agrees to listen, and what it says when it does not."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import Config
from saiweb.launcher import serve
from saiweb.listening import ListeningError, require_safe, tls_settings
from tests.certificates import Certificate, make_certificate

BEHIND_A_PROXY = {"SAI_PUBLIC_URL": "https://sai.example", "TRUSTED_PROXIES": "10.0.0.1"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextmanager
def refused(match: str) -> Generator[None]:
    with pytest.raises(ListeningError, match=match) as caught:
        yield
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
@pytest.mark.parametrize("demo", [False, True])
def test_this_machine_is_always_served(host: str, *, demo: bool) -> None:
    require_safe(Config.from_env({"SAI_HTTP_HOST": host}), demo=demo)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.org"])  # noqa: S104
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"SAI_PUBLIC_URL": "https://sai.example"},
        {"TRUSTED_PROXIES": "10.0.0.1"},
        {"SAI_PUBLIC_URL": "http://sai.example", "TRUSTED_PROXIES": "10.0.0.1"},
    ],
)
def test_others_are_not_served_without_https(host: str, extra: dict[str, str]) -> None:
    with refused(r"set SAI_TLS_CERT and SAI_TLS_KEY, or TRUSTED_PROXIES and an https SAI_PUBLIC_URL, or set it to 127"):
        serve(Config.from_env({"SAI_HTTP_HOST": host, **extra}), demo=False)


def test_others_are_served_behind_a_proxy_that_speaks_https() -> None:
    require_safe(Config.from_env({"SAI_HTTP_HOST": "0.0.0.0", **BEHIND_A_PROXY}), demo=False)  # noqa: S104


def test_others_are_served_with_a_certificate(certificate: Certificate) -> None:
    require_safe(Config.from_env({"SAI_HTTP_HOST": "192.0.2.7", **certificate.variables}), demo=False)
    assert tls_settings(Config.from_env(certificate.variables))["certfile"] == str(certificate.file)
    assert tls_settings(Config.from_env({})) == {}


def test_every_address_needs_the_name_that_people_type(certificate: Certificate) -> None:
    environ = {"SAI_HTTP_HOST": "::", **certificate.variables}
    with refused("set SAI_PUBLIC_URL to the address that people type"):
        require_safe(Config.from_env(environ), demo=False)
    require_safe(Config.from_env({**environ, "SAI_PUBLIC_URL": "https://sai.example:8443"}), demo=False)
    with refused("SAI_PUBLIC_URL must begin with https"):
        require_safe(Config.from_env({**environ, "SAI_PUBLIC_URL": "http://sai.example"}), demo=False)


@pytest.mark.parametrize(
    "extra",
    [{"SAI_HTTP_HOST": "0.0.0.0", **BEHIND_A_PROXY}, BEHIND_A_PROXY, {"SAI_PUBLIC_URL": "https://sai.example"}],  # noqa: S104
)
def test_the_demo_is_shown_to_nobody_else(extra: dict[str, str]) -> None:
    with refused("--demo shows its passwords"):
        serve(Config.from_env(extra), demo=True)


def _missing(certificate: Certificate, folder: Path) -> dict[str, str]:
    return {**certificate.variables, "SAI_TLS_KEY": str(folder / "none.pem")}


def _foreign_key(certificate: Certificate, folder: Path) -> dict[str, str]:
    return {**certificate.variables, "SAI_TLS_KEY": str(make_certificate(folder).key)}


def _no_pem(certificate: Certificate, folder: Path) -> dict[str, str]:
    (folder / "text.pem").write_text("no certificate")
    return {**certificate.variables, "SAI_TLS_CERT": str(folder / "text.pem")}


def _key_with_password(certificate: Certificate, folder: Path) -> dict[str, str]:
    return make_certificate(folder, password=b"x").variables


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_missing, "SAI_TLS_KEY is .*none.pem, which cannot be read: No such file"),
        (_foreign_key, "must be a certificate and its own key"),
        (_no_pem, "must be a certificate and its own key"),
        (_key_with_password, "without a password"),
    ],
)
def test_files_that_are_no_certificate_and_key_stop_the_start(
    certificate: Certificate, tmp_path: Path, broken: Callable[[Certificate, Path], dict[str, str]], words: str
) -> None:
    with refused(words):
        serve(Config.from_env(broken(certificate, tmp_path)), demo=False)


def test_tls_is_of_this_decade(certificate: Certificate) -> None:
    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.file, certificate.key)
        return context

    context = tls_settings(Config.from_env(certificate.variables))["ssl_context"](None, make)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
