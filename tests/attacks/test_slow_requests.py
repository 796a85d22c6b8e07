"""Attack: requests that come slowly, half, too large or by the hundred (slowloris, slow body, slow reader)."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Generator, Iterator

import pytest

from saiweb.realtime import arrivals
from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Server
from tests.waiting import until

ELSEWHERE = "127.0.0.2"  # another address of this machine: the attacker's
HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real gunicorn with our settings, whose patience is two seconds everywhere."""
    with gunicorn_process.running(
        app="tests.attacks.impatient_app:create()", GUNICORN_CMD_ARGS="--keep-alive 2"
    ) as server:
        yield server


@contextlib.contextmanager
def connected(server: Server, count: int = 1, *, source: str = ELSEWHERE) -> Generator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=15, source_address=(source, 0))
            )
            for _ in range(count)
        ]


def ended(sockets: list[socket.socket]) -> int:
    """Return how many the server has closed without a word."""
    readable = select.select(sockets, [], [], 0)[0]
    count = 0
    for one in readable:
        with contextlib.suppress(OSError):
            count += one.recv(1, socket.MSG_PEEK) == b""
            continue
        count += 1
    return count


def answer_of(one: socket.socket) -> bytes:
    """Return all that the server says until it closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := one.recv(65_536):
            received += chunk
    return received


def page_s(server: Server) -> float:
    begun = time.monotonic()
    assert server.request("GET", "/")[0] == 200
    return time.monotonic() - begun


def test_three_hundred_half_requests_stop_nobody_else(server: Server) -> None:
    with connected(server, 300) as attackers:
        for one in attackers:
            with contextlib.suppress(OSError):
                one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert page_s(server) < 1
        until(lambda: ended(attackers) >= 300 - arrivals.HALF_OPEN_PER_ADDRESS)
        assert ended(attackers) == 300 - arrivals.HALF_OPEN_PER_ADDRESS
        for _ in range(5):  # a byte now and then does not make the rest last longer
            for one in attackers:
                with contextlib.suppress(OSError):
                    one.sendall(b"x")
            assert page_s(server) < 1
            time.sleep(0.3)
        until(lambda: ended(attackers) == 300, timeout_s=5)
    with connected(server) as (again,):  # the address is served again once they are gone
        again.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer_of(again).startswith(b"HTTP/1.1 200 ")


def test_a_body_in_drops_is_cut_and_named(server: Server) -> None:
    with connected(server) as (one,):
        begun = time.monotonic()
        one.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 4 and not select.select([one], [], [], 0.2)[0]:
                one.sendall(b"x")
        assert answer_of(one).startswith(b"HTTP/1.1 408 ")
        assert 1.5 < time.monotonic() - begun < 4


def test_bodies_in_drops_count_as_half_requests_whatever_came_before(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        attackers: list[socket.socket] = []
        for _ in range(arrivals.HALF_OPEN_PER_ADDRESS + 30):
            (one,) = stack.enter_context(connected(server))
            one.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            while b"}" not in received:
                received += one.recv(65_536)
            attackers.append(one)
        for one in attackers:
            one.sendall(HEAD + b"Content-Length: 1000\r\n\r\nx")
        until(lambda: ended(attackers) == 30)
        assert page_s(server) < 1


def test_half_a_body_is_no_request(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(HEAD + b"Content-Length: 10\r\n\r\nhalf")
        one.shutdown(socket.SHUT_WR)
        assert answer_of(one) == b""


def test_a_body_that_fits_arrives(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(HEAD + b"Connection: close\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65_536)
        assert answer_of(one).endswith(b"\r\n\r\n65536")


def test_a_body_that_waits_to_be_asked_for_arrives(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b"abc")
        assert answer_of(one).endswith(b"\r\n\r\n3")


def test_a_body_that_is_too_large_is_refused_unread(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(HEAD + b"Content-Length: 10000000\r\n\r\n" + b"x" * 100_000)
        assert answer_of(one).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert answer_of(one).startswith(b"HTTP/1.1 411 ")


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: x\r\n" % n for n in range(100)) + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"\x16\x03\x01 not http\r\n\r\n", b"400"),
    ],
)
def test_a_head_that_is_too_large_or_ambiguous_is_refused(server: Server, request_bytes: bytes, code: bytes) -> None:
    with connected(server) as (one,):
        one.sendall(request_bytes)
        assert answer_of(one).split(b" ", 2)[1] == code


def test_a_reader_who_takes_nothing_is_left(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(3.5)
        assert page_s(server) < 1
        assert len(answer_of(one)) < 60 * 1024**2


def test_an_idle_connection_is_not_kept_for_ever(server: Server) -> None:
    with connected(server) as (one,):
        begun = time.monotonic()
        one.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer_of(one).startswith(b"HTTP/1.1 200 ")
        assert 1 < time.monotonic() - begun < 4


def test_nobody_is_told_which_version_answers(server: Server) -> None:
    with connected(server) as (one,):
        one.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"\r\nServer: gunicorn\r\n" in answer_of(one)


def test_the_real_server_waits_no_longer_than_it_says() -> None:
    settings: dict[str, object] = {}
    exec((gunicorn_process.REPOSITORY / "gunicorn.conf.py").read_text(), settings)  # noqa: S102 (our own settings)
    assert settings["keepalive"] == 10
    assert (arrivals.BODY_S, arrivals.HANDSHAKE_S, arrivals.ANSWER_S) == (20, 10, 60)
    assert settings["forwarded_allow_ips"] == ""
