"""`python -m bench [name ...]`: run the named benchmarks, or all, and print their tables."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "stream",
    "latency",
    "screen",
    "backlog",
    "stalls",
    "throughput",
    "memory",
    "pages",
    "sign_in",
    "gallery",
    "reviews",
)


def main() -> int:
    names = sys.argv[1:] or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"bench: no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    for name in names:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n## {name}\n\n{(module.__doc__ or '').strip()}\n", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
