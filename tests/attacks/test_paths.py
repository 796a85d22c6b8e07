"""Attacks through addresses: files outside of their folder, other sites in `next` and Host, line breaks in headers."""

from __future__ import annotations

import ast
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from saiweb import web
from saiweb.services import passwords
from tests.attacks import routes
from tests.environment import jpeg
from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Server
from tests.site import Site

PACKAGE = Path(web.__file__).parent
OURS = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "una clave de ana"
OUTSIDE = [
    "../app.py",
    "../../config.py",
    "..%2fapp.py",
    "%2e%2e/app.py",
    "%2e%2e%2fapp.py",
    "%252e%252e%252fapp.py",
    "..%5capp.py",
    "..\\app.py",
    "css/../../app.py",
    "css/..%2f..%2fapp.py",
    "....//app.py",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "css/base.css%00.png",
    "css/base.css%00",
    "%00",
    "css",
    "css/",
    ".",
    "~root/.profile",
    "file:///etc/passwd",
    "..%c0%afapp.py",
    "%e0%80%ae%e0%80%ae/app.py",
    "." * 300,
    "a/" * 500,
]
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%0d%0aLocation:%20https://evil.example\r\n",
    "/\r\nSet-Cookie: a=b",
    "/\nx",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:evil.example",
    "evil.example",
    "/" * 3000,
    "/\x00",
    "",
    "@evil.example",
    "/.evil.example/..//evil.example"[1:],
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real gunicorn: what it makes of a path is part of the defence."""
    with gunicorn_process.running() as server:
        yield server


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_outside_of_the_static_folder_is_served(site: Site, path: str) -> None:
    client = routes.attacker(site, "admin")
    response = client.get(f"/static/{path}")
    assert response.status_code in (301, 303, 308, 400, 404), path
    assert "create_app" not in response.text
    assert "root:" not in response.text


@pytest.mark.parametrize("path", [one for one in OUTSIDE if "\\" not in one])
def test_a_real_server_serves_none_either(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"GET /static/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(one)
        answer.begin()
        body = answer.read()
    assert answer.status in (308, 400, 404)
    assert b"create_app" not in body
    assert b"root:" not in body


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_is_named_by_the_address_of_a_picture(site: Site, path: str) -> None:
    site.add_execution(7, "none", picture=jpeg())
    client = routes.attacker(site, "admin")
    for kind in ("original", "thumb"):
        for address in (
            f"/images/{path}/7/{kind}",
            f"/images/{path}",
            f"/images/0/{path}/{kind}",
            f"/images/0/7/{path}",
        ):
            response = client.get(address)
            assert response.status_code in (301, 303, 308, 400, 404), address
            assert "root:" not in response.text


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "original/../../secret_key", "..", "x\x00y"])
def test_not_even_a_row_leads_outside_of_the_image_store(site: Site, path: str) -> None:
    """Should somebody write a path into the database, the store still opens nothing outside of its folder."""
    site.add_execution(7, "none", picture=jpeg())
    sha256 = site.query("SELECT sha256 FROM execution_images")[0]["sha256"]
    with pytest.raises(Exception, match=r"check constraint|NUL"):
        site.change("UPDATE execution_images SET original_path = %s", path)
    assert routes.attacker(site).get(f"/images/{sha256}/7/original").status_code == 200


@pytest.mark.parametrize("where", ELSEWHERE)
def test_next_leads_to_this_site_alone(site: Site, where: str) -> None:
    site.add_person("ana", password_hash=passwords.hash_password(PASSWORD))
    client = routes.attacker(site, None)
    form = {"name": "ana", "password": PASSWORD, "next": where, "csrf_token": client.token()}
    response = client.post("/sign-in", data=form, headers=OURS)
    assert (response.status_code, response.location) == (303, "/")
    assert client.get("/sign-in", query_string={"next": where}).location == "/"
    token = client.token()
    chosen = client.post("/preferences", data={"lang": "en", "next": where, "csrf_token": token}, headers=OURS)
    assert chosen.location == "/" if where == "" else chosen.status_code == 400


@pytest.mark.parametrize("where", [one for one in ELSEWHERE if one])
def test_no_page_repeats_where_somebody_else_wants_to_lead(site: Site, where: str) -> None:
    assert f'value="{where}"' not in routes.attacker(site, None).get("/sign-in", query_string={"next": where}).text


def test_every_redirect_of_a_get_stays_here(site: Site) -> None:
    client = routes.attacker(site, None)
    for _endpoint, method, path in routes.calls(site.app):
        for name in ("next", "url", "redirect", "return", "back", "to"):
            if method == "GET":
                place = client.get(path, query_string={name: "//evil.example/"}).location
                assert place is None or (place.startswith("/") and not place.startswith("//")), (path, place)


@pytest.mark.parametrize("value", ["es\r\nSet-Cookie: a=b", "en\nx", "../en", "e" * 5000, "\x00"])
@pytest.mark.parametrize("name", ["lang", "theme"])
def test_line_breaks_reach_no_header(site: Site, name: str, value: str) -> None:
    client = routes.attacker(site, None)
    response = client.post("/preferences", data={name: value, "csrf_token": client.token()}, headers=OURS)
    assert response.status_code == 400
    assert name in response.text
    if name == "lang":
        assert client.get("/sign-in", query_string={name: value}).status_code == 400


def test_no_answer_holds_a_line_break_that_was_sent(site: Site) -> None:
    evil = "x\r\nX-Injected: yes"
    for role in ("admin", None):
        client = routes.attacker(site, role)
        for _endpoint, method, path in routes.calls(site.app):
            if method == "GET" and not path.startswith("/events"):
                names = ("next", "lang", "format", "saved", "person", "topics", "name", "file")
                for answer in (
                    client.get(path, query_string=dict.fromkeys(names, evil)),
                    client.get(f"{path}%0d%0aX:y"),
                ):
                    assert "X-Injected" not in answer.headers
                    assert not any({"\r", "\n"} & set(value) for value in answer.headers.values())


def test_nothing_that_people_send_makes_the_server_ask_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSRF: addresses in every parameter, and no connection but the one to the database."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"the server wants to connect: {arguments}")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
    evil = "http://169.254.169.254/latest/meta-data"
    names = ("url", "next", "iss", "issuer", "redirect_uri", "image", "name", "email", "code", "state", "file", "logo")
    client = routes.attacker(site)
    for endpoint, method, path in routes.calls(site.app):
        if endpoint in ("events.stream", "sign_in.leave", "account.end_others"):
            continue
        fields = dict.fromkeys(names, evil)
        if method == "GET":
            client.get(path, query_string=fields)
        else:
            client.open(path, method=method, data={**fields, "csrf_token": client.token()}, headers=OURS)


def test_only_the_sign_in_provider_and_the_mail_server_are_asked_for_anything() -> None:
    """Modules that can open connections to others are these, and their addresses come from the configuration."""
    callers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] in ("requests", "urllib3", "httpx", "smtplib", "ftplib", "authlib")
        or name in ("urllib.request", "http.client")
    }
    assert callers <= {"services/oidc.py", "services/oidc_http.py", "services/oidc_tokens.py", "services/mail.py"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
