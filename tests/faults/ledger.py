"""What was written into n8n and must therefore be in the dashboard, and the comparison of the two."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psycopg
import pytest
from PIL import Image
from psycopg.rows import DictRow

from saiweb.demo import answers, frames, writer
from saiweb.demo.answers import Risk
from saiweb.demo.writer import Execution, Started
from saiweb.queries import health
from saiweb.records import Health
from tests import waiting
from tests.environment import World

RECOVERY_S = 60
SUBJECT = Image.linear_gradient("L").resize((96, 54))
SEEDS = itertools.count(1)

FOUND = """
    SELECT e.id, e.status, a.risk_level::text AS risk, i.state::text AS image_state, i.sha256, i.original_path,
           j.state::text AS job
    FROM executions e
    LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
    LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
    LEFT JOIN etl_jobs j ON j.execution_id = e.id
    ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the dashboard must say of one execution."""

    status: str
    risk: str | None
    image_state: str
    sha256: str | None


@dataclass
class Ledger:
    """Writes executions as n8n does and remembers them."""

    world: World
    expected: dict[int, Expected] = field(default_factory=dict[int, Expected])

    def write(self, risk: Risk = "none", *, picture: bytes | None = None, created_at: datetime | None = None) -> int:
        """Write one execution from its beginning to its end."""
        return self.write_many(1, risk=risk, picture=picture, created_at=created_at)[0]

    def write_many(
        self, count: int, *, risk: Risk = "none", picture: bytes | None = None, created_at: datetime | None = None
    ) -> list[int]:
        """Write many in one go; without `picture` each gets a small one of its own."""
        found = [execution(risk, picture, created_at) for _ in range(count)]
        with self.n8n() as conn:
            ids = writer.write_finished(conn, found)
        for execution_id, one in zip(ids, found, strict=True):
            self.expect(execution_id, "success", risk, one.frame.image)
        return ids

    def start(self, risk: Risk = "none", **options: object) -> Started:
        """Begin one that `finish` or a step of `writer` ends later."""
        begun = execution(risk)
        with self.n8n() as conn:
            started = writer.start(conn, replace(begun, **options))  # pyright: ignore[reportArgumentType]
            writer.mark_running(conn, started)
        return started

    def finish(self, started: Started, risk: Risk = "none") -> None:
        with self.n8n() as conn:
            status = writer.finish(conn, started)
        self.expect(started.id, status, risk, started.execution.frame.image)

    def expect(
        self, execution_id: int, status: str, risk: str | None, picture: bytes | None, image_state: str | None = None
    ) -> None:
        digest = None if picture is None else hashlib.sha256(picture).hexdigest()
        state = image_state or ("missing" if picture is None else "stored")
        self.expected[execution_id] = Expected(status, risk, state, digest)

    @contextmanager
    def n8n(self) -> Generator[writer.Connection]:
        with self.world.as_n8n() as conn:
            yield cast("writer.Connection", conn)

    def differences(self) -> list[str]:
        """Return what differs between the dashboard with its files and what was written."""
        rows = self.world.query(FOUND)
        found = {row["id"]: row for row in rows}
        wrong = [f"{execution_id} is there {count} times" for execution_id, count in _repeated(rows)]
        wrong += [f"{one} was never written" for one in found if one not in self.expected]
        for execution_id, expected in self.expected.items():
            row = found.get(execution_id)
            if row is None:
                wrong.append(f"{execution_id} is not loaded")
                continue
            seen = Expected(row["status"], row["risk"], row["image_state"], row["sha256"])
            if seen != expected:
                wrong.append(f"{execution_id} is {seen}, was {expected}")
            elif expected.image_state == "stored" and not self._is_on_disk(row):
                wrong.append(f"{execution_id} has other bytes on disk")
        return wrong

    def open_jobs(self) -> int:
        query = "SELECT count(*) AS open FROM etl_jobs WHERE state IN ('queued', 'running')"
        return self.world.query(query)[0]["open"]

    def _is_on_disk(self, row: DictRow) -> bool:
        path = self.world.config.image_cache_path / row["original_path"]
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]


def assert_all_right(ledger: Ledger, *, within_s: float = RECOVERY_S) -> None:
    """Wait until everything that was written is loaded, exactly once and right, nothing is left to do, and all is well.

    Fails with the differences when that takes longer than `within_s`.
    """
    deadline = time.monotonic() + within_s
    while troubles := _troubles(ledger):
        assert time.monotonic() < deadline, f"{troubles[:5]} after {within_s} s{_last_words(ledger)}"
        time.sleep(0.1)


def state(world: World) -> Health:
    """Return the machinery's state as the pages would show it now."""
    with world.as_app() as conn:
        return health.current(cast("psycopg.Connection[object]", conn), datetime.now(UTC), is_configured=True)


def is_ok(world: World, component: str | None = None) -> bool:
    """Tell whether one part, or every part, is well."""
    return all(one.is_ok for one in state(world).components if component in (None, one.name))


def outages(world: World, component: str) -> list[DictRow]:
    return world.query(
        "SELECT reason, started_at, ended_at FROM outages WHERE component = %(component)s ORDER BY id",
        component=component,
    )


def assert_outage(world: World, component: str, *, begun_after: datetime, begun_before: datetime) -> None:
    """Wait until a trouble of this part which began in these bounds is written down with its end and its reason.

    A short one is written only when it is over, by the report that the recovery sets off.
    """

    def is_written() -> bool:
        matching = [one for one in outages(world, component) if begun_after <= one["started_at"] <= begun_before]
        return bool(matching) and all(one["ended_at"] is not None and one["reason"] for one in matching)

    try:
        until(is_written, timeout_s=50)
    except AssertionError:
        told = "".join(log.read_text()[-4000:] for log in world.folder.glob("*.log"))
        pytest.fail(
            f"no outage of {component} from {begun_after} to {begun_before}: {outages(world, component)}\n{told}"
        )


def count_loaded(ledger: Ledger) -> int:
    return ledger.world.query("SELECT count(*) AS loaded FROM executions")[0]["loaded"]


def until(condition: Callable[[], object], *, timeout_s: float = RECOVERY_S) -> None:
    waiting.until(condition, timeout_s=timeout_s)


def left_open(world: World, pid: int) -> list[str]:
    """Return which files and folders of the image cache a process holds open."""
    found: list[str] = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(world.config.image_cache_path))]


def wait_until_ready(world: World) -> None:
    """Return when the ETL listens, sweeps and works."""
    until(lambda: is_ok(world), timeout_s=30)


def small_picture() -> bytes:
    """Return a little JPEG that no other has the bytes of."""
    out = io.BytesIO()
    SUBJECT.save(out, "JPEG", quality=40, comment=str(next(SEEDS)).encode())
    return out.getvalue()


def execution(risk: Risk, picture: bytes | None = None, created_at: datetime | None = None) -> Execution:
    frame = frames.from_bytes(picture or small_picture(), taken_at=created_at)
    return Execution(frame=frame, answer=answers.for_risk(frame, risk), created_at=created_at)


def _troubles(ledger: Ledger) -> list[str]:
    count = count_loaded(ledger)
    if count < len(ledger.expected):
        return [f"{count} of {len(ledger.expected)} are loaded"]
    if (left := ledger.open_jobs()) > 0:
        return [f"{left} jobs are open", *ledger.differences()]
    unwell = [f"{one.name}: {one.detail}" for one in state(ledger.world).components if not one.is_ok]
    return [*ledger.differences(), *unwell]


def _last_words(ledger: Ledger) -> str:
    """Return what may explain a failure: the open jobs, and the end of the process's log."""
    log = ledger.world.folder / "etl-run.log"
    jobs = ledger.world.query("SELECT * FROM etl_jobs WHERE state IN ('queued', 'running') LIMIT 5")
    return f"\n{jobs}\n{log.read_text()[-3000:] if log.exists() else ''}"


def _repeated(rows: list[DictRow]) -> list[tuple[int, int]]:
    counts: dict[int, int] = {}
    for row in rows:
        counts[row["id"]] = counts.get(row["id"], 0) + 1
    return [(execution_id, count) for execution_id, count in counts.items() if count > 1]
