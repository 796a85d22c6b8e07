"""`saiweb run`: one command starts everything, keeps it running and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import psycopg
import pytest

from config import Config
from saiweb.launcher import LauncherError, serve
from saiweb.supervisor import SupervisorError
from tests.embedded import open_folder
from tests.waiting import until

REPOSITORY = Path(__file__).parent.parent
OURS = ("SAI_", "SAIWEB_", "N8N_", "IMAGE_CACHE_", "DEMO_")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data folder for all tests here: the second start is a warm one."""
    with open_folder() as folder:
        yield folder


@contextmanager
def running(data: Path) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """Run `saiweb run --demo` on a free port; give the process and the address that it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with subprocess.Popen(
        [sys.executable, "-m", "saiweb", "run", "--demo"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environ | {"SAI_DATA_PATH": str(data), "SAI_HTTP_PORT": "0", "DEMO_HISTORY_COUNT": "0"},
    ) as launcher:
        try:
            assert launcher.stdout is not None
            line = launcher.stdout.readline()
            assert line.startswith("saiweb: http://127.0.0.1:")
            yield launcher, line.split()[1]
        finally:
            launcher.terminate()


def answers(address: str) -> bool:
    """Whether the web process answers at all; being ill is an answer too."""
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=5)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status > 0
        except (OSError, HTTPException):
            return False


def database_answers(data: Path) -> bool:
    try:
        with psycopg.connect(host=str(data / "postgres" / "run"), user="postgres", dbname="sai_dashboard") as conn:
            return conn.execute("SELECT count(*) FROM schema_migrations").fetchone() != (0,)
    except psycopg.OperationalError:
        return False


def postmaster(data: Path) -> int:
    return int((data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def family(launcher: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(launcher.pid).children(recursive=True)


def demo(launcher: "subprocess.Popen[str]") -> psutil.Process | None:
    for process in psutil.Process(launcher.pid).children():
        if "saiweb.demo" in process.cmdline():
            return process
    return None


def test_one_command_starts_everything_and_keeps_it_running_until_it_is_told_to_stop(data: Path) -> None:
    with running(data) as (launcher, address):
        until(lambda: answers(address), timeout_s=30)
        assert database_answers(data)
        assert "psycopg" not in Path(f"/proc/{launcher.pid}/maps").read_text()

        first = postmaster(data)
        os.kill(first, signal.SIGKILL)
        until(lambda: database_answers(data), timeout_s=30)
        assert postmaster(data) != first

        until(lambda: demo(launcher) is not None)
        simulated = demo(launcher)
        assert simulated is not None
        simulated.kill()
        until(lambda: demo(launcher) not in (None, simulated))

        started = family(launcher)
        launcher.terminate()
        assert launcher.wait(15) == 0
        _, left = psutil.wait_procs(started, timeout=2)
        assert left == []


def test_killing_it_leaves_nothing_behind_and_it_starts_again(data: Path) -> None:
    with running(data) as (launcher, address):
        until(lambda: answers(address), timeout_s=30)
        started = family(launcher)
        launcher.kill()
        _, left = psutil.wait_procs(started, timeout=10)
        assert left == []
    with running(data) as (launcher, address):
        until(lambda: answers(address), timeout_s=30)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SupervisorError, match=f"Port {port} of 127.0.0.1 cannot be had"):
            serve(Config.from_env({"SAI_HTTP_PORT": str(port)}), demo=False)


def test_the_demo_network_never_writes_into_a_configured_server() -> None:
    with pytest.raises(LauncherError, match="unset SAI_DB_HOST and N8N_DB_HOST"):
        serve(Config.from_env({"N8N_DB_HOST": "192.0.2.7", "SAI_HTTP_PORT": "0"}), demo=True)
