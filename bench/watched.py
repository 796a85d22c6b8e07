"""`saiweb run` with a watch on its event loop: every gap of more than 15 ms is written to $BENCH_STALLS.

A greenlet asks to be woken every 5 ms. How late it is, is the stall; beside it stands the processor time that the
event loop's own thread used meanwhile: what is missing went to other threads, other processes or the machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from config import Config
from saiweb import launcher

PERIOD_S = 0.005
NOTICED_S = 0.015


def _serve(listener: int, heartbeat: int) -> None:
    """Be the web process, with the watch in its event loop."""
    from saiweb import web_process

    class Watched(web_process.Application):
        def load(self) -> Any:
            import gevent

            gevent.spawn(_watch, Path(os.environ["BENCH_STALLS"]))
            return super().load()

    web_process.serve(Watched(listener), heartbeat)


def _watch(path: Path) -> None:
    import gevent

    with path.open("a", buffering=1) as log:
        while True:
            begun, cpu = time.monotonic(), time.thread_time()
            gevent.sleep(PERIOD_S)
            stall = time.monotonic() - begun - PERIOD_S
            if stall > NOTICED_S:
                log.write(
                    json.dumps({"at": begun, "ms": stall * 1000, "own_cpu_ms": (time.thread_time() - cpu) * 1000})
                    + "\n"
                )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve(*(int(one) for one in sys.argv[1:]))
    launcher.serve(Config.from_env(), demo=False, web="bench.watched")
