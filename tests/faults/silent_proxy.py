"""A TCP proxy before a PostgreSQL socket that can swallow what its present connections say, without ending them."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class SilentProxy:
    """Listens on a free port of this machine; connections that are made after `fall_silent` work again."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._present: list[Connection] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._present:
            connection.close()

    def fall_silent(self) -> None:
        for connection in self._present:
            connection.is_silent = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            connection = Connection(client, server)
            self._present.append(connection)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=connection.carry, args=(source, target), daemon=True).start()


class Connection:
    """Carries bytes both ways until one side ends, or for ever nowhere once it is silent."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._sides = (client, server)
        self.is_silent = False

    def carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.is_silent:
                    target.sendall(data)
        if not self.is_silent:
            self.close()

    def close(self) -> None:
        for side in self._sides:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
