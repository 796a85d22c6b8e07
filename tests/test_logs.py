"""What a log line may hold: the event and ids, and no secret even where one got into a text."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from saiweb import logs

SECRET = "Hx7-very_secret.99"


def line(message: str, *values: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("saiweb.test").makeRecord(
        "saiweb.test", logging.WARNING, "file", 1, message, values, None, extra=extra
    )
    return json.loads(logs.JsonFormatter().format(record))


@pytest.mark.parametrize(
    "text",
    [
        f"Cookie: sai_session={SECRET}; lang=es",
        f"set-cookie: __Host-sai_session={SECRET}; Path=/",
        f"it came with __Host-sai_device={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Basic {SECRET}'}}",
        f"bearer {SECRET}",
        f"connection to host='x' password='{SECRET}' failed",
        f"postgresql://app:{SECRET}@db/x is away",
        f"client_secret={SECRET}&grant_type=x",
        f"GET /sign-in/provider/callback?code={SECRET}&state={SECRET}",
        f"https://sai.example/link#{SECRET}",
        f'{{"access_token": "{SECRET}", "id_token": "{SECRET}"}}',
        f"X-CSRFToken: {SECRET}",
        f"csrf_token={SECRET}",
        f"duplicate key value\nDETAIL:  Key (email)=({SECRET}) already exists.",
        f"passphrase: {SECRET}",
    ],
)
def test_a_secret_in_a_text_is_withheld(text: str) -> None:
    assert SECRET not in str(line("%s", text))
    assert SECRET not in str(line("failed", reason=text))
    assert logs.WITHHELD in logs.withhold(text)


@pytest.mark.parametrize("name", ["password", "new_password", "token", "session_token", "cookie", "code"])
def test_a_field_with_the_name_of_a_secret_is_withheld(name: str) -> None:
    assert SECRET not in str(line("failed", **{name: SECRET}))


def test_what_is_no_secret_stays() -> None:
    told = line("stage2_done", execution_id=42, ms=1.5, reason="no row for session 7: statement timeout", is_late=True)
    assert told["event"] == "stage2_done"
    assert (told["execution_id"], told["ms"], told["is_late"]) == (42, 1.5, True)
    assert told["reason"] == "no row for session 7: statement timeout"


def test_a_traceback_is_told_without_its_secrets() -> None:
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError as error:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "f", 1, "failed", (), (type(error), error, error.__traceback__)
        )
    told = json.loads(logs.JsonFormatter().format(record))
    assert "ValueError" in told["traceback"]
    assert SECRET not in told["traceback"]


def test_gunicorn_speaks_in_its_own_form_without_secrets() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    gunicorn = logging.getLogger("gunicorn.error")
    before, root = list(gunicorn.handlers), list(logging.getLogger().handlers)
    gunicorn.handlers[:] = [handler]
    try:
        logs.configure()
        gunicorn.error("Invalid HTTP Header: 'Cookie: sai_session=%s'", SECRET)
    finally:
        gunicorn.handlers[:] = before
        logging.getLogger().handlers[:] = root
        logging.getLogger().setLevel(logging.WARNING)
    assert out.getvalue() == "[ERROR] Invalid HTTP Header: 'Cookie: [withheld]\n"
