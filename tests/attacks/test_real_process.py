"""Attacks on a real process: secrets read from its logs, a slow or old TLS, headers that a browser needs."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from saiweb.queries import users
from saiweb.services import links, passwords
from tests.certificates import Certificate, make_certificate
from tests.environment import APP, REPOSITORY, MakeWorld, World
from tests.waiting import until

PASSWORD = "una clave que nadie debe leer"
NEW_PASSWORD = "otra clave que nadie debe leer"
WRONG = "una clave errada de alguien"


class Browser:
    """The least that signs in: keeps cookies, posts forms with their token, and remembers what was secret."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._port, self._context = port, context
        self.cookies: dict[str, str] = {}
        self.secrets: set[str] = set()
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, **form: str) -> tuple[int, str]:
        if self._context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=15, context=self._context)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers |= {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        with contextlib.closing(connection):
            connection.request(method, path, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            self.headers = dict(answer.getheaders())
            for raw in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = raw.partition(";")[0].partition("=")
                self.cookies[name] = value
                self.secrets |= {value} if len(value) > 15 else set()
            body = answer.read().decode()
        self.secrets |= set(re.findall(r'name="csrf_token" value="([^"]+)"', body))
        return answer.status, body

    def post(self, path: str, page: str, **form: str) -> tuple[int, str]:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.ask("GET", page)[1])
        assert token
        self.secrets |= {value for name, value in form.items() if name in ("password", "repeated", "code")}
        return self.ask("POST", path, csrf_token=token[1], **form)


@contextlib.contextmanager
def served(world: World, *arguments: str) -> Generator[tuple[int, Path]]:
    """Serve the application as the launcher does, with an access log; give its port and the file with all it says."""
    said = world.folder / "said.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, said.open("wb") as out:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--access-logfile", "-", "--log-level", "debug"]
        process = subprocess.Popen(
            [*command, "--bind", f"fd://{listener.fileno()}", *arguments],
            pass_fds=[listener.fileno()],
            cwd=REPOSITORY,
            env=world.environment,
            stdout=out,
            stderr=out,
        )
        try:
            until(lambda: "Booting worker" in said.read_text(), timeout_s=30)
            yield port, said
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    world = make_world()
    with psycopg.connect(world.server.conninfo(world.dashboard, APP)) as conn:
        hashed = passwords.hash_password(PASSWORD)
        users.add(conn, username="ana", full_name="Ana", role="admin", password_hash=hashed, email="ana@example.org")
    return world


def test_no_secret_of_a_whole_visit_stands_in_any_log(world: World) -> None:
    with psycopg.connect(world.server.conninfo(world.dashboard, APP)) as conn:
        luis = users.add(conn, username="luis", full_name="Luis", role="viewer")
        code = links.make(conn, "invitation", user_id=luis)
    with served(world) as (port, said):
        ana, guest = Browser(port), Browser(port)
        assert ana.post("/sign-in", "/sign-in", name="ana", password=WRONG)[0] == 422
        assert ana.post("/sign-in", "/sign-in", name=WRONG, password=PASSWORD)[0] == 422
        assert ana.post("/sign-in", "/sign-in?next=/account", name="ana", password=PASSWORD)[0] == 303
        for path in ("/", "/account", "/health", "/admin/people", "/admin/activity", "/executions/7", "/nope"):
            assert ana.ask("GET", path)[0] in (200, 404)
        assert guest.post("/link", "/link", code=code)[0] == 200
        form = {"code": code, "password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
        assert guest.post("/link/password", "/link", **form)[0] == 303
        assert guest.ask("GET", "/account")[0] == 200
        guest.ask("GET", f"/sign-in/provider/callback?code={'c' * 30}&state={'s' * 30}")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as broken:  # requests that gunicorn refuses
            broken.sendall(
                f"GET / HTTP/1.1\r\nHost: x\r\nCookie sai_session={ana.cookies['sai_session']}\r\n\r\n".encode()
            )
            assert b" 400 " in broken.recv(1000)
        assert ana.post("/sign-out", "/account")[0] == 303
        until(lambda: "/sign-out" in said.read_text())
        secrets = ana.secrets | guest.secrets | {WRONG, PASSWORD, NEW_PASSWORD, code, "c" * 30, "s" * 30}
        secrets.add((world.folder / "secret_key").read_text())
    log = said.read_text()
    assert len(secrets) > 15
    assert '"POST /sign-in HTTP/1.1" 303' in log  # it was written at all
    assert {one for one in secrets if one in log or urlencode({"": one})[1:] in log} == set()
    with psycopg.connect(world.server.conninfo(world.dashboard)) as conn:
        rows = conn.execute("SELECT l::text FROM activity_log l").fetchall()
    assert len(rows) > 5
    assert {one for one in secrets for row in rows if one in row[0]} == set()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextlib.contextmanager
def served_by_tls(world: World, certificate: Certificate) -> Generator[int]:
    """Run `saiweb run` itself, which is what sets TLS up."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    said = world.folder / "run.log"
    world.extra |= certificate.variables | {"SAI_HTTP_PORT": str(port)}
    world.extra |= {"SAI_DB_HOST": str(world.server.socket_dir), "SAI_DB_PASSWORD": "unused"}
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "saiweb", "run"], env=world.environment, cwd=REPOSITORY, stdout=out, stderr=out
        )
        try:
            until(lambda: "saiweb: https://127.0.0.1:" in said.read_text(), timeout_s=30)
            yield port
        finally:
            process.terminate()
            assert process.wait(20) == 0, said.read_text()[-2000:]


def test_its_own_tls_is_of_this_decade_and_waits_for_nobody(world: World, certificate: Certificate) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate.file))
    with served_by_tls(world, certificate) as port:
        ana = Browser(port, trusting)
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(50)]
            begun = time.monotonic()
            assert ana.ask("GET", "/sign-in")[0] == 200  # fifty who never shake hands hold up nobody
            assert time.monotonic() - begun < 3
            silent[0].settimeout(15)
            assert silent[0].recv(1) == b""
            assert time.monotonic() - begun < 13
        assert ana.post("/sign-in", "/sign-in", name="ana", password=PASSWORD)[0] == 303
        assert {"__Host-sai_session", "__Host-sai_device"} <= set(ana.cookies)
        assert ana.ask("GET", "/account")[0] == 200
        assert ana.headers["Strict-Transport-Security"] == "max-age=31536000"
        old = ssl.create_default_context(cafile=str(certificate.file))
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as raw:  # noqa: PT011
            old.wrap_socket(raw, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"200" not in plain.recv(1000)
