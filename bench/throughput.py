"""ETL throughput with 150 KB pictures, beside the floor, alternating; nothing else runs.

The floor does what cannot be left out, with the same bytes and as many threads as the ETL has for pictures: read the
row from n8n, decode the picture's base64, write it and its thumbnail to files with the same syncs, insert the rows with
bare SQL in two transactions. It has no queue, no extractors, no retry, no links and no notices.
"""

from __future__ import annotations

import base64
import io
import os
import re
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import psycopg
from PIL import Image

from bench import house as houses
from bench import pictures
from bench.house import House
from saiweb.etl.service import PICTURE_THREADS

COUNT = 500
PAIRS = 3
SIDE = (300, 300)
QUALITY = 78


def main() -> None:
    count = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else COUNT
    print("| pair | ETL /s | floor /s | ratio |\n|---|---|---|---|")
    etl: list[float] = []
    floor: list[float] = []
    executions = pictures.executions()
    with houses.running() as house:
        _etl(house, house.prepare_backlog(islice(executions, 50), 50))
        for pair in range(1, PAIRS + 1):
            etl.append(_etl(house, house.prepare_backlog(executions, count)))
            floor.append(_floor(house, house.prepare_backlog(executions, count)))
            print(f"| {pair} | {etl[-1]:.1f} | {floor[-1]:.1f} | {etl[-1] / floor[-1]:.0%} |", flush=True)
    middle, lowest = statistics.median(etl), statistics.median(floor)
    print(f"| median | {middle:.1f} | {lowest:.1f} | {middle / lowest:.0%} |")


def _etl(house: House, ids: Sequence[int]) -> float:
    """Return executions per second, from the commit that makes them news to the last picture."""
    finished_at = house.finish_at_once(ids)
    last = ids[0]  # the newest goes first
    while True:
        loaded, stored = house.count_loaded([last])
        if loaded and stored and house.count_loaded(ids)[1] == len(ids):
            return len(ids) / (time.monotonic() - finished_at)
        time.sleep(0.1)


def _floor(house: House, ids: Sequence[int]) -> float:
    folder = house.world.folder / "floor"
    dashboard = house.world.server.conninfo(house.world.dashboard, "sai_dashboard_owner")
    with psycopg.connect(dashboard, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS floor (id bigint PRIMARY KEY, status text, body text, path text)")
    begun = time.monotonic()
    with ThreadPoolExecutor(PICTURE_THREADS) as threads:
        shares = [ids[number::PICTURE_THREADS] for number in range(PICTURE_THREADS)]
        for done in [threads.submit(_work, house, dashboard, folder, share) for share in shares]:
            done.result()
    return len(ids) / (time.monotonic() - begun)


def _work(house: House, dashboard: str, folder: Path, ids: Sequence[int]) -> None:
    n8n = house.world.server.conninfo(house.world.n8n, "sai_etl_reader")
    with psycopg.connect(n8n, autocommit=True) as reader, psycopg.connect(dashboard, autocommit=True) as writer:
        for execution_id in ids:
            row = reader.execute(
                """
                SELECT e.status, d.data FROM execution_entity e JOIN execution_data d ON d."executionId" = e.id
                WHERE e.id = %s
                """,
                [execution_id],
            ).fetchone()
            if row is None:
                raise SystemExit(f"execution {execution_id} is gone")
            status, text = row
            writer.execute(
                "INSERT INTO floor (id, status, body) VALUES (%s, %s, %s)", [execution_id, status, text[:500]]
            )
            path = folder / f"{execution_id // 1000}" / f"{execution_id}"
            _store(path, base64.b64decode(_longest_string(text)))
            writer.execute("UPDATE floor SET path = %s WHERE id = %s", [str(path), execution_id])


def _longest_string(text: str) -> str:
    """Return the picture: the one long run of base64 in n8n's text."""
    found = re.search(r'"([A-Za-z0-9+/]{20000,}={0,2})"', text)
    if found is None:
        raise SystemExit("no inline picture in the run data")
    return found[1]


def _store(folder: Path, picture: bytes) -> None:
    folder.mkdir(parents=True)
    with Image.open(io.BytesIO(picture)) as image:
        image.draft(None, SIDE)
        image.thumbnail(SIDE)
        small = io.BytesIO()
        image.save(small, "JPEG", quality=QUALITY)
    for name, content in (("original.jpg", picture), ("thumbnail.jpg", small.getvalue())):
        with (folder / f"{name}.tmp").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (folder / f"{name}.tmp").rename(folder / name)
    for changed in (folder, folder.parent):
        descriptor = os.open(changed, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


if __name__ == "__main__":
    main()
