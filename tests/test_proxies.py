"""Whose word on address and scheme counts, under which names requests are served, and that https stays https."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from config import Config
from saiweb.proxies import Proxies, own_hosts

PROXIED = {"TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1,2001:db8::/64", "SAI_PUBLIC_URL": "https://sai.example"}


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    left = sorted(name for name in environ if "FORWARDED" in name or "REAL" in name)
    return [f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']} {' '.join(left)}".encode()]


def ask(
    variables: dict[str, str],
    peer: str,
    headers: dict[str, str],
    *,
    path: str = "/",
    method: str = "GET",
    host: str = "localhost",
) -> TestResponse:
    client = Client(Proxies(echo, Config.from_env(variables)))
    return client.open(path, method=method, headers={"Host": host, **headers}, environ_overrides={"REMOTE_ADDR": peer})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),  # what the client wrote is left of it
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, nonsense, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "203.0.113.9:4711", "127.0.0.1"),
        ("127.0.0.1", "'; DROP TABLE users", "127.0.0.1"),
        ("127.0.0.1", "2001:db8:1::7", "2001:db8:1::7"),
        ("127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("203.0.113.66", "10.0.0.5", "203.0.113.66"),  # no proxy of ours: it may say what it wants
        ("fe80::1%eth0", "", "fe80::1"),
    ],
)
def test_an_address_is_believed_from_our_proxies_alone(peer: str, forwarded: str, address: str) -> None:
    variables = {**PROXIED, "SAI_PUBLIC_URL": ""}
    answer = ask(variables, peer, {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"})
    assert answer.text.split()[1] == address


def test_a_long_list_of_addresses_is_walked_from_the_right() -> None:
    forwarded = ", ".join(["6.6.6.6"] * 500 + ["203.0.113.9", "10.1.1.1"])
    assert ask(PROXIED, "10.0.0.1", {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}).text.split()[1] == (
        "203.0.113.9"
    )


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "http, https", "https"),
        ("10.0.0.1", "https, http", "http"),
        ("10.0.0.1", "gopher", "http"),
        ("203.0.113.66", "https", "http"),
    ],
)
def test_a_scheme_is_believed_from_our_proxies_alone(peer: str, proto: str, scheme: str) -> None:
    variables = {**PROXIED, "SAI_PUBLIC_URL": ""}
    assert ask(variables, peer, {"X-Forwarded-Proto": proto}).text.split()[0] == scheme


@pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.66"])
@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Port", "Forwarded", "X-Real-IP"]
)
def test_nothing_else_that_is_forwarded_reaches_the_application(peer: str, name: str) -> None:
    answer = ask({**PROXIED, "SAI_PUBLIC_URL": ""}, peer, {name: "for=6.6.6.6;host=evil.example"})
    assert len(answer.text.split()) == 2


def test_without_proxies_nobody_is_believed() -> None:
    answer = ask({}, "127.0.0.1", {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"})
    assert answer.text.split() == ["http", "127.0.0.1"]


@pytest.mark.parametrize(
    ("variables", "host", "is_served"),
    [
        ({}, "localhost:8000", True),
        ({}, "127.0.0.1", True),
        ({}, "[::1]:8000", True),
        ({}, "[::1]", True),
        ({}, "LOCALHOST", True),
        ({}, "evil.example", False),
        ({}, "127.0.0.1.evil.example", False),
        ({}, "localhost:99999999", False),
        ({}, "localhost:70000", False),
        ({}, "localhost@evil.example", False),
        ({}, "localhost/evil", False),
        ({}, "", False),
        ({}, "[::1", False),
        ({"SAI_HTTP_HOST": "2001:db8::7"}, "[2001:db8::7]:8000", True),
        ({"SAI_HTTP_HOST": "192.0.2.7"}, "192.0.2.7:8000", True),
        ({"SAI_HTTP_HOST": "0.0.0.0"}, "0.0.0.0", False),  # noqa: S104
        ({"SAI_PUBLIC_URL": "http://sai.example:8080"}, "sai.example:8080", True),
        ({"SAI_PUBLIC_URL": "http://señal.example"}, "xn--seal-hqa.example", True),
    ],
)
def test_only_our_own_names_are_served(variables: dict[str, str], host: str, *, is_served: bool) -> None:
    answer = ask(variables, "127.0.0.1", {}, host=host)
    assert answer.status_code == (200 if is_served else 400), own_hosts(Config.from_env(variables))


def proxied(proto: str | None, **options: Any) -> TestResponse:
    headers = {} if proto is None else {"X-Forwarded-Proto": proto}
    return ask(PROXIED, "10.0.0.1", headers, host="sai.example", **options)


def test_plain_http_is_led_to_https() -> None:
    answer = proxied("http", path="/executions/7?lang=en&x=%0d%0aSet-Cookie:a")
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://sai.example/executions/7?lang=en&x=%0d%0aSet-Cookie:a"
    assert proxied("https").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%0d%0aSet-Cookie:%20a=b"])
def test_it_is_led_to_this_site_alone(path: str) -> None:
    place = proxied("http", path=path).headers["Location"]
    assert place.startswith("https://sai.example/")
    assert not {"\r", "\n", "\\"} & set(place)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_change_by_plain_http_is_refused(method: str) -> None:
    assert proxied("http", method=method).status_code == 403


def test_a_proxy_that_keeps_the_scheme_to_itself_is_told() -> None:
    answer = proxied(None)
    assert (answer.status_code, answer.text) == (400, "The proxy must send X-Forwarded-Proto.\n")


def test_a_stranger_who_comes_past_the_proxy_is_led_to_https_too() -> None:
    answer = ask(PROXIED, "203.0.113.66", {"X-Forwarded-Proto": "https"}, host="sai.example")
    assert answer.status_code == 308


def test_the_probe_of_this_machine_needs_no_tls() -> None:
    assert ask(PROXIED, "127.0.0.1", {}, path="/healthz").status_code == 200
