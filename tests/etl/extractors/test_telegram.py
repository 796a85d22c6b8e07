"""A message counts as sent only if Telegram says so; what n8n does not tell stays unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest

from saiweb.etl.extraction import Notification
from saiweb.etl.payload import Payload
from tests.etl.build import extracted, flattened, run, webhook

SENT: dict[str, Any] = {
    "ok": True,
    "result": {"message_id": 20495, "chat": {"id": -100}, "date": 1_795_462_404, "caption": "Alerta"},
}


def notified(payload: Payload, status: str = "success") -> Notification:
    found = extracted(payload, status=status).notification
    assert found is not None
    return found


@pytest.mark.parametrize("node", ["Telegram", "HTTP Request"])
@pytest.mark.parametrize("answer", [SENT, SENT["result"]])
def test_an_answer_with_a_message_id_means_sent(node: str, answer: object) -> None:
    found = notified(run(("Webhook", {"item": webhook()}), (node, answer)))
    assert found == Notification(True, 20495, datetime.fromtimestamp(1_795_462_404, UTC), None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": {"message": "Bad request", "description": "chat not found"}}, "Bad request: chat not found"),
        ({"error": "chat not found"}, "chat not found"),
        ({"ok": False, "error_code": 400, "description": "chat not found"}, "chat not found"),
    ],
)
def test_a_refusal_in_a_run_that_went_on_is_not_sent(answer: object, words: str) -> None:
    found = notified(run(("Telegram", answer), ("End", {})))
    assert (found.telegram_sent, found.telegram_error) == (False, words)


def test_a_node_that_failed_is_not_sent() -> None:
    error = {"message": "Too many", "description": "retry after 31", "httpCode": "429", "node": {"name": "Telegram"}}
    found = notified(run(("Telegram", {"failed": error}), error=error), "error")
    assert (found.telegram_sent, found.telegram_error) == (False, "Too many: retry after 31")


def test_a_telegram_node_of_any_name_is_known_by_its_type() -> None:
    error = {"message": "no", "httpCode": "400", "node": {"name": "Avisar", "type": "n8n-nodes-base.telegram"}}
    found = notified(run(("Avisar", {"failed": error}), error=error), "error")
    assert (found.telegram_sent, found.telegram_error) == (False, "no")


@pytest.mark.parametrize("code", ["ECONNABORTED", "ECONNRESET", "ETIMEDOUT", "504", 502])
def test_a_call_that_broke_off_may_have_arrived(code: object) -> None:
    error = {"message": "The connection failed", "httpCode": code}
    found = notified(run(("Telegram", {"failed": error}), error=error), "error")
    assert found.telegram_sent is None
    assert found.telegram_error == "The connection failed"


def test_a_server_that_refused_the_connection_has_nothing() -> None:
    error = {"message": "The service refused the connection - perhaps it is offline", "httpCode": "ECONNREFUSED"}
    assert notified(run(("Telegram", {"failed": error}), error=error), "error").telegram_sent is False


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        ("success", False),
        ("error", False),
        ("waiting", False),
        ("crashed", False),
        ("canceled", None),
        ("running", None),
    ],
)
def test_without_a_try_the_status_decides(status: str, sent: bool | None) -> None:
    assert notified(run(("Webhook", {"item": webhook()}), ("IF", {})), status) == Notification(sent)


def test_without_run_data_nothing_is_known() -> None:
    assert notified(run(), "success") == Notification()
    assert extracted(None).notification is None


def test_n8n_that_died_in_or_after_the_node_leaves_it_unknown() -> None:
    crash = {"message": "Execution stopped at this node", "name": "NodeCrashedError"}
    assert notified(run(("Telegram", {"failed": crash})), "crashed").telegram_sent is None
    artificial = {"isArtificialRecoveredEventItem": True}
    assert notified(run(("Telegram", artificial), ("End", {"failed": crash})), "crashed").telegram_sent is None
    assert notified(run(("YOLO", {"failed": crash})), "crashed").telegram_sent is False


def test_one_message_sent_outweighs_tries_that_failed() -> None:
    found = notified(run(("Telegram", {"error": "no"}), ("Telegram 2", SENT), ("Telegram 3", {"error": "no"})))
    assert found.telegram_sent is True


@pytest.mark.parametrize("answer", [{}, {"ok": "yes"}, {"result": {}}, {"message_id": 5}, {"ok": None}])
def test_an_answer_that_does_not_say_stays_unknown(answer: object) -> None:
    found = extracted(run(("Telegram", answer)))
    assert found.notification == Notification()
    assert found.notes


def test_ok_from_another_node_is_not_telegram() -> None:
    assert notified(run(("Health", {"ok": True}))) == Notification(False)


def test_odd_fields_of_a_sent_message_become_unknown() -> None:
    found = notified(run(("Telegram", {"ok": True, "result": {"message_id": "x", "date": -5, "chat": {}}})))
    assert found == Notification(True)


def test_the_bots_token_is_never_kept() -> None:
    url = "request to https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendPhoto failed"
    found = extracted(run(("Telegram", {"failed": {"message": url}}), error={"message": url}), status="error")
    assert "AAHdq" not in repr(found)
    assert "bot***" in (found.error_message or "")


def test_a_document_of_the_real_shape_is_built() -> None:
    assert flattened({"a": "x", "b": ["x"]}) == '[{"a": "1", "b": "2"}, "x", ["1"]]'
