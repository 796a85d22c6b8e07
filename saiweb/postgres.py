"""Run a private PostgreSQL beside the program, so that one command starts everything on a bare machine.

Only ready-made binaries are used. The server listens on a Unix socket in a private (0700) folder and nowhere else: the
file system keeps others out, which is why `trust` on that socket is acceptable. It dies with the process that started
it, SIGKILL included.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from io import BufferedWriter
from pathlib import Path

from saiweb.postgres_place import Place, PostgresError, find_binaries, version_of

__all__ = ["EmbeddedPostgres", "PostgresError", "die_with_parent"]

SUPERUSER = "postgres"
PORT = "5432"  # only a part of the socket's name: nothing listens on TCP
PASSING_FAILURES = (b"lock file", b"shared memory block")  # the rest of a server that was killed a moment ago
PATIENCE_S = 5.0
LOG_LIMIT_BYTES = 1_000_000
PR_SET_PDEATHSIG = 1
PID_FILE_STATUS = 7  # line of postmaster.pid

SMALL_SERVER = {
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "60s",
    "jit": "off",
    "listen_addresses": "",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "max_connections": "40",
    "max_logical_replication_workers": "0",
    "max_parallel_maintenance_workers": "0",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "80MB",
    "shared_buffers": "6MB",
    "timezone": "UTC",
    "wal_buffers": "512kB",
    "wal_level": "minimal",
}
SMALL_SERVER_FROM_18 = {"autovacuum_worker_slots": "2", "io_method": "sync"}

LIBC = ctypes.CDLL(None)


class EmbeddedPostgres:
    """One PostgreSQL server over one folder, owned by the process that calls `start`.

    Start it from the main thread of a process that outlives its users: the kernel ends the server with that thread.
    `data` and `socket_dir` are final once `start` has returned (see `Place` for when they are not below `root`).
    """

    superuser = SUPERUSER

    def __init__(
        self,
        root: Path,
        *,
        settings: Mapping[str, str] | None = None,
        run_as: str | None = None,
        binaries: Path | None = None,
    ) -> None:
        self.root = root.absolute()
        self.data = self.root / "data"
        self.socket_dir = self.root / "run"
        self._binaries = binaries or find_binaries()
        self.version = version_of(self._binaries)
        self._major = int(self.version.split(".")[0])
        self._settings = {**SMALL_SERVER, **(SMALL_SERVER_FROM_18 if self._major >= 18 else {}), **(settings or {})}
        self._run_as = run_as
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._is_wanted = False
        os.register_at_fork(after_in_child=self._forget)

    def start(self, timeout_s: float = 60) -> None:
        """Create the data where there is none, and return when the server answers.

        Raises PostgresError with one sentence when it cannot.
        """
        if self.is_alive():
            return
        if threading.current_thread() is not threading.main_thread():
            raise PostgresError("The embedded PostgreSQL must be started from the main thread.")
        self._take_lock()
        try:
            place = Place(self.root, self._run_as, self._binaries, self.version)
            self.data, self.socket_dir = place.data, place.socket_dir
            if not (self.data / "PG_VERSION").exists():
                self._create_data(place)
            self._require_same_major()
            self._launch(place, time.monotonic() + timeout_s)
        except OSError as error:
            self._end(patience_s=5)
            raise PostgresError(f"The embedded PostgreSQL cannot use {self.root}: {error}.") from error
        except BaseException:
            self._end(patience_s=5)
            raise
        self._is_wanted = True

    def stop(self, timeout_s: float = 20) -> None:
        """End the server (connections are closed, data is flushed) and let another process have the folder."""
        self._is_wanted = False
        self._end(timeout_s)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ensure_running(self) -> bool:
        """Start the server again if it died after `start`; True when it had to."""
        if not self._is_wanted or self.is_alive():
            return False
        self.start()
        return True

    def conninfo(self, dbname: str, user: str | None = None) -> str:
        """Return the libpq connection string."""
        values = {"host": str(self.socket_dir), "port": PORT, "dbname": dbname, "user": user or SUPERUSER}
        return " ".join(f"{key}={_quoted(value)}" for key, value in values.items())

    def _end(self, patience_s: float) -> None:
        process, self._process = self._process, None
        if process is not None:
            for sign, wait_s in ((signal.SIGINT, patience_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                process.send_signal(sign)
                try:
                    process.wait(wait_s)
                    break
                except subprocess.TimeoutExpired:
                    continue
        self._release_lock()

    def _forget(self) -> None:
        """In a forked child: the server and its folder are the parent's affair."""
        self._process = None
        self._is_wanted = False
        self._release_lock()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PostgresError(
                f"The data folder {self.root} is not usable ({error.strerror}): set SAI_DATA_PATH to a folder of yours."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise PostgresError(f"Another saiweb is using the data folder {self.root}: stop it first.") from error
        self._lock = lock

    def _release_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _create_data(self, place: Place) -> None:
        """Run initdb in a temporary folder: an interrupted one leaves nothing that looks like data."""
        unfinished = place.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [place.binaries / "initdb", "-D", unfinished, "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"]
        command += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]
        if self._settings.get("fsync") == "off":
            command.append("--no-sync")
        done = place.run(command)
        if done.returncode != 0:
            raise PostgresError(f"PostgreSQL could not create its data in {self.data}: {_telling_line(done.stdout)}")
        unfinished.rename(self.data)  # fails where something that is not PostgreSQL's data is in the way

    def _require_same_major(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(self._major):
            raise PostgresError(
                f"The data in {self.data} belongs to PostgreSQL {found} and the program has PostgreSQL {self.version}: "
                f"set SAIWEB_PG_BIN to the bin folder of a PostgreSQL {found}, or move the data away to start empty."
            )

    def _launch(self, place: Place, deadline: float) -> None:
        retry_until = time.monotonic() + PATIENCE_S
        while True:
            self._wait_for_predecessor(deadline)
            with _open_log(place.log) as log:
                said_from = log.tell()
                self._process = self._spawn(place, log)
            while self._process.poll() is None:
                if self._is_ready(self._process.pid):
                    return
                if time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL did not become ready in time: see {place.log}.")
                time.sleep(0.01)
            said = place.log.read_bytes()[said_from:]
            if not any(phrase in said for phrase in PASSING_FAILURES) or time.monotonic() > retry_until:
                raise PostgresError(f"PostgreSQL did not start: {_telling_line(said)} (see {place.log}).")
            time.sleep(0.1)

    def _spawn(self, place: Place, log: BufferedWriter) -> subprocess.Popen[bytes]:
        settings = {**self._settings, "port": PORT, "unix_socket_directories": str(self.socket_dir)}
        arguments = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return subprocess.Popen(
            [place.binaries / "postgres", "-D", self.data, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal reaches this process, which stops the server in order
            preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 (no other thread runs, and it makes two system calls)
            **place.identity(),
        )

    def _is_ready(self, pid: int) -> bool:
        lines = self._pid_file()
        return len(lines) > PID_FILE_STATUS and lines[0] == str(pid) and lines[PID_FILE_STATUS].strip() == "ready"

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _wait_for_predecessor(self, deadline: float) -> None:
        """Let a server whose supervisor was killed finish; forget one whose number now belongs to something else."""
        while lines := self._pid_file():
            if not _is_postmaster_of(self.data, pid=lines[0]):
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise PostgresError(f"Another PostgreSQL (process {lines[0]}) is using {self.data}: stop it first.")
            time.sleep(0.05)


def die_with_parent(sign: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn`: the child gets `sign` when the thread that started it ends, however it ends."""
    parent = os.getpid()

    def in_child() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(sign))  # Popen changed the user before this: doing so later would clear it
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _is_postmaster_of(data: Path, *, pid: str) -> bool:
    """Whether that process is alive (a zombie is not) and works in `data`, as a postmaster does."""
    process = Path("/proc") / pid
    try:
        name, _, fields = (process / "stat").read_text().partition("(")[2].rpartition(")")
        if fields.split()[0] == "Z":
            return False
        try:
            return (process / "cwd").readlink() == data.resolve()
        except PermissionError:  # in a container root may not look: then believe the name
            return name == "postgres"
    except OSError:
        return False


def _open_log(path: Path) -> BufferedWriter:
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _quoted(value: str) -> str:
    """Quote for a libpq connection string where it is needed."""
    if value and not any(character in value for character in " '\\"):
        return value
    return "'" + value.replace("\\", r"\\").replace("'", r"\'") + "'"


def _telling_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1].strip()
