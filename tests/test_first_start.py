"""The first start of a new installation, as one process after another: a link instead of a default password."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from saiweb.services import demo_people
from tests.embedded import open_folder
from tests.waiting import until

REPOSITORY = Path(__file__).parent.parent
OURS = ("SAI_", "SAIWEB_", "N8N_", "IMAGE_CACHE_", "DEMO_", "SMTP_", "OIDC_")
PASSWORD = "una frase larga y rara"
LINK = re.compile(r"^saiweb: (http://127\.0\.0\.1:\d+)/link#(\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data folder for all starts of this file."""
    with open_folder() as folder:
        yield folder


class Start:
    """One `saiweb run`, and what it says on standard error."""

    def __init__(self, port: int, said: Path, process: subprocess.Popen[str]) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._said = said
        self.process = process

    def said(self) -> str:
        return self._said.read_text()

    def code(self) -> str:
        """Wait for the link that it prints; returns what stands behind the #."""
        until(lambda: LINK.search(self.said()) is not None, timeout_s=60)
        (found,) = LINK.findall(self.said())
        assert found[0] == self.address
        return found[1]

    def post(self, browser: requests.Session, path: str, page: str, **fields: str) -> requests.Response:
        """Post a form as the page that holds it would."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(self.address + page).text)
        assert token
        return browser.post(
            self.address + path,
            data={**fields, "csrf_token": token[1]},
            headers={"Origin": self.address},
            allow_redirects=False,
            timeout=30,
        )


@contextmanager
def started(data: Path, *options: str) -> Generator[Start]:
    """Run `saiweb run` on a port that is free until it answers; end it as a service manager would."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environ |= {"SAI_DATA_PATH": str(data), "SAI_HTTP_PORT": str(port), "DEMO_HISTORY_COUNT": "0"}
    said = data / f"said-{port}.txt"
    with (
        said.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "saiweb", "run", *options],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            cwd=REPOSITORY,
            env=environ,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("saiweb: http://"), said.read_text()
            start = Start(port, said, process)
            until(lambda: _answers(start.address), timeout_s=60)
            yield start
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/sign-in", timeout=10).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def actions(data: Path) -> list[str]:
    with psycopg.connect(host=str(data / "postgres" / "run"), user="postgres", dbname="sai_dashboard") as conn:
        return [row[0] for row in conn.execute("SELECT action FROM activity_log ORDER BY id")]


def test_a_printed_link_sets_up_the_first_admin_and_nothing_else_lets_in(data: Path) -> None:
    with started(data) as start:
        first = start.code()
    with started(data) as start:
        code = start.code()
        assert code != first
        browser = requests.Session()
        fields = {"username": "ana", "full_name": "Ana", "password": PASSWORD, "repeated": PASSWORD}
        assert start.post(browser, "/link/password", "/link", code=first, **fields).status_code == 422
        for name, password in (("admin", "admin"), ("saiweb", "saiweb"), ("admin", "")):
            assert start.post(browser, "/sign-in", "/sign-in", name=name, password=password).status_code == 422
        assert start.post(browser, "/link/password", "/link", code=code, **fields).status_code == 303
        assert browser.get(f"{start.address}/health", timeout=30).status_code == 200
        assert actions(data)[:2] == ["link.make", "link.make"]
        assert PASSWORD not in start.said()
    with started(data) as start:
        until(lambda: "session.begin" in actions(data))
        browser = requests.Session()
        assert start.post(browser, "/sign-in", "/sign-in", name="ana", password=PASSWORD).status_code == 303
        assert LINK.search(start.said()) is None


def test_who_is_of_the_demo_is_gone_when_it_ends(data: Path) -> None:
    path = data / demo_people.FILE
    browser = requests.Session()
    with started(data, "--demo") as start:
        until(lambda: "demo-admin" in requests.get(f"{start.address}/sign-in", timeout=10).text, timeout_s=30)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (password,) = re.findall(
            r'value="demo-admin">\s*<input[^>]*name="password" value="([^"]+)"',
            browser.get(f"{start.address}/sign-in").text,
        )
        assert start.post(browser, "/sign-in", "/sign-in", name="demo-admin", password=password).status_code == 303
        assert browser.get(f"{start.address}/health", timeout=30).status_code == 200
        assert LINK.search(start.said()) is None
    with started(data) as start:
        until(lambda: actions(data).count("user.disable") == 4, timeout_s=30)
        assert browser.get(f"{start.address}/health", allow_redirects=False, timeout=30).status_code in (303, 401)
        refused = start.post(requests.Session(), "/sign-in", "/sign-in", name="demo-admin", password=password)
        assert refused.status_code == 422
        assert password not in refused.text
