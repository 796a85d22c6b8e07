"""Start everything in order and keep it running: PostgreSQL, the schema, the demo network, the web process.

`python -m saiweb.supervisor` is what `saiweb run` becomes (saiweb.launcher). It stays small: it imports neither the
settings nor gunicorn, and whatever needs the database driver or Flask runs in a child. No child outlives it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from saiweb.errors import SaiwebError
from saiweb.postgres import EmbeddedPostgres, PostgresError, die_with_parent

INTERPRETER = (sys.executable, "-OO")  # without docstrings and assertions: 3 MB less of code in memory
WEB_PROCESS = "saiweb.web_process"
CANNOT_START = 3  # gunicorn's WORKER_BOOT_ERROR: the application cannot be made, and another process could not either
BACKLOG = 2048  # connections that wait while there is no web process

STANDARD_ERROR = 2
GLANCE_S = 1.0
RESPAWN_PAUSE_S = 2.0
HUNG_AFTER_S = 30.0  # without a sign of life
START_PATIENCE_S = 120.0  # until the first: a slow machine imports, and compiles all templates after an upgrade
WEB_PATIENCE_S = 8.0  # gunicorn.conf.py gives requests 3 s to end, and the pool and the ETL end after them
DEMO_PATIENCE_S = 5.0


class SupervisorError(SaiwebError):
    """Something that is needed to start cannot be had; the sentence says what."""


class WebProcess:
    """The process that serves pages, its signs of life, and when it may be started again."""

    def __init__(self, module: str, listener: socket.socket) -> None:
        self._module = module
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")
        self._alive_at = 0.0
        self._is_given_up = False
        self.signs_of_life, self._told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def keep_running(self) -> None:
        """Start it where there is none, and end it where it has not been heard of for too long.

        Raises SupervisorError when it says that it cannot start.
        """
        self._listen_to_it()
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            if code == CANNOT_START:
                raise SupervisorError("The web process cannot start; what it said stands above.")
            say(f"the web process ended ({_how(code)}) and is started again")
        if self._process is None:
            if now - self._started_at >= RESPAWN_PAUSE_S:
                self._start(now)
        elif now - self._alive_at > (HUNG_AFTER_S if self._alive_at > self._started_at else START_PATIENCE_S):
            say("the web process has stopped answering and is ended")
            self._process.send_signal(signal.SIGKILL if self._is_given_up else signal.SIGABRT)
            self._is_given_up = True

    def end(self) -> None:
        """Ask it to finish what it does and leave."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """End it, and return when it has ended."""
        if self._process is not None:
            end(self._process, WEB_PATIENCE_S)

    def _start(self, now: float) -> None:
        self._started_at = self._alive_at = now
        self._is_given_up = False
        inherited = (self._listener.fileno(), self._told)
        command = [*INTERPRETER, "-m", self._module, *(str(descriptor) for descriptor in inherited)]
        self._process = _spawn(command, pass_fds=inherited)

    def _listen_to_it(self) -> None:
        try:
            while os.read(self.signs_of_life, 512):
                self._alive_at = time.monotonic()
        except BlockingIOError:
            pass


class Supervisor:
    """The embedded PostgreSQL where `data` is a folder, the demo network where `demo` is set, and the web process.

    `demo` is n8n's database, which belongs to `demo_owner`; `web` the module of the web process.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        scheme: str = "http",
        data: Path | None = None,
        demo: str = "",
        demo_owner: str = "",
        web: str = WEB_PROCESS,
    ) -> None:
        self._address = (host, port)
        self._scheme = scheme
        self._data = data
        self._demo_database, self._demo_owner = demo, demo_owner
        self._web_module = web
        self._postgres = None if data is None else EmbeddedPostgres(data / "postgres")
        self._demo: subprocess.Popen[bytes] | None = None
        self._demo_started_at = float("-inf")
        self._web: WebProcess | None = None

    def run(self) -> NoReturn:
        """Serve until SIGTERM or SIGINT, then stop what was started and exit with 0; SIGHUP renews the web process."""
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(sign, _leave)
        try:
            self._prepare()
            with listen(*self._address) as listener:
                self._web = WebProcess(self._web_module, listener)
                self._watch(self._web, listener)
        finally:
            for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(sign, signal.SIG_IGN)
            self._stop()

    def _prepare(self) -> None:
        """Start the server, tell the children through the environment, and bring what is in it up to date."""
        if self._postgres is None or self._data is None:
            return
        self._postgres.start()
        os.environ["SAIWEB_EMBEDDED_SOCKET"] = str(self._postgres.socket_dir)
        if self._demo_database:
            n8n_folder = self._data / "n8n"
            n8n_folder.mkdir(exist_ok=True)
            os.environ |= {"SAIWEB_DEMO": "true", "N8N_STORAGE_PATHS": str(n8n_folder)}
            os.environ["DEMO_N8N_DSN"] = self._postgres.conninfo(self._demo_database, self._demo_owner)
            os.environ["DEMO_STORAGE_PATH"] = str(n8n_folder)
        _run("saiweb.embedded_databases")
        _run("saiweb", "migrate")
        if self._demo_database:
            _run("saiweb.demo", "prepare")
            _run("saiweb", "n8n", "install")

    def _watch(self, web: WebProcess, listener: socket.socket) -> NoReturn:
        woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _do_nothing)  # but wake up
        signal.signal(signal.SIGHUP, lambda _sign, _frame: web.end())
        for sign in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(sign, _do_nothing)
        self._keep_running(web)
        host, port = listener.getsockname()[:2]
        print(f"saiweb: {self._scheme}://{_bracketed(host)}:{port}", flush=True)
        while True:
            ready, _, _ = select.select([woken, web.signs_of_life], [], [], GLANCE_S)
            if woken in ready:
                os.read(woken, 512)
            self._keep_running(web)

    def _keep_running(self, web: WebProcess) -> None:
        """Start again what has died."""
        if self._postgres is not None:
            try:
                if self._postgres.ensure_running():
                    say("PostgreSQL had died and was started again")
            except PostgresError as error:
                say(str(error))
        if self._demo_database and (self._demo is None or self._demo.poll() is not None):
            now = time.monotonic()
            if now - self._demo_started_at >= RESPAWN_PAUSE_S:
                self._demo_started_at = now
                self._demo = _spawn([sys.executable, "-m", "saiweb.demo", "run"])
        web.keep_running()

    def _stop(self) -> None:
        if self._web is not None:
            self._web.stop()
        if self._demo is not None:
            end(self._demo, DEMO_PATIENCE_S)
        if self._postgres is not None:
            self._postgres.stop()


def end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask a process to leave, and after `patience_s` make it."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises SupervisorError where the port cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        with contextlib.ExitStack() as undo:
            undo.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            undo.pop_all()
    except OSError as error:
        raise SupervisorError(
            f"Port {port} of {host} cannot be had ({error.strerror}): set SAI_HTTP_PORT to another."
        ) from error
    return listener


def say(sentence: str) -> None:
    print(f"saiweb: {sentence}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> NoReturn:
    """Supervise what NAME=VALUE arguments say: those of Supervisor, an empty one as if it were not there."""
    given = dict(one.split("=", 1) for one in arguments if not one.endswith("="))
    data = given.pop("data", None)
    try:
        Supervisor(given.pop("host"), int(given.pop("port")), data=Path(data) if data else None, **given).run()
    except SaiwebError as error:
        sys.exit(f"Error: {error}")


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
        raise SupervisorError(f"saiweb could not start: `python -m {' '.join(module_and_arguments)}` failed.")


def _spawn(command: Sequence[str], *, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=pass_fds,
        start_new_session=True,  # Ctrl-C is for this process, which stops the others in order
        preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 (no other thread runs)
    )


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _leave(_sign: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _do_nothing(_sign: int, _frame: FrameType | None) -> None:
    pass


if __name__ == "__main__":
    main(sys.argv[1:])
