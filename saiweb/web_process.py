"""The process that serves pages, streams and hosts the ETL: gunicorn's worker, without gunicorn's master above it.

`python -m saiweb.web_process LISTENER HEARTBEAT`: the descriptors of a listening socket and of a pipe in which a byte
every second says that the event loop turns. saiweb.supervisor starts it, and starts it again. The worker is the one
that gunicorn itself runs with gunicorn.conf.py; its master would cost 4 MB more (docs/decisions.md).
"""
# ruff: noqa: E402

from gevent import monkey

monkey.patch_all()

import contextlib
import os
import runpy
import sys
from pathlib import Path
from typing import Any, NoReturn

from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from config import Config
from saiweb import listening
from saiweb.errors import SaiwebError
from saiweb.memory import stay_small
from saiweb.realtime.worker import SSEWorker

GUNICORN_SETTINGS = Path(__file__).resolve().parent.parent / "gunicorn.conf.py"


class Application(BaseApplication):
    """Gunicorn's view of saiweb: the settings of gunicorn.conf.py, an open socket, the application of wsgi.py."""

    def __init__(self, listener: int) -> None:
        self._given = {"bind": f"fd://{listener}", **listening.tls_settings(Config.from_env())}
        super().__init__()

    def load_config(self) -> None:
        for name, value in runpy.run_path(str(GUNICORN_SETTINGS)).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        for name, value in self._given.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from wsgi import app

        return app


class Heartbeat:
    """What the worker touches every second, instead of the temporary file that gunicorn's master looks at."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def notify(self) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody has read for hours: whoever should was stopped
            os.write(self._pipe, b".")

    def fileno(self) -> int:
        return self._pipe

    def close(self) -> None:
        os.close(self._pipe)


def serve(application: BaseApplication, heartbeat: int) -> NoReturn:
    """Serve until SIGTERM; exits with gunicorn's WORKER_BOOT_ERROR when the application cannot be made."""
    stay_small()
    settings = application.cfg
    log = settings.logger_class(settings)
    listeners: Any = sock.create_sockets(settings, log)
    worker: Any = SSEWorker(1, os.getppid(), listeners, application, settings.timeout, settings, log)
    worker.tmp.close()
    worker.tmp = Heartbeat(heartbeat)
    worker.pid = os.getpid()
    try:
        worker.init_process()
    except Exception:  # the boundary of the process: why it ends is told, and how, to the supervisor
        log.exception("Exception in the web process")
        sys.exit(1 if worker.booted else Arbiter.WORKER_BOOT_ERROR)
    sys.exit(0)


if __name__ == "__main__":
    try:
        serve(Application(int(sys.argv[1])), int(sys.argv[2]))
    except SaiwebError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
