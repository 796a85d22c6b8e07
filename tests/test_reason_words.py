"""What machines say when something fails is told in the reader's language; what nobody knows stays as it is."""

from __future__ import annotations

import socket

import psycopg
import pytest
from flask import Flask
from flask_babel import Babel, force_locale  # pyright: ignore[reportUnknownVariableType]

from saiweb.reason_words import reason_word

SAID = {
    'connection to server at "127.0.0.1", port 5432 failed: Connection refused': "rechaza la conexión",
    "connect ECONNREFUSED 10.0.0.5:8080": "rechaza la conexión",
    "connection timeout expired": "a tiempo",
    "The database did not answer within 4 s.": "a tiempo",
    "canceling statement due to statement timeout": "tardó demasiado",
    "terminating connection due to administrator command": "se cortó",
    "consuming input failed: server closed the connection unexpectedly": "se cortó",
    "A picture could not be written: No space left on device.": "lugar en el disco",
    "A picture could not be written: Read-only file system.": "Sólo deja leer",
    "permission denied for table execution_entity": "permiso",
    'FATAL:  password authentication failed for user "sai_etl_reader"': "usuario o la contraseña",
    'relation "execution_entity" does not exist': "otra versión",
    "FATAL:  the database system is starting up": "arrancando",
    "FATAL:  sorry, too many clients already": "conexiones libres",
    "The picture is out of reach: The file cannot be read: Permission denied.": "permiso",
    "n8n deleted the execution before it could be read.": "la borró",
    "The listener gives no sign of life.": "señal de vida",
    "Request failed with status code 500": "falló",
}


@pytest.fixture
def app() -> Flask:
    app = Flask("saiweb")
    Babel(app)
    return app


@pytest.mark.parametrize("said", SAID)
def test_what_is_known_is_told_in_the_language_of_the_reader(app: Flask, said: str) -> None:
    with app.test_request_context(), force_locale("es"):
        assert SAID[said] in (reason_word(said) or "")


def test_what_is_not_known_stays_as_it_was_said(app: Flask) -> None:
    with app.test_request_context():
        assert reason_word("Bad thing: 42") is None
        assert reason_word(None) is None


def test_a_real_refusal_is_known(app: Flask) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(f"host=127.0.0.1 port={port} user=x dbname=x connect_timeout=2")
    with app.test_request_context(), force_locale("es"):
        assert reason_word(str(caught.value)) == "No atiende: rechaza la conexión."
