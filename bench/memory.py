"""Memory: proportional set size (PSS) of all processes, embedded PostgreSQL included; MB are 10^6 bytes."""

from __future__ import annotations

import sys
import time

from bench import house as houses
from bench import pictures, probes
from bench.house import House

STREAMS = 1000
BURST = 2000
SETTLE_S = 60  # a pool gives up one connection that it does not need every 15 s; there are three for pages


def main() -> None:
    burst = int(sys.argv[-1]) if sys.argv[-1].isdecimal() else BURST
    print("| state | launcher | web + ETL | PostgreSQL | all MB | PostgreSQL processes |")
    print("|---|---|---|---|---|---|")
    with houses.running(SSE_MAX_CLIENTS=str(STREAMS + 100)) as house:
        time.sleep(SETTLE_S)
        _print("idle", house.pss_mb(), house)
        with probes.watching(house, STREAMS, "critical,live,figures,health"):
            time.sleep(SETTLE_S)
            _print(f"{STREAMS} streams", house.pss_mb(), house)
        ids = house.prepare_backlog(pictures.executions(), burst)
        house.finish_at_once(ids)
        peak = house.pss_mb()
        while house.count_loaded(ids)[1] < burst:
            now = house.pss_mb()
            peak = max(peak, now, key=lambda one: one["all"])
            time.sleep(0.2)
        _print(f"peak in a burst of {burst}", peak, house)
        time.sleep(SETTLE_S)
        _print(f"{SETTLE_S} s later", house.pss_mb(), house)


def _print(state: str, parts: dict[str, float], house: House) -> None:
    processes = len(house.processes()) - 2
    cells = " | ".join(f"{parts[name]:.0f}" for name in ("launcher", "web + ETL", "PostgreSQL", "all"))
    print(f"| {state} | {cells} | {processes} |", flush=True)


if __name__ == "__main__":
    main()
