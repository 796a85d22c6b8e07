"""Compiled templates on disk, as Python keeps its own modules.

Compiling the 128 templates takes a second of processor, up to 30 ms for one, during which no stream gets anything. So a
web process compiles what is new before it serves, and from then on loads each when it is first drawn.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import sys
from pathlib import Path
from typing import Any, Final, cast

import jinja2
from flask import Flask
from jinja2 import BaseLoader, Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket

logger = logging.getLogger(__name__)

UNREADABLE: Final = (OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError)
FOLDER: Final = Path(__file__).parent / "__pycache__" / "templates"


class TemplateCache(FileSystemBytecodeCache):
    """Files of one version of Jinja and one set of options; what cannot be written is compiled each time."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        version = hashlib.sha256(repr((jinja2.__version__, sorted(options.items()))).encode()).hexdigest()[:12]
        super().__init__(str(folder), f"{version}-%s.jinja")
        self._is_told = False

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except UNREADABLE:  # cut off with the power, say: it is compiled and written anew
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        try:
            Path(self.directory).mkdir(mode=0o755, parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
        except OSError as error:
            if not self._is_told:
                logger.warning("templates_not_kept", extra={"reason": str(error)})
            self._is_told = True

    def fill(self, env: Environment) -> int:
        """Compile what is not there yet and keep none of it in memory; returns how many that were."""
        compiled = 0
        loader = cast("BaseLoader", env.loader)
        for name in env.list_templates(extensions=["html"]):
            source, filename, _ = loader.get_source(env, name)
            bucket = self.get_bucket(env, name, filename, source)
            if bucket.code is None:
                bucket.code = env.compile(source, name, filename)
                self.set_bucket(bucket)
                compiled += 1
        return compiled


def folder(data_path: Path) -> Path:
    """Return where compiled templates lie: beside Python's own, else with our data."""
    is_beside = not sys.dont_write_bytecode and os.access(FOLDER.parent, os.W_OK)
    return FOLDER if is_beside else data_path / "templates"


def fill(app: Flask) -> None:
    """Compile what is new, before a process serves."""
    cache = app.jinja_env.bytecode_cache
    if isinstance(cache, TemplateCache) and (compiled := cache.fill(app.jinja_env)):
        logger.info("templates_compiled", extra={"count": compiled})
