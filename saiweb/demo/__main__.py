"""The simulated camera network: `python -m saiweb.demo prepare | run | burst [COUNT] | history`."""

import argparse
import logging
import signal
import sys
import threading
from types import FrameType

import psycopg

from saiweb.demo import network
from saiweb.demo.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m saiweb.demo", description="A simulated camera network.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="create n8n's tables where there are none")
    commands.add_parser(
        "run", help="run the network until SIGTERM or Ctrl-C; a new one writes some hours of history meanwhile"
    )
    burst = commands.add_parser("burst", help="write many executions at once")
    burst.add_argument("count", type=int, nargs="?", default=100)
    commands.add_parser("history", help="write some hours of past executions")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_env()
        match arguments.command:
            case "prepare":
                network.prepare(settings)
            case "history":
                network.write_history(settings)
            case "burst":
                network.write_burst(settings, arguments.count)
            case _:
                _run(settings)
    except (ValueError, psycopg.Error) as error:
        sys.stderr.write(f"demo: {str(error).strip()}\n")
        return 1
    return 0


def _run(settings: Settings) -> None:
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    network.Network(settings).run(stop)


if __name__ == "__main__":
    sys.exit(main())
