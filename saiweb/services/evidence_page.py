"""The page of an evidence bundle: Spanish, printable, alone in its folder with the picture; no script, nothing fetched.

It is a legal document in one language, whatever the reader of the program prefers: its words are not translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from saiweb.queries.review_evidence import CustodyEntry
from saiweb.review_records import Assessment, Case
from saiweb.services.verdicts import instant

LEVELS: Final = {"none": "sin humo", "low": "baja", "medium": "media", "high": "alta", "critical": "crítica"}
KINDS: Final = {"verdict": "veredicto", "cannot_tell": "no se puede decir", "withdrawal": "retiro del anterior"}
CLASSES: Final = {"smoke": "humo", "flame": "llama", "heat": "calor", "motion": "movimiento"}
ACTIONS: Final = {"kept": "confirmada", "corrected": "corregida", "removed": "descartada", "added": "agregada"}
SOURCES: Final = {
    "single": "un veredicto",
    "agreement": "acuerdo entre expertos",
    "admin": "decisión de un administrador entre veredictos firmados",
    "undecided": "sin veredicto",
}
DONE: Final = {
    "review.assign": "asignada",
    "review.claim": "tomada",
    "review.release": "devuelta",
    "review.start": "abierta",
    "review.park": "aparcada",
    "review.escalate": "elevada a administración",
    "review.sign": "firmada",
    "review.undo": "firma retirada",
    "review.hand_back": "devuelta por ausencia o cambio de la persona",
    "review.take_back": "quitada por administración",
    "review.deadline": "plazo cambiado",
    "review.reopen": "abierta otra vez",
    "review_case.ask": "pedida otra opinión",
    "review_case.ask_another": "pedida otra opinión por administración",
    "review_case.dispute": "en disputa",
    "review_case.decide": "decidida por administración",
    "review_case.close": "cerrada",
    "review_case.evidence": "paquete de evidencia entregado",
}
STYLE: Final = """
body { font: 11pt/1.4 serif; max-width: 48em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.6em; break-after: avoid; }
table { border-collapse: collapse; width: 100%; font-size: 0.9em; }
th, td { border: 1px solid; padding: 0.25em 0.5em; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
figure { margin: 1em 0; position: relative; break-inside: avoid; }
figure img { display: block; width: 100%; image-orientation: none; }
figure svg { position: absolute; inset: 0; width: 100%; height: auto; }
rect { fill: none; stroke: black; stroke-width: 0.6%; }
rect + rect { stroke: white; stroke-width: 0.25%; }
code { font-size: 0.85em; overflow-wrap: anywhere; }
article { break-inside: avoid; }
"""


def build(
    case: Case,
    record: Mapping[str, Any],
    signed: Sequence[Assessment],
    custody: Sequence[CustodyEntry],
    picture_name: str | None,
    now: datetime,
    *,
    reasons: Mapping[str, str],
) -> str:
    """Return the page; times are UTC, as in the signed documents. `reasons`: words of false alarms by code."""
    ai: Mapping[str, Any] = record.get("ai") or {}
    image: Mapping[str, Any] = record.get("image") or {}
    facts = [
        ("Ejecución", record.get("execution_id")),
        ("Cámara", " · ".join(str(one) for one in (case.location, case.device_id, case.camera_id) if one)),
        ("Captura, reloj de la cámara (UTC)", record.get("capture_timestamp")),
        ("Detección, reloj de n8n (UTC)", record.get("detected_at")),
        ("Nivel según la IA", LEVELS.get(ai.get("risk_level") or "", "sin análisis")),
        ("Confianza de la IA", ai.get("confidence_score")),
        ("Modelo", ai.get("model_name")),
        ("SHA-256 de la imagen", image.get("sha256")),
        ("Conclusión", _outcome(case)),
        ("Paquete armado (UTC)", instant(now)),
    ]
    return f"""<!DOCTYPE html>
<html lang="es">
<head>
<meta charset="utf-8">
<title>Evidencia de la ejecución {case.execution_id}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Evidencia de la ejecución {case.execution_id}</h1>
{_table(facts)}
{_picture(picture_name, image, record.get("detections") or ())}
<h2>Registros firmados</h2>
{"".join(_record(number, one, reasons) for number, one in enumerate(signed, 1)) or "<p>Nadie firmó nada todavía.</p>"}
<h2>Cadena de custodia</h2>
<table>
<thead><tr><th>Número</th><th>Momento (UTC)</th><th>Quién</th><th>Qué</th><th>Hash</th></tr></thead>
<tbody>{"".join(_entry(one) for one in custody)}</tbody>
</table>
<p>Para comprobar firmas, orden y contenido: <code>python verify.py</code> (ver LEEME.txt).</p>
</body>
</html>
"""


def _outcome(case: Case) -> str:
    if case.state != "closed":
        return "el caso sigue abierto"
    level = LEVELS.get(case.outcome_level or "", "no se sabe")
    return f"{level} ({SOURCES.get(case.outcome_source or '', '')})"


def _picture(name: str | None, image: Mapping[str, Any], boxes: Sequence[Mapping[str, Any]]) -> str:
    """Return the picture with the AI's boxes; a box is drawn only where picture and box have a size."""
    if name is None:
        return "<p>No hay imagen guardada de esta ejecución.</p>"
    width, height = image.get("width"), image.get("height")
    drawn = "".join(
        "<g>" + 2 * f'<rect x="{float(box["x"])}" y="{float(box["y"])}" width="{float(box["width"])}"'
        f' height="{float(box["height"])}"/>' + "</g>"
        for box in boxes
        if all(box.get(side) is not None for side in ("x", "y", "width", "height"))
    )
    overlay = f'<svg viewBox="0 0 {int(width)} {int(height)}">{drawn}</svg>' if width and height and drawn else ""
    return f"""<figure>
<img src="{escape(name)}" alt="Imagen original, con las detecciones de la IA">{overlay}
</figure>"""


def _record(number: int, one: Assessment, reasons: Mapping[str, str]) -> str:
    said: Mapping[str, Any] = one.payload.get("verdict") or {}
    boxes = [
        f"{ACTIONS.get(box['action'], box['action'])}: {CLASSES.get(box['class_name'] or '', 'sin clase')}"
        for box in said.get("detections", ())
    ]
    facts = [
        ("Qué", KINDS.get(one.kind, one.kind)),
        ("Experto", f"{one.payload['expert']['full_name']} ({one.payload['expert']['username']})"),
        ("Opinión y revisión", f"{one.payload['opinion']}.ª opinión, revisión {one.revision}"),
        ("Firmado (UTC)", one.payload["signed_at"]),
        ("Nivel", LEVELS.get(said.get("risk_level") or "")),
        ("Motivo de llamarla menos que crítica", said.get("downgrade_reason")),
        ("Causas de falsa alarma", ", ".join(reasons.get(code, code) for code in said.get("false_alarm_reasons", ()))),
        ("Detecciones", "; ".join(boxes)),
        ("Notas", said.get("notes")),
        ("Huella de la clave", one.payload["key"]["fingerprint"]),
        ("Hash", one.hash.hex()),
    ]
    return f"<article><h3>{number}. {escape(KINDS.get(one.kind, one.kind))}</h3>{_table(facts)}</article>"


def _entry(one: CustodyEntry) -> str:
    cells = (str(one.id), instant(one.at) or "", one.actor or "", DONE.get(one.action, one.action), one.hash)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _table(facts: Sequence[tuple[str, Any]]) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in facts
        if value is not None and value != ""
    ]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"
