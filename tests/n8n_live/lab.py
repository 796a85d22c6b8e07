"""Install real n8n, with the Node it needs, into a folder; and run one: database, home folder, process, REST."""

from __future__ import annotations

import http.cookiejar
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from saiweb.postgres import EmbeddedPostgres

VERSIONS = {1: "1.123.81", 2: "2.40.7"}
NODE_VERSION = "24.21.0"
OVERRIDES = {"xlsx": "0.18.5"}  # n8n asks for it from a place that is no npm registry
WORKFLOWS = Path(__file__).parents[1] / "data" / "n8n" / "workflows"
OWNER = {"email": "lab@example.org", "firstName": "Lab", "lastName": "Owner", "password": "Only-For-The-Lab-1"}
READY_TIMEOUT_S = 180.0


class LabError(Exception):
    """The laboratory cannot go on; the sentence says why."""


def install(folder: Path, version: int) -> None:
    """Fetch Node and that n8n with npm, unless they are there: 2 minutes for 1.x, up to 5 for 2.x."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    _npm_install(folder / "node", {f"node-linux-{machine}": NODE_VERSION}, {})
    _npm_install(folder / f"n8n-{VERSIONS[version]}", {"n8n": VERSIONS[version]}, OVERRIDES)


def _npm_install(folder: Path, packages: Mapping[str, str], overrides: Mapping[str, str]) -> None:
    if (folder / "installed").exists():
        return
    if shutil.which("npm") is None:
        raise LabError("npm is needed to install n8n: on Debian, apt-get install npm.")
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": "lab", "version": "1.0.0", "private": True, "dependencies": packages, "overrides": overrides}
    (folder / "package.json").write_text(json.dumps(about))
    print(f"installing {', '.join(f'{name} {version}' for name, version in packages.items())}", flush=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        raise LabError(f"npm could not install {', '.join(packages)}.")
    (folder / "installed").touch()


class N8n:
    """One n8n over a database of its own in `server`; `home` holds its files and its log."""

    def __init__(
        self, lab: Path, version: int, home: Path, server: EmbeddedPostgres, database: str, variables: Mapping[str, str]
    ) -> None:
        self.version, self.home, self.database = version, home, database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._node = next((lab / "node" / "node_modules").glob("node-linux-*/bin/node"))
        self._program = lab / f"n8n-{VERSIONS[version]}" / "node_modules" / "n8n" / "bin" / "n8n"
        self._environment = self._make_environment(server, variables)
        self._process: subprocess.Popen[bytes] | None = None
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(cookies)
        home.mkdir(parents=True, exist_ok=True)
        _create_database(server, database)

    def set_up(self, services_port: int, workflows: Mapping[str, str]) -> None:
        """Import the credentials and the named workflows (name -> id) and activate them; n8n must not be running."""
        for name in ("credentials", *workflows):
            text = (WORKFLOWS / f"{name}.json").read_text().replace("127.0.0.1:5610", f"127.0.0.1:{services_port}")
            path = self.home / f"{name}.json"
            path.write_text(text)
            self.command("import:credentials" if name == "credentials" else "import:workflow", f"--input={path}")
        for workflow_id in workflows.values():
            if self.version == 1:
                self.command("update:workflow", "--active=true", f"--id={workflow_id}")
            else:
                self.command("publish:workflow", f"--id={workflow_id}")

    def command(self, *arguments: str) -> None:
        done = subprocess.run(
            [self._node, self._program, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise LabError(f"n8n {arguments[0]} failed: {(done.stderr or done.stdout)[-600:]}")

    def start(self, webhook_path: str) -> None:
        """Return when webhooks answer, which is later than n8n's own readiness; the owner account exists then."""
        with (self.home / "n8n.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._node, self._program, "start"],
                cwd=self.home,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._knows(webhook_path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"n8n {VERSIONS[self.version]} did not become ready: see {self.home / 'n8n.log'}.")
            time.sleep(0.2)
        while not self._signed_in():
            if time.monotonic() > deadline:
                raise LabError(f"n8n {VERSIONS[self.version]} lets nobody sign in: see {self.home / 'n8n.log'}.")
            time.sleep(0.2)

    def _knows(self, webhook_path: str) -> bool:
        """Whether n8n answers a GET with "registered, but for POST": before, it has no such webhook or no answer."""
        try:
            self._browser.open(f"{self.url}/webhook/{webhook_path}", timeout=10).close()
        except urllib.error.HTTPError as error:
            return b"not registered for GET" in error.read()
        except OSError:
            return False
        return False

    def _signed_in(self) -> bool:
        """Sign in as the owner, whom a new n8n is given first; REST answers later than the webhooks do."""
        with suppress(LabError):
            self.call("POST", "/rest/owner/setup", OWNER)
        try:
            self.call("POST", "/rest/login", {"emailOrLdapLoginId": OWNER["email"], "password": OWNER["password"]})
        except LabError:
            return False
        return True

    def visit(self, path: str) -> None:
        """Open a link of this n8n as a browser does."""
        self._browser.open(self.url + path, timeout=30).close()

    def stop(self, *, kill: bool = False) -> None:
        """End the process in order, or as a power cut would."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def call(self, method: str, path: str, body: object = None) -> None:
        """Use n8n's internal REST interface as its editor does."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "push-ref": "lab"}
        request = urllib.request.Request(self.url + path, content, headers, method=method)  # noqa: S310 (our own n8n)
        try:
            self._browser.open(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            raise LabError(f"{method} {path}: {error.code} {error.read()[:300]!r}") from error

    def _make_environment(self, server: EmbeddedPostgres, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": f"{self._node.parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "N8N_USER_FOLDER": str(self.home),
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": str(server.socket_dir),
            "DB_POSTGRESDB_DATABASE": self.database,
            "DB_POSTGRESDB_USER": "n8n",
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_HOST": "127.0.0.1",
            "N8N_PORT": str(self.port),
            "N8N_SECURE_COOKIE": "false",
            "N8N_RUNNERS_ENABLED": "false",
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_ENCRYPTION_KEY": "of-the-laboratory-and-no-secret",
            "GENERIC_TIMEZONE": "America/Argentina/Cordoba",
            "TZ": "America/Argentina/Cordoba",
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "N8N_DYNAMIC_BANNERS_ENABLED": "false",
            "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
            "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "false",
            "EXTERNAL_FRONTEND_HOOKS_URLS": "",
            "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
            "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
            **variables,
        }


def _create_database(server: EmbeddedPostgres, name: str) -> None:
    """An empty database owned by the role n8n, which may create roles."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as conn:
        if conn.execute("SELECT FROM pg_roles WHERE rolname = 'n8n'").fetchone() is None:
            conn.execute("CREATE ROLE n8n LOGIN CREATEROLE")
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(name)))
        conn.execute(sql.SQL("CREATE DATABASE {} OWNER n8n").format(sql.Identifier(name)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
