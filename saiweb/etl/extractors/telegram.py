"""Whether Telegram has the message: only if its own answer says so.

| n8n's record | telegram_sent |
|---|---|
| an answer with `ok: true` or a `message_id` | True |
| a refusal, also where the node is told to continue on errors | False, with the error |
| the call broke off (timeout, reset, gateway error, n8n died in it): it may have arrived | None, with the error |
| success, error or waiting, and no Telegram node ran: the run never got there, or chose not to | False |
| crashed in another node (n8n rebuilds the list of nodes from its log) | False |
| canceled or timed out: n8n drops what was under way | None |
| no run data, or a run that is not over | None |
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from saiweb.etl import fields
from saiweb.etl.extraction import Extraction, ExtractionContext, Notification
from saiweb.etl.fields import Notes
from saiweb.etl.flatted import FlattedObject, find, find_object
from saiweb.etl.payload import Item, NodeError, NodeRun, Payload

_RECORDED: Final = frozenset({"success", "error", "waiting", "crashed"})
_GATEWAY_CODES: Final = frozenset({"502", "504"})
_BROKEN_OFF: Final = re.compile(
    r"ECONNABORTED|ECONNRESET|ESOCKET|ETIMEDOUT|EPIPE|timeout|timed out|aborted|hang up|connection was", re.IGNORECASE
)
_MAX_ERROR_CHARS: Final = 1_000


def extract_telegram(payload: Payload, context: ExtractionContext, extraction: Extraction) -> Extraction:
    """Fill the notification from the best news: one message that was sent outweighs tries that failed."""
    notes = Notes(extraction.notes)
    tries = [found for run in payload.runs for found in _tries(run, payload, context, notes)]
    news = next((found for found in tries if found.telegram_sent), None)
    news = news or next((found for found in reversed(tries) if found.telegram_sent is None), None)
    if news is None:
        news = tries[-1] if tries else Notification(telegram_sent=_without_a_try(payload, context))
    return replace(extraction, notification=news, notes=notes.as_tuple())


def _without_a_try(payload: Payload, context: ExtractionContext) -> bool | None:
    is_told = payload.has_run_data and context.status in _RECORDED
    is_told = is_told and all(run.status not in ("running", "canceled") for run in payload.runs)
    return False if is_told else None


def _tries(run: NodeRun, payload: Payload, context: ExtractionContext, notes: Notes) -> Iterator[Notification]:
    is_telegram = context.is_hinted("telegram", run.node) or payload.node_type(run.node).endswith(".telegram")
    if run.error is not None:
        if is_telegram:
            yield _of_error(run.error)
        return
    for item in run.items:
        found = _of_answer(item, is_telegram=is_telegram, notes=notes)
        if found is not None:
            yield found
    if is_telegram and payload.is_rebuilt and not run.items:
        yield Notification()


def _of_answer(item: Item, *, is_telegram: bool, notes: Notes) -> Notification | None:
    if item.json is None or item.is_posted:
        return None
    result = find_object(item.json, "result") or item.json
    has_message = "message_id" in result and ("chat" in result or "date" in result)
    if find(item.json, "ok") is not False and (has_message or (is_telegram and find(item.json, "ok") is True)):
        return _sent(result, notes)
    if is_telegram and "error" in item.json:
        return _of_error(_error_in(item.json))
    if find(item.json, "ok") is False and (is_telegram or "error_code" in item.json):
        return _of_error(NodeError(None, _words(item.json, "description"), None, None))
    if is_telegram:
        notes.add("the Telegram node answered without saying whether the message was sent")
        return Notification()
    return None


def _sent(result: FlattedObject, notes: Notes) -> Notification:
    seconds = fields.number(find(result, "date"), name="date of the message", notes=notes, minimum=1e9, maximum=4e9)
    return Notification(
        telegram_sent=True,
        telegram_message_id=fields.whole(find(result, "message_id"), name="message_id", notes=notes),
        telegram_sent_at=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
    )


def _error_in(json: FlattedObject) -> NodeError:
    error = find_object(json, "error")
    if error is None:
        return NodeError(_words(json, "error"), None, None, None)
    code = find(error, "httpCode") or find(error, "code")
    message = _words(error, "message")
    return NodeError(message, _words(error, "description"), None, str(code) if isinstance(code, str | int) else None)


def _of_error(error: NodeError) -> Notification:
    words = ": ".join(dict.fromkeys(word for word in (error.message, error.description) if word))
    broke_off = error.is_crash or error.http_code in _GATEWAY_CODES
    broke_off = broke_off or _BROKEN_OFF.search(f"{error.http_code or ''} {words}") is not None
    return Notification(
        telegram_sent=None if broke_off else False,
        telegram_error=fields.prose(words, max_chars=_MAX_ERROR_CHARS) or "Telegram refused it without a word.",
    )


def _words(json: FlattedObject, key: str) -> str | None:
    value = find(json, key)
    return value if isinstance(value, str) else None
