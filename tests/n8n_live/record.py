"""Record executions of real n8n with their ground truth: python -m tests.n8n_live.record [capture ...]

Replaces the named captures (without names: all) in tests/data/n8n; n8n and Node come from npm into var/n8n-lab.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg

from saiweb.demo import answers
from saiweb.demo.frames import Box, Frame
from saiweb.postgres import EmbeddedPostgres
from tests.n8n_live import capture_files
from tests.n8n_live.camera import send_json, send_parts, small_frame
from tests.n8n_live.cases import CAPTURES, Capture, Case
from tests.n8n_live.lab import VERSIONS, LabError, N8n, install
from tests.n8n_live.services import Answered, Json, Plan, Services

ROOT = Path(__file__).parents[2]
LAB = ROOT / "var" / "n8n-lab"
DATA = ROOT / "tests" / "data" / "n8n"
FINAL = ("success", "error", "canceled", "crashed")
NOTE = (
    "Ground truth of what was posted and answered. Execution ids repeat between captures: the key is (capture,"
    " execution_id). detections_answered is what the model was to find; n8n holds it only where the inference node"
    " finished. image_found_in_capture says where the posted bytes are (fs / inline / body / db / null);"
    " fs-moved: not at the path given, but under executions/<id>/."
)

Connection = psycopg.Connection[tuple[object, ...]]


def main(names: list[str]) -> None:
    chosen = [capture for capture in CAPTURES if not names or capture.name in names]
    for version in sorted({capture.version for capture in chosen}):
        install(LAB, version)
    for capture in chosen:
        _replace_truths(capture, _record(capture))


def _replace_truths(capture: Capture, recorded: list[Json]) -> None:
    path = DATA / "expected.json"
    kept: list[Json] = json.loads(path.read_text())["executions"] if path.exists() else []
    executions = sorted(recorded + [truth for truth in kept if truth["capture"] != capture.name], key=_key)
    path.write_text(json.dumps({"note": NOTE, "executions": executions}, indent=1, ensure_ascii=False) + "\n")


def _key(truth: Json) -> tuple[str, int]:
    return str(truth["capture"]), int(str(truth["execution_id"]))


def _record(capture: Capture) -> list[Json]:
    """Run every case of a capture on a fresh n8n, stop it and write down what it left."""
    print(f"{capture.name}: n8n {VERSIONS[capture.version]}, bytes in {capture.binary_mode}", flush=True)
    work = Path(tempfile.mkdtemp(prefix="saiweb-record-"))
    server = EmbeddedPostgres(work / "postgres", settings={"fsync": "off"})
    server.start()
    n8n = N8n(LAB, capture.version, work / "home", server, "n8n", capture.variables)
    try:
        with Services().running() as services, psycopg.connect(server.conninfo("n8n"), autocommit=True) as conn:
            n8n.set_up(services.port, capture.workflows)
            n8n.start(_path(capture.cases[0]))
            recorder = _Recorder(capture, n8n, services, conn)
            for case in capture.cases:
                recorder.run(case)
            n8n.stop()
            return capture_files.write(DATA / capture.name, capture, conn, n8n.home / ".n8n", recorder.truths)
    finally:
        n8n.stop()
        server.stop()
        shutil.rmtree(work)


def _path(case: Case) -> str:
    return f"saiweb-{case.flow}"


class _Recorder:
    """Posts the images of one capture, one after the other, and keeps the truth about each execution."""

    def __init__(self, capture: Capture, n8n: N8n, services: Services, conn: Connection) -> None:
        self.capture, self.n8n, self.services, self.conn = capture, n8n, services, conn
        self.truths: list[Json] = []

    def run(self, case: Case) -> None:
        frame = replace(small_frame(case.camera, case.scene), core_metadata_only=case.core_metadata_only)
        image = {"frame": frame.image, "none": None, "pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n%%EOF\n"}[case.image]
        model, analysis = ("ollama" if case.flow == "ollama" else "yolo"), _analysis(case, frame)
        self.services.plan(model, image, case.instead or analysis)
        if case.telegram is not None:
            self.services.plan("telegram", image, case.telegram)
        before, received, answered = self._last_id(), self.services.received, len(self.services.answered)
        http_status = self._send(case, frame, image)
        self._wait(lambda: self._last_id() > before, "an execution")
        execution_id = self._last_id()
        if case.act in ("cancel", "crash"):
            self._wait(lambda: self.services.received > received, "n8n to ask the model")
            time.sleep(2)  # so that n8n's event log, from which it rebuilds a crashed run, is on disk
            self._interrupt(case, execution_id)
            self._wait(lambda: len(self.services.answered) > answered, "the model's late answer")
        elif case.flow == "wait":
            self._wait(lambda: self._status(execution_id) == "waiting", "the run to wait")
            if case.act == "resume":
                self._resume(execution_id)
        if case.ends != "waiting":
            self._wait(lambda: self._status(execution_id) in FINAL, "the end of the run")
        truth = _truth(case, frame, image, http_status)
        self._keep(truth, execution_id, case.ends, self.services.answered[answered:])
        if case.act == "retry":
            self.services.plan(model, image, analysis)
            answered = len(self.services.answered)
            self.n8n.call("POST", f"/rest/executions/{execution_id}/retry", {"loadWorkflow": False})
            self._wait(lambda: self._last_id() > execution_id, "the retry")
            retry_id = self._last_id()
            self._wait(lambda: self._status(retry_id) in FINAL, "the end of the retry")
            again = {**truth, "case": f"{case.key}-retry", "retry_of": execution_id, **_analysed(case, analysis)}
            self._keep(again, retry_id, "success", self.services.answered[answered:])

    def _send(self, case: Case, frame: Frame, image: bytes | None) -> int:
        url = f"{self.n8n.url}/webhook/{_path(case)}"
        if case.flow == "ollama":
            return send_json(url, frame, image=image, data_url=case.data_url)
        metadata = None if case.without_metadata else frame.metadata_bytes()
        return send_parts(url, frame, image=image, metadata=metadata)

    def _interrupt(self, case: Case, execution_id: int) -> None:
        if case.act == "cancel":
            self.n8n.call("POST", f"/rest/executions/{execution_id}/stop")
            return
        self.n8n.stop(kill=True)
        self.n8n.start(_path(case))

    def _resume(self, execution_id: int) -> None:
        """Open the link that the operator would get; 2.x signs it with a token that it keeps in the run data."""
        cells = json.loads(self._text('SELECT data FROM execution_data WHERE "executionId" = %s', execution_id))
        token = cells[0].get("resumeToken")
        query = "" if token is None else "?" + urllib.parse.urlencode({"signature": cells[int(token)]})
        self.n8n.visit(f"/webhook-waiting/{execution_id}{query}")

    def _keep(self, truth: Json, execution_id: int, expected: str, answered: list[Answered]) -> None:
        status = self._status(execution_id)
        marker = "" if status == expected else f"   <- {expected} was expected"
        print(f"  {execution_id:3} {status:9} {truth['case']}{marker}", flush=True)
        self.truths.append({**truth, "execution_id": execution_id, "expected_status": expected, **_services(answered)})

    def _last_id(self) -> int:
        return int(self._text("SELECT coalesce(max(id), 0) FROM execution_entity WHERE %s IS NOT NULL", 0))

    def _status(self, execution_id: int) -> str:
        return self._text("SELECT status FROM execution_entity WHERE id = %s", execution_id)

    def _text(self, query: str, value: int) -> str:
        row = self.conn.execute(query.encode(), (value,)).fetchone()
        return "" if row is None else str(row[0])

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                raise LabError(f"{self.capture.name}: waited in vain for {what}.")
            time.sleep(0.05)


def _analysis(case: Case, frame: Frame) -> Plan:
    """The model's proper answer."""
    if case.flow == "ollama":
        body = answers.ollama(frame, case.text or "", alerts=False).body
    else:
        middle = Box(frame.width * 0.4, frame.height * 0.3, frame.width * 0.55, frame.height * 0.6)
        boxes = {"smoke": frame.smoke or middle, "fire": frame.flame or middle}
        found = [answers.Detection(name, confidence, boxes[name]) for name, confidence in case.found]
        body = answers.yolo(frame, found, drops_fields=case.drops_fields).body
    return Plan(body, delay_s=case.delay_s)


def _truth(case: Case, frame: Frame, image: bytes | None, http_status: int) -> Json:
    is_picture = image == frame.image
    return {
        "case": case.key,
        "kind": case.flow,
        "era": "ollama" if case.flow == "ollama" else "yolo",
        "note": case.note,
        "device_id": frame.camera.device_id,
        "camera_id": frame.camera.camera_id,
        "location": frame.camera.location,
        "metadata_sent": None if case.without_metadata else frame.metadata(),
        "metadata_broken": False,
        "image_sha256": None if image is None else hashlib.sha256(image).hexdigest(),
        "image_bytes": None if image is None else len(image),
        "image_mime": None if image is None else frame.mime_type,
        "image_filename": None if image is None else frame.file_name,
        "width": frame.width if is_picture else None,
        "height": frame.height if is_picture else None,
        "decodable": is_picture,
        "data_url_prefix": case.data_url,
        "webhook_http_status": http_status,
        "answer_extra": None,
        "answer_dropped_fields": ["alert_level", "active_classes"] if case.drops_fields else None,
        "annotated_image_in_answer": False,
        **_analysed(case, None if case.instead else _analysis(case, frame)),
    }


def _analysed(case: Case, analysis: Plan | None) -> Json:
    body = analysis.body if analysis is not None and isinstance(analysis.body, dict) else {}
    said = case if analysis is not None and case.flow == "ollama" else None
    return {
        "ollama_text": said and said.text,
        "risk_intended": said and said.risk,
        "confidence_intended": said and said.confidence,
        "detections_answered": body.get("detections"),
    }


def _services(answered: list[Answered]) -> Json:
    """What the model and Telegram said; without Ollama's context, which is long and says nothing."""
    model, telegram = list[Json](), list[Json]()
    sent: list[object] = []
    for one in answered:
        body = one.body if isinstance(one.body, dict) else {}
        if one.service != "telegram":
            shown = {name: value for name, value in body.items() if name != "context"} or one.body
            model.append({"http_status": one.status, "body": shown})
            continue
        result = body.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) else None  # pyright: ignore[reportUnknownVariableType]
        ok, why = bool(body.get("ok")), body.get("description")
        telegram.append({"http_status": one.status, "ok": ok, "message_id": message_id, "description": why})
        sent += [message_id] if ok else []
    return {
        "model_answers": model,
        "telegram": telegram,
        "telegram_sent": bool(sent),
        "telegram_message_id": sent[-1] if sent else None,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
