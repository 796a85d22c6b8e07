"""Gaps of the event loop while executions with inline pictures of 8 MB are loaded, one after another."""

from __future__ import annotations

import time
from dataclasses import replace

from bench import house as houses
from bench import pictures
from saiweb.demo import answers, writer
from saiweb.demo.frames import Frame

COUNT = 10
SIZE_BYTES = 8_000_000
SEGMENT_BYTES = 65_000


def main() -> None:
    source = pictures.executions("high")
    with houses.running(is_watched=True) as house:
        time.sleep(5)
        before, ids = len(house.stalls()), list[int]()
        with house.world.as_n8n() as conn:
            for _ in range(COUNT):
                one = next(source)
                frame = _padded(one.frame)
                execution_id = writer.write_execution(conn, frame, answers.for_risk(frame, "high"))
                ids.append(execution_id)
                deadline = time.monotonic() + 30
                while house.count_loaded([execution_id])[1] == 0 and time.monotonic() < deadline:
                    time.sleep(0.05)
        stored = house.count_loaded(ids)[1]
        stalls = house.stalls()[before:]
    own = [one["own_cpu_ms"] for one in stalls]
    print(
        "| pictures of 8 MB stored | gaps over 15 ms | longest ms | most of our own CPU in one ms | over 25 ms of it |"
    )
    print("|---|---|---|---|---|")
    longest = max((one["ms"] for one in stalls), default=0.0)
    print(
        f"| {stored} of {COUNT} | {len(stalls)} | {longest:.0f} | {max(own, default=0.0):.0f} |"
        f" {sum(one > 25 for one in own)} |"
    )


def _padded(frame: Frame) -> Frame:
    """Fill a picture with comments up to 8 MB: reading it is what takes the time, not what it shows."""
    count = (SIZE_BYTES - len(frame.image)) // (SEGMENT_BYTES + 2)
    segment = b"\xff\xfe" + SEGMENT_BYTES.to_bytes(2, "big") + b"x" * (SEGMENT_BYTES - 2)
    return replace(frame, image=frame.image[:2] + segment * count + frame.image[2:])


if __name__ == "__main__":
    main()
