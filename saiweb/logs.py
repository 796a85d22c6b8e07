"""One JSON object per line on standard error: a static event and ids, never payloads, tokens or personal data.

Nothing here logs a secret. Should a library or a failure put one into a text, it is withheld before it is written.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

WITHHELD: Final = "[withheld]"
_SECRET_NAME: Final = r"(?:\w*(?:passw(?:or)?d|passphrase|secret|token|cookie|session_id)|authorization|api_?key)"  # noqa: S105
_SECRETS: Final = (
    (re.compile(r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization|x-csrftoken)(['\"]?\s*[:=]\s*)[^\r\n]+"), r"\1\2"),
    (re.compile(r"(?i)\b((?:__host-)?sai_(?:session|device|form))=[^;\s'\"]+"), r"\1="),
    (
        re.compile(rf"(?i)\b({_SECRET_NAME})(['\"]?\s*[=:]\s*)(?!\[withheld)('[^']*'|\"[^\"]*\"|[^\s,;&'\"}})\]]+)"),
        r"\1\2",
    ),
    (re.compile(r"(?i)\b(code|state|nonce)=[^\s&'\"]+"), r"\1="),  # in an address
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{8,}"), r"\1\2"),
    (re.compile(r"(/link)#[\w-]+"), r"\1#"),
    (re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+(?=@)"), r"\1:"),
    (re.compile(r"(?im)^(DETAIL:\s+).*$"), r"\1"),  # PostgreSQL quotes the row there
)
_SECRET_FIELD: Final = re.compile(rf"{_SECRET_NAME}|code", re.IGNORECASE)


def withhold(text: str) -> str:
    """Return the text without what looks like a secret: by its name, by its scheme, or as part of an address."""
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept + WITHHELD, text)
    return text


class JsonFormatter(logging.Formatter):
    """Formats a record with its `extra` fields; times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": withhold(record.getMessage()),
        }
        entry.update({name: _shown(name, value) for name, value in vars(record).items() if name not in _OWN_FIELDS})
        if record.exc_info is not None:
            entry["traceback"] = withhold(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False, default=str)


class WithholdingFormatter(logging.Formatter):
    """Formats as another does, without secrets: for what gunicorn says in its own way."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return withhold(self._inner.format(record))


def _shown(name: str, value: object) -> object:
    if isinstance(value, int | float | None):
        return value
    return WITHHELD if _SECRET_FIELD.fullmatch(name) else withhold(str(value))


def configure(level: int = logging.INFO) -> None:
    """Send the program's log to standard error; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("saiweb").setLevel(level)
    for other in logging.getLogger("gunicorn.error").handlers:
        if not isinstance(other.formatter, WithholdingFormatter):
            other.setFormatter(WithholdingFormatter(other.formatter or logging.Formatter()))
