"""Detached sockets: slow readers, partial frames, the dead, and the end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import gevent
import pytest

from saiweb.realtime.stream import _messages
from tests.realtime.feed_doubles import CONFIG, Feed, somebody

LARGE = "x" * 200_000


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed()
    yield feed
    feed.hub.close()
    gevent.sleep(0)


class Browser:
    """The other end of a stream."""

    def __init__(self, feed: Feed, *topics: str, locale: str = "es") -> None:
        self.near, far = socket.socketpair()
        self.near.setblocking(False)
        self.received = b""
        feed.hub.adopt(far, topics, somebody(locale), b"HEAD\r\n\r\n")
        feed.hub.turn()

    def read(self) -> str:
        """Return all that has come, in letters; long runs of x are told as one."""
        while True:
            gevent.sleep(0)
            try:
                chunk = self.near.recv(1_000_000)
            except BlockingIOError:
                gevent.sleep(0.002)
                try:
                    chunk = self.near.recv(1_000_000)
                except BlockingIOError:
                    break
            if not chunk:
                break
            self.received += chunk
        return self.received.decode()

    def texts(self) -> list[str]:
        """Return what the regions say, in the order of arrival; every frame must be whole."""
        stream = self.read().removeprefix("HEAD\r\n\r\n")
        assert stream.endswith("\n\n")
        messages = [message for message in stream.split("\n\n") if message and not message.startswith("event: beat")]
        assert all(message.startswith("data: <hx-partial ") for message in messages)
        assert all(message.endswith("data: </hx-partial>") for message in messages)
        return [message.split("<p>")[1].split("</p>")[0].replace(LARGE, "X") for message in messages]

    def is_closed(self) -> bool:
        gevent.sleep(0.002)
        try:
            return self.near.recv(1_000_000, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False

    def close(self) -> None:
        self.near.close()


@pytest.fixture
def browse(feed: Feed) -> Iterator[Callable[..., Browser]]:
    open_browsers: list[Browser] = []

    def start(*topics: str, locale: str = "es") -> Browser:
        open_browsers.append(Browser(feed, *topics, locale=locale))
        return open_browsers[-1]

    yield start
    for browser in open_browsers:
        browser.close()


def test_the_head_comes_first_then_the_present_state_then_news(feed: Feed, browse: Callable[..., Browser]) -> None:
    browser = browse("critical")
    feed.news("critical", "fire")
    feed.hub.turn()
    assert browser.read().startswith("HEAD\r\n\r\n")
    assert browser.texts() == ["first es", "fire es"]


def test_a_second_client_gets_the_frames_at_hand_with_its_head(feed: Feed, browse: Callable[..., Browser]) -> None:
    browse("critical", "live")
    second = browse("live", "critical")
    assert second.texts() == ["first es", "first es"]
    assert feed.table.reads == ["critical", "live"]


def test_a_slow_reader_gets_whole_frames_and_the_newest_one(feed: Feed, browse: Callable[..., Browser]) -> None:
    slow = browse("critical", "live")
    for number in range(10):
        feed.news("critical", f"{number}{LARGE}")
        feed.hub.turn()
    assert feed.hub.stats().blocked == 1
    feed.news("live", "card")
    feed.advance(1)
    texts = slow.texts()
    assert texts[:3] == ["first es", "first es", "0X es"]
    assert texts[-2:] == ["9X es", "card es"]
    assert len(texts) < 8
    assert feed.hub.stats().blocked == 0
    feed.news("critical", "after")
    feed.hub.turn()
    assert slow.texts()[-1] == "after es"


def test_a_large_first_state_arrives_whole(feed: Feed, browse: Callable[..., Browser]) -> None:
    feed.table.texts = {"critical": LARGE + LARGE, "live": LARGE}
    browse("critical", "live").read()
    late = browse("critical", "live")
    assert feed.hub.stats().blocked == 1
    assert late.texts() == ["XX es", "X es"]


def test_beats_go_on_and_are_left_out_while_a_reader_is_slow(feed: Feed, browse: Callable[..., Browser]) -> None:
    browser = browse("critical")
    feed.advance(6.1)
    assert browser.read().count("event: beat\ndata: ") == 3
    for number in range(3):
        feed.news("critical", f"{number}{LARGE}{LARGE}")
        feed.hub.turn()
    feed.advance(6)
    assert browser.texts()[-1] == "2XX es"
    assert browser.received.count(b"event: beat\ndata: ") == 3


def test_a_reader_without_progress_is_let_go_after_twenty_seconds(feed: Feed, browse: Callable[..., Browser]) -> None:
    dead, alive = browse("critical"), browse("critical")
    for number in range(2):
        feed.news("critical", f"{number}{LARGE}{LARGE}")
        feed.hub.turn()
        alive.read()
    feed.advance(19)
    assert feed.hub.stats().clients == 2
    feed.advance(4)
    stats = feed.hub.stats()
    assert (stats.clients, stats.blocked, stats.dropped) == (1, 0, 1)
    dead.read()
    assert dead.is_closed()
    assert not alive.is_closed()


def test_a_client_that_leaves_is_forgotten_at_once(feed: Feed, browse: Callable[..., Browser]) -> None:
    leaving = browse("critical", "live")
    browse("critical")
    leaving.close()
    gevent.sleep(0.01)
    stats = feed.hub.stats()
    assert stats.clients == 1
    assert stats.listeners["live"] == 0


def test_a_client_that_breaks_while_we_send_is_forgotten(feed: Feed, browse: Callable[..., Browser]) -> None:
    breaking = browse("critical")
    other = browse("critical")
    breaking.close()
    feed.news("critical", "fire")
    feed.hub.turn()
    assert feed.hub.stats().clients == 1
    assert other.texts()[-1] == "fire es"


def test_the_hub_is_full_at_the_cap_and_has_room_again_when_one_leaves() -> None:
    feed = Feed(replace(CONFIG, sse_max_clients=2))
    first, second = Browser(feed, "live"), Browser(feed, "live")
    assert not feed.hub.has_place("admin")
    first.close()
    gevent.sleep(0.01)
    assert feed.hub.has_place("admin")
    second.close()
    feed.hub.close()


def test_closing_ends_every_stream_and_refuses_new_ones(feed: Feed, browse: Callable[..., Browser]) -> None:
    browsers = [browse("critical") for _ in range(20)]
    feed.hub.close()
    browsers.append(browse("critical"))
    for browser in browsers:
        browser.read()
        assert browser.is_closed()
    assert feed.hub.stats().clients == 0


def test_a_server_that_keeps_its_sockets_gets_the_same_stream_as_a_generator(feed: Feed) -> None:
    messages = _messages(feed.hub, ["live"], somebody("en"))
    assert next(messages).startswith(b"event: beat\ndata: ")
    feed.hub.turn()
    assert b"first en" in next(messages)
    feed.news("live", "second")
    feed.advance(1)
    assert b"second en" in next(messages)
    assert feed.hub.stats().clients == 1
    feed.hub.close()
    assert list(messages) == []
    assert feed.hub.stats().clients == 0
