"""Wait for a condition instead of for a time."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], *, timeout_s: float = 10) -> None:
    """Return as soon as `condition` holds; fail the test when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain"
        time.sleep(0.01)
