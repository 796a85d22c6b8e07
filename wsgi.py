"""The web process: gevent's patch first, since psycopg looks for it when it is imported, then the application."""
# ruff: noqa: E402

from gevent import monkey

monkey.patch_all()

import psycopg.waiting

from config import Config
from saiweb import logs
from saiweb.app import create_app

if getattr(psycopg.waiting.wait, "__name__", "") == "wait_c":
    raise RuntimeError("psycopg was imported before gevent's patch: every query would stop the whole process.")

logs.configure()
app = create_app(Config.from_env())
