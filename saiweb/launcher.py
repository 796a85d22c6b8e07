"""Start everything in order and keep it running: PostgreSQL, the schema, the demo network, the web worker.

This process stays small: whatever needs the database driver or Flask runs in a child, and no child outlives it.
"""

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from config import Config
from saiweb import listening
from saiweb.errors import SaiwebError
from saiweb.memory import leave_code_alone
from saiweb.postgres import EmbeddedPostgres, PostgresError, die_with_parent

GUNICORN_SETTINGS = Path(__file__).resolve().parent.parent / "gunicorn.conf.py"
STANDARD_ERROR = 2
RESPAWN_PAUSE_S = 2.0
DEMO_PATIENCE_S = 5.0


class LauncherError(SaiwebError):
    """Something that `saiweb run` needs is not so; the sentence says what to do."""


def serve(config: Config, *, demo: bool) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then stop what was started and exit with 0.

    Raises SaiwebError with one sentence when it cannot start. Must be called from the main thread.
    """
    listening.require_safe(config, demo=demo)
    _require_free_port(config.http_host, config.http_port)
    if demo and not (config.uses_embedded_postgres and config.n8n_host is None):
        raise LauncherError("--demo writes simulated executions: unset SAI_DB_HOST and N8N_DB_HOST, or run without it.")
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, _leave)  # until gunicorn takes over
    Launcher(config, demo=demo).run()


class Launcher:
    """What runs besides gunicorn: the embedded PostgreSQL where no server is configured, and the demo network."""

    def __init__(self, config: Config, *, demo: bool) -> None:
        self._config = config
        self._with_demo = demo
        self._postgres = EmbeddedPostgres(config.data_path / "postgres") if config.uses_embedded_postgres else None
        self._demo: subprocess.Popen[bytes] | None = None
        self._demo_started_at = 0.0
        self._pid = os.getpid()

    def run(self) -> NoReturn:
        try:
            self._prepare()
            leave_code_alone()  # so that the worker, a fork, shares the pages of what is imported here
            WatchfulArbiter(Application(self._config), self.keep_running).run()
            sys.exit(0)
        finally:
            if os.getpid() == self._pid:  # gunicorn's workers are forks that leave through here too
                self._stop()

    def keep_running(self) -> None:
        """Start again what has died; called by gunicorn's loop every second and whenever a child ends."""
        if self._postgres is not None:
            try:
                if self._postgres.ensure_running():
                    _say("PostgreSQL had died and was started again")
            except PostgresError as error:
                _say(str(error))
        if self._with_demo and (self._demo is None or self._demo.poll() is not None):
            now = time.monotonic()
            if now - self._demo_started_at >= RESPAWN_PAUSE_S:
                self._demo_started_at = now
                self._demo = _spawn("saiweb.demo", "run")

    def _prepare(self) -> None:
        """Start the server, tell the children through the environment, and bring what is in it up to date."""
        if self._postgres is None:
            return
        self._postgres.start()
        os.environ["SAIWEB_EMBEDDED_SOCKET"] = str(self._postgres.socket_dir)
        if self._with_demo:
            n8n_folder = self._config.data_path / "n8n"
            n8n_folder.mkdir(exist_ok=True)
            os.environ |= {"SAIWEB_DEMO": "true", "N8N_STORAGE_PATHS": str(n8n_folder)}
            os.environ |= {"DEMO_N8N_DSN": Config.from_env().n8n_owner_conninfo(), "DEMO_STORAGE_PATH": str(n8n_folder)}
        _run("saiweb.embedded_databases")
        _run("saiweb", "migrate")
        if self._with_demo:
            _run("saiweb.demo", "prepare")
            _run("saiweb", "n8n", "install")

    def _stop(self) -> None:
        if self._demo is not None:
            self._demo.terminate()
            try:
                self._demo.wait(DEMO_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._demo.kill()
        if self._postgres is not None:
            self._postgres.stop()


class Application(BaseApplication):
    """Gunicorn's view of saiweb: the settings of gunicorn.conf.py, our address, the application of wsgi.py."""

    def __init__(self, config: Config) -> None:
        self._address = f"{_bracketed(config.http_host)}:{config.http_port}"
        self._tls = listening.tls_settings(config)
        super().__init__()

    def load_config(self) -> None:
        for name, value in runpy.run_path(str(GUNICORN_SETTINGS)).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        for name, value in {"bind": self._address, **self._tls}.items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", _announce)

    def load(self) -> Any:
        """Import the application; in the worker only, after gevent's patch."""
        from wsgi import app

        return app


class WatchfulArbiter(Arbiter):
    """Gunicorn's master, which also looks after the launcher's children in its loop."""

    def __init__(self, application: Application, keep_running: Callable[[], None]) -> None:
        self._keep_running = keep_running
        super().__init__(application)

    def manage_workers(self) -> None:
        self._keep_running()
        super().manage_workers()


def _announce(arbiter: Arbiter) -> None:
    host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
    print(f"saiweb: {'https' if arbiter.cfg.is_ssl else 'http'}://{_bracketed(host)}:{port}", flush=True)


def _say(sentence: str) -> None:
    print(f"saiweb: {sentence}", file=sys.stderr, flush=True)


def _run(*module_and_arguments: str) -> None:
    """Run one of our programs to its end; it has said what is wrong when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *module_and_arguments],
        stdin=subprocess.DEVNULL,
        stdout=STANDARD_ERROR,  # our own standard output holds the address and nothing else
        check=False,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    if done.returncode != 0:
        raise LauncherError(f"saiweb could not start: `python -m {' '.join(module_and_arguments)}` failed.")


def _spawn(*module_and_arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *module_and_arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for this process, which stops the others in order
        preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 (no other thread runs)
    )


def _leave(_sign: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _require_free_port(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise LauncherError(
                f"Port {port} of {host} cannot be had ({error.strerror}): set SAI_HTTP_PORT to another."
            ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
