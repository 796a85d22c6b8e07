"""`saiweb run`: look at what must be so before anything is started, then become the supervisor, which stays small."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from config import Config
from saiweb import listening
from saiweb.errors import SaiwebError
from saiweb.supervisor import INTERPRETER, WEB_PROCESS, listen


class LauncherError(SaiwebError):
    """Something that `saiweb run` needs is not so; the sentence says what to do."""


def serve(config: Config, *, demo: bool, web: str = WEB_PROCESS) -> NoReturn:
    """Replace this process by the supervisor, with `web` as the module of its web process.

    Raises SaiwebError with one sentence when it cannot start.
    """
    listening.require_safe(config, demo=demo)
    listen(config.http_host, config.http_port).close()  # so that a taken port is told before anything is started
    if demo and not (config.uses_embedded_postgres and config.n8n_host is None):
        raise LauncherError("--demo writes simulated executions: unset SAI_DB_HOST and N8N_DB_HOST, or run without it.")
    settings = {
        "host": config.http_host,
        "port": str(config.http_port),
        "scheme": "http" if config.tls_cert is None else "https",
        "data": str(config.data_path) if config.uses_embedded_postgres else "",
        "demo": config.n8n_name if demo else "",
        "demo_owner": config.n8n_owner_user if demo else "",
        "web": web,
    }
    sys.stdout.flush()
    arguments = [f"{name}={value}" for name, value in settings.items()]
    os.execv(INTERPRETER[0], [*INTERPRETER, "-m", "saiweb.supervisor", *arguments])  # noqa: S606
