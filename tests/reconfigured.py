"""The web application with other settings for one test."""

from __future__ import annotations

from typing import Any

import pytest

from config import Config
from saiweb.web import Saiweb
from tests.site import Site


def reconfigure(site: Site, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Config:
    """Serve with other settings for one test."""
    before: Saiweb = site.app.extensions["saiweb"]
    config = Config.from_env(
        {
            "SAIWEB_EMBEDDED_SOCKET": str(before.config.embedded_socket),
            "SAI_DB_NAME": before.config.db_name,
            "SAI_DATA_PATH": str(before.config.data_path),
            **variables,
        }
    )
    shared: Any = {name: getattr(before, name) for name in before.__slots__}
    monkeypatch.setitem(site.app.extensions, "saiweb", Saiweb(**(shared | {"config": config})))
    monkeypatch.setitem(site.app.jinja_env.globals, "config", config)
    return config
