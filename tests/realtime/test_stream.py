"""Streams through a real gunicorn: sockets that the hub holds, and generators where it cannot."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.realtime import gunicorn_process
from tests.realtime.gunicorn_process import Server, Stream
from tests.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with gunicorn_process.running(SSE_MAX_CLIENTS="30") as server:
        yield server


@pytest.fixture
def streams() -> Iterator[list[Stream]]:
    opened: list[Stream] = []
    yield opened
    for stream in opened:
        stream.close()


def clients(server: Server) -> int:
    return json.loads(server.request("GET", "/stats")[1])["clients"]


def test_the_present_state_comes_on_connect_and_news_follow(server: Server, streams: list[Stream]) -> None:
    assert server.request("POST", "/news/before") == (200, "ok")
    streams.append(Stream(server.port, "/events?topics=critical,live"))
    head = streams[0].read_until(b"\r\n\r\n").decode().partition("\r\n\r\n")[0]
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {"Content-Type: text/event-stream; charset=utf-8", "Cache-Control: no-store"} <= set(lines)
    assert {"X-Accel-Buffering: no", "Connection: close"} <= set(lines)
    assert "Content-Length" not in head
    body = streams[0].read_until(b'hx-target="#region-live"')
    assert b"<p>before</p>" in body
    server.request("POST", "/news/after")
    streams[0].read_until(b"<p>after</p>")


def test_a_heartbeat_comes_within_three_seconds_and_again(server: Server, streams: list[Stream]) -> None:
    streams.append(Stream(server.port, "/events?topics=health"))
    streams[0].read_until(b"event: beat\n")
    while streams[0].received.count(b"event: beat\n") < 3:
        began = time.monotonic()
        streams[0].received += streams[0].socket.recv(4096)
        assert time.monotonic() - began < 3


def test_a_reader_that_goes_away_frees_its_place(server: Server, streams: list[Stream]) -> None:
    until(lambda: clients(server) == 0)
    for _ in range(30):
        streams.append(Stream(server.port))
        streams[-1].read_until(b"region-health")
    streams.append(Stream(server.port))
    assert b" 503 " in streams[-1].read_until(b"refused")
    streams[0].close()
    until(lambda: clients(server) == 29)
    streams.append(Stream(server.port))
    streams[-1].read_until(b"region-health")


def test_a_head_request_is_no_stream(server: Server, streams: list[Stream]) -> None:
    until(lambda: clients(server) == 0)
    streams.append(Stream(server.port, method="HEAD"))
    assert b"text/event-stream" in streams[0].read_until(b"\r\n\r\n")
    assert clients(server) == 0


def test_sigterm_closes_twenty_streams_at_once_and_the_process_exits_fast(streams: list[Stream]) -> None:
    with gunicorn_process.running() as server:
        for _ in range(20):
            streams.append(Stream(server.port))
            streams[-1].read_until(b"region-health")
        began = server.terminate()
        for stream in streams:
            stream.read_to_end()
        closed = time.monotonic() - began
        assert server.process.wait(10) == 0
        exited = time.monotonic() - began
        assert closed < 1
        assert exited < 5


def test_another_worker_class_serves_the_same_stream(streams: list[Stream]) -> None:
    with gunicorn_process.running(worker="gevent") as server:
        streams.append(Stream(server.port, "/events?topics=critical"))
        streams[0].read_until(b"<p>first</p>")
        server.request("POST", "/news/second")
        streams[0].read_until(b"<p>second</p>")
        streams[0].close()
        until(lambda: clients(server) == 0)


def test_a_connection_with_many_requests_does_not_keep_others_waiting(server: Server, streams: list[Stream]) -> None:
    greedy = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    greedy.sendall(b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
    greedy.recv(1)  # it is being served
    assert int(server.request("GET", "/count")[1]) < 1000
    greedy.close()
