"""Signing in: how long it takes while 50 people use the page, and what 100 at once do to the event loop and the stream.

50 streams are open, and five pages a second are loaded meanwhile. The time is that of
the POST with the right password. Criticals go through the stream during the burst, as at other times. The floor is
argon2 with the same parameters in as many threads as the program has for it, and nothing else.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlencode

import psycopg

from bench import house as houses
from bench import pictures, probes
from bench.house import House
from bench.probes import summary
from saiweb.queries import users
from saiweb.services import passwords

PEOPLE = 50
SIGN_INS = 200
BURST = 100
PAUSE_S = 0.25
PAGES_PER_S = 5.0
PASSWORD = "una clave para medir"  # noqa: S105 (of a house that lives as long as the measurement)


def main() -> None:
    hashed = passwords.hash_password(PASSWORD)
    print("| what | n | p50 ms | p95 | p99 | max |\n|---|---|---|---|---|---|")
    print(f"| floor: argon2, one by one | {summary(_verify_all(hashed, SIGN_INS, threads=1))} |", flush=True)
    print(f"| floor: argon2, {BURST} at once | {summary(_verify_all(hashed, BURST, passwords.AT_ONCE))} |", flush=True)
    with houses.running(is_watched=True) as house, probes.probing(house, pictures.executions("critical")) as prober:
        _add_people(house, hashed)
        with probes.watching(house, PEOPLE) as watchers, _readers(house) as page_ms:
            time.sleep(5)
            before = [prober.send(watchers).frame_ms for _ in range(30)]
            calm = _sign_in_one_by_one(house)
            noticed = len(house.stalls())
            burst, frames = _burst(house, lambda: prober.send(watchers).frame_ms)
            stalls = house.stalls()[noticed:]
        print(f"| sign-in while {PEOPLE} use the page | {summary(calm)} |")
        print(f"| sign-in, {BURST} at once | {summary(burst)} |")
        print(f"| pages meanwhile | {summary(page_ms)} |")
        print(f"| critical on {PEOPLE} streams, before | {summary(before)} |")
        print(f"| critical on {PEOPLE} streams, during the burst | {summary(frames)} |")
    longest = max((one["ms"] for one in stalls), default=0.0)
    own = max((one["own_cpu_ms"] for one in stalls), default=0.0)
    print("\n| during the burst: gaps of the event loop over 15 ms | longest ms | most of our own CPU in one ms |")
    print(f"|---|---|---|\n| {len(stalls)} | {longest:.0f} | {own:.0f} |")


def _verify_all(hashed: str, count: int, threads: int) -> list[float]:
    """Return for each verification the milliseconds from the moment it was asked for."""

    def verify(asked: float) -> float:
        assert passwords.verify(hashed, PASSWORD)  # noqa: S101 (a measurement of a failure is none)
        return (time.monotonic() - asked) * 1000

    with ThreadPoolExecutor(threads) as pool:
        if threads == 1:
            return [pool.submit(verify, time.monotonic()).result() for _ in range(count)]
        begun = time.monotonic()
        return list(pool.map(verify, [begun] * count))


def _add_people(house: House, hashed: str) -> None:
    with psycopg.connect(house.world.config.dashboard_conninfo()) as conn:
        for number in range(BURST):
            users.add(conn, username=f"person-{number}", full_name="Person", role="viewer", password_hash=hashed)


def _sign_in_one_by_one(house: House) -> list[float]:
    found: list[float] = []
    for number in range(SIGN_INS):
        form = _form(house, number)
        found.append(_post(house, number, *form))
        time.sleep(PAUSE_S)
    return found


def _burst(house: House, probe: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Let 100 people press the button at one moment; return their times, and those of criticals meanwhile."""
    forms = [_form(house, number) for number in range(BURST)]
    together = threading.Barrier(BURST + 1)

    def press(number: int) -> float:
        together.wait()
        return _post(house, number, *forms[number])

    frames: list[float] = []
    with ThreadPoolExecutor(BURST) as pool:
        pressed = [pool.submit(press, number) for number in range(BURST)]
        together.wait()
        while not all(one.done() for one in pressed):
            frames.append(probe())
        return [one.result() for one in pressed], frames


@contextmanager
def _readers(house: House) -> Generator[list[float]]:
    """Load pages at a steady pace until the block ends; gives their milliseconds."""
    found: list[float] = []
    stop = threading.Event()
    cookie = house.cookie

    def read() -> None:
        while not stop.wait(1 / PAGES_PER_S):
            begun = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
            connection.request("GET", "/", headers={"Cookie": cookie})
            connection.getresponse().read()
            connection.close()
            found.append((time.monotonic() - begun) * 1000)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def _connect(house: House, number: int) -> http.client.HTTPConnection:
    """Connect from one of several addresses, as people do who do not sit in one office."""
    source = (f"127.0.1.{1 + number % 20}", 0)
    return http.client.HTTPConnection("127.0.0.1", house.port, timeout=60, source_address=source)


def _form(house: House, number: int) -> tuple[str, str]:
    """Open the door as a browser does; return its cookie and the token of the form."""
    connection = _connect(house, number)
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    connection.close()
    if found is None:
        raise SystemExit("the page has no form")
    return cookie, found[1]


def _post(house: House, number: int, cookie: str, token: str) -> float:
    body = urlencode({"name": f"person-{number % BURST}", "password": PASSWORD, "csrf_token": token})
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    connection = _connect(house, number)
    connection.connect()
    begun = time.monotonic()
    connection.request("POST", "/sign-in", body, headers)
    answer = connection.getresponse()
    answer.read()
    took = (time.monotonic() - begun) * 1000
    connection.close()
    if answer.status != 303:
        raise SystemExit(f"signing in was answered with {answer.status}")
    return took


if __name__ == "__main__":
    main()
