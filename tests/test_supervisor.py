"""What the supervisor does about a web process that hangs, dies or cannot start."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from saiweb import supervisor
from saiweb.supervisor import CANNOT_START, SupervisorError, WebProcess
from tests.waiting import until

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebProcess]:
    """A watched stand-in, what it does is in $STAND_IN; it may be started again at once."""
    monkeypatch.setattr(supervisor, "RESPAWN_PAUSE_S", 0.0)
    monkeypatch.chdir(REPOSITORY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = WebProcess("tests.web_stand_in", listener)
        yield found
        found.stop()


def process(web: WebProcess) -> subprocess.Popen[bytes]:
    assert web._process is not None
    return web._process


def has_been_heard(web: WebProcess) -> bool:
    web.keep_running()
    return web._alive_at > web._started_at


def test_one_that_gives_no_sign_of_life_is_ended_and_started_again(
    web: WebProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAND_IN", "hangs")
    monkeypatch.setattr(supervisor, "HUNG_AFTER_S", 0.5)
    web.keep_running()
    first = process(web)
    until(lambda: has_been_heard(web))
    monkeypatch.setenv("STAND_IN", "works")
    until(lambda: web.keep_running() or process(web) is not first)
    assert first.returncode == -signal.SIGKILL  # it did not listen to the first signal
    until(lambda: has_been_heard(web))
    time.sleep(0.7)
    web.keep_running()
    assert process(web).poll() is None
    said = capfd.readouterr().err
    assert "saiweb: the web process has stopped answering and is ended" in said
    assert "saiweb: the web process ended (signal 9) and is started again" in said


def test_one_that_dies_at_once_is_not_started_again_without_a_pause(
    web: WebProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "works")
    web.keep_running()
    monkeypatch.setattr(supervisor, "RESPAWN_PAUSE_S", 0.5)
    process(web).kill()
    process(web).wait()
    web.keep_running()
    assert web._process is None
    until(lambda: web.keep_running() or web._process is not None)


def test_one_that_cannot_start_is_not_tried_for_ever(web: WebProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "cannot start")
    web.keep_running()
    assert process(web).wait(10) == CANNOT_START
    with pytest.raises(SupervisorError, match="cannot start"):
        web.keep_running()


def test_an_application_that_cannot_be_made_ends_the_command_with_its_reason(tmp_path: Path) -> None:
    """The settings are right when the command looks at them, and wrong by the time the web process does."""
    environment = {**os.environ, "SAI_DB_HOST": "/nowhere", "SAI_DATA_PATH": str(tmp_path), "SSE_MAX_CLIENTS": "none"}
    command = [*supervisor.INTERPRETER, "-m", "saiweb.supervisor", "host=127.0.0.1", "port=0"]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SSE_MAX_CLIENTS" in done.stderr
    assert done.stderr.splitlines()[-1] == "Error: The web process cannot start; what it said stands above."


def test_whoever_asks_while_there_is_no_web_process_waits_instead_of_being_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "SAI_DB_HOST": "/nowhere", "SAI_DATA_PATH": str(tmp_path)}
    command = [*supervisor.INTERPRETER, "-m", "saiweb.supervisor", "host=127.0.0.1", "port=0"]
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            port = int(running.stdout.readline().rsplit(":", 1)[1])
            assert asks(port).startswith(b"HTTP/1.1 ")
            for sign in (signal.SIGKILL, signal.SIGHUP):
                (before,) = psutil.Process(running.pid).children()
                if sign == signal.SIGKILL:
                    before.kill()
                else:
                    running.send_signal(sign)
                until(lambda before=before: not before.is_running() or before.status() == psutil.STATUS_ZOMBIE)
                assert asks(port).startswith(b"HTTP/1.1 ")
                (after,) = psutil.Process(running.pid).children()
                assert after.pid != before.pid
        finally:
            running.terminate()
        assert running.wait(15) == 0


def asks(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return connection.recv(100)
