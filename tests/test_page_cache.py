"""What is kept is given until anything happens, time has passed or there is no room; never what was drawn before."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from saiweb.page_cache import PageCache


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> PageCache:
    cache = PageCache(max_bytes=100, lasts_s=5, clock=clock)
    cache.open()
    return cache


def put(cache: PageCache, key: str, size: int = 10) -> None:
    cache.put(key, key.upper(), size=size, begun=cache.begin())


def test_what_is_kept_is_given(cache: PageCache) -> None:
    put(cache, "a")
    assert (cache.get("a"), cache.get("b"), cache.size) == ("A", None, 10)


def test_any_change_clears_it(cache: PageCache) -> None:
    put(cache, "a")
    cache.clear()
    assert (cache.get("a"), cache.size) == (None, 0)


def test_what_was_begun_before_a_change_is_not_kept(cache: PageCache) -> None:
    begun = cache.begin()
    cache.clear()
    cache.put("a", "A", size=1, begun=begun)
    assert cache.get("a") is None


def test_nothing_is_kept_while_notices_are_not_heard(cache: PageCache) -> None:
    put(cache, "a")
    cache.close()
    assert cache.get("a") is None
    put(cache, "a")
    assert cache.get("a") is None
    cache.open()
    assert cache.get("a") is None


def test_it_lasts_for_a_time(cache: PageCache, clock: Clock) -> None:
    put(cache, "a")
    clock.now = 4.9
    assert cache.get("a") == "A"
    clock.now = 5.0
    assert (cache.get("a"), cache.size) == (None, 0)


def test_the_longest_unused_leaves_when_there_is_no_room(cache: PageCache) -> None:
    for key in "abcd":
        put(cache, key, 25)
    assert cache.get("a") == "A"
    put(cache, "e", 25)
    assert [cache.get(key) for key in "abcde"] == ["A", None, "C", "D", "E"]
    assert cache.size == 100


def test_what_is_too_large_is_not_kept_and_the_same_again_counts_once(cache: PageCache) -> None:
    put(cache, "a", 26)
    assert (cache.get("a"), cache.size) == (None, 0)
    put(cache, "b", 20)
    put(cache, "b", 25)
    assert cache.size == 25


def test_what_replaces_it_lasts_no_longer(cache: PageCache, clock: Clock) -> None:
    put(cache, "a")
    clock.now = 4.0
    cache.replace("a", "other", size=30)
    cache.replace("b", "never kept", size=30)
    assert (cache.get("a"), cache.get("b"), cache.size) == ("other", None, 30)
    clock.now = 5.0
    assert (cache.get("a"), cache.size) == (None, 0)


def test_what_is_too_old_takes_no_memory() -> None:
    now = 0.0
    cache = PageCache(lasts_s=5, clock=lambda: now)
    cache.open()
    for number in range(3):
        cache.put(number, "page", size=100, begun=cache.begin())
        now += 2
    cache.sweep()
    assert cache.size == 200
    now = 20
    cache.put("new", "page", size=10, begun=cache.begin())
    assert cache.size == 10


def test_of_those_who_wait_in_vain_one_draws(cache: PageCache) -> None:
    """As when a notice comes while something is drawn: it is not kept."""
    drawn: list[int] = []

    def ask() -> str:
        found = cache.get_soon("a")
        if found is None:
            with cache.drawing("a") as begun:
                drawn.append(begun)
                time.sleep(0.1)
                if len(drawn) == 1:
                    cache.clear()
                found = f"drawn {len(drawn)}"
                cache.put("a", found, size=1, begun=begun)
        return found

    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(ask) for _ in range(8)]
        said = sorted(one.result() for one in asked)
    assert said[0] == "drawn 1"
    assert len(drawn) < 5  # 2, but threads, unlike the greenlets of a process, may look between two lines of another
