"""What is recorded: five captures of real n8n and the cases in each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from saiweb.demo.answers import Risk
from saiweb.demo.cameras import (
    CAPILLA,
    CUESTA_BLANCA,
    GIARDINO,
    ICHO_CRUZ,
    LA_CALERA,
    LA_FALDA,
    SALSIPUEDES,
    TANTI,
    Camera,
)
from saiweb.demo.landscape import Scene
from saiweb.demo.smoke import Fire
from saiweb.demo.workflows import Flow
from tests.n8n_live.services import Plan

WORKFLOW_IDS: dict[Flow, str] = {
    "ollama": "yDbfhooKemfhMIkC",
    "yolo": "SaiwebYolo000001",
    "wait": "SaiwebWait000001",
}
HILLS = Scene()
FOG = Scene(fog=0.7)
SMOKE = Scene(Fire(x=0.4, size=0.5, flame=0.0, age_s=900))
FLAMES = Scene(Fire(x=0.55, size=0.8, flame=0.9, age_s=1800))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One image on its way through a workflow, and how that way goes wrong."""

    key: str
    flow: Flow
    camera: Camera
    scene: Scene = HILLS
    image: Literal["frame", "pdf", "none"] = "frame"
    text: str | None = None
    risk: Risk | None = None
    confidence: float | None = None
    found: tuple[tuple[Literal["smoke", "fire"], float], ...] = ()
    instead: Plan | None = None  # what the model's service answers in place of an analysis
    delay_s: float = 0.0
    telegram: Plan | None = None
    without_metadata: bool = False
    core_metadata_only: bool = False
    drops_fields: bool = False
    data_url: bool = False
    act: Literal["retry", "cancel", "crash", "resume"] | None = None
    ends: Literal["success", "error", "canceled", "crashed", "waiting"] = "success"
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One n8n with its own database: version, where it keeps bytes and run data, and the cases in order."""

    name: str
    version: int
    binary_mode: str
    execution_data_mode: str = "database"
    variables: dict[str, str] = field(default_factory=dict[str, str])
    cases: tuple[Case, ...]

    @property
    def workflows(self) -> dict[str, str]:
        return {flow: workflow_id for flow, workflow_id in WORKFLOW_IDS.items() if flow in self._flows}

    @property
    def _flows(self) -> set[Flow]:
        return {case.flow for case in self.cases}


REFUSED = Plan(
    {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 31"},
    status=429,
)
UNKNOWN_CHAT = Plan({"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}, status=400)

INLINE = Capture(
    name="v1-inline",
    version=1,
    binary_mode="default (inline base64)",
    cases=(
        Case(
            key="ollama-high-spanish",
            flow="ollama",
            camera=ICHO_CRUZ,
            scene=SMOKE,
            risk="high",
            confidence=0.88,
            text="NIVEL_DE_RIESGO: ALTO\nCONFIANZA: 0,88\nDESCRIPCIÓN: Columna de humo densa detrás de la loma.",
        ),
        Case(
            key="ollama-none-english",
            flow="ollama",
            camera=ICHO_CRUZ,
            risk="none",
            confidence=0.95,
            text="RISK_LEVEL: NONE\nCONFIDENCE: 0.95\nDESCRIPTION: Clear sky, no smoke or flames visible.",
        ),
        Case(
            key="ollama-no-level",
            flow="ollama",
            camera=LA_CALERA,
            scene=FOG,
            text="The picture is covered by fog and I cannot tell what lies behind it.",
            note="the model says neither level nor confidence",
        ),
        Case(
            key="ollama-503-retried",
            flow="ollama",
            camera=ICHO_CRUZ,
            scene=SMOKE,
            data_url=True,
            instead=Plan({"error": "server busy, please try again. maximum pending requests exceeded"}, status=503),
            act="retry",
            ends="error",
            risk="medium",
            confidence=0.66,
            text="NIVEL_DE_RIESGO: MEDIO\nCONFIANZA: 0,66\nDESCRIPCIÓN: Posible humo tenue detrás de la primera loma.",
        ),
        Case(
            key="ollama-telegram-tolerated",
            flow="ollama",
            camera=ICHO_CRUZ,
            scene=FLAMES,
            risk="critical",
            confidence=0.93,
            text="RISK_LEVEL: CRITICAL\nCONFIDENCE: 93%\nDESCRIPTION: Open flames at the foot of a dark column.",
            telegram=UNKNOWN_CHAT,
            note="Telegram refused, but its node continues on errors: the run is success and nothing was sent",
        ),
        Case(
            key="ollama-canceled",
            flow="ollama",
            camera=LA_CALERA,
            text="RISK_LEVEL: NONE",
            delay_s=6,
            act="cancel",
            ends="canceled",
        ),
        Case(
            key="yolo-inline-critical",
            flow="yolo",
            camera=LA_FALDA,
            scene=FLAMES,
            found=(("fire", 0.86), ("smoke", 0.91), ("smoke", 0.42)),
        ),
    ),
)

FILESYSTEM = Capture(
    name="v1-filesystem",
    version=1,
    binary_mode="filesystem",
    variables={"N8N_DEFAULT_BINARY_DATA_MODE": "filesystem"},
    cases=(
        Case(key="fs-smoke", flow="yolo", camera=CAPILLA, scene=SMOKE, found=(("smoke", 0.83),)),
        Case(key="fs-nothing", flow="yolo", camera=TANTI),
        Case(
            key="fs-pdf",
            flow="yolo",
            camera=GIARDINO,
            image="pdf",
            instead=Plan({"detail": "cannot identify image file"}, status=500),
            ends="error",
        ),
        Case(
            key="fs-no-metadata",
            flow="yolo",
            camera=TANTI,
            without_metadata=True,
            note="no metadata part: its node returned no item, so the inference never ran; the run is success",
        ),
        Case(
            key="fs-telegram-429",
            flow="yolo",
            camera=SALSIPUEDES,
            scene=SMOKE,
            found=(("smoke", 0.78),),
            telegram=REFUSED,
            ends="error",
        ),
        Case(
            key="fs-old-answer",
            flow="yolo",
            camera=CUESTA_BLANCA,
            scene=SMOKE,
            found=(("smoke", 0.57),),
            drops_fields=True,
            core_metadata_only=True,
            note="answer without alert_level and active_classes, metadata without environment",
        ),
        Case(key="fs-crashed", flow="yolo", camera=LA_FALDA, delay_s=7, act="crash", ends="crashed"),
    ),
)

MODERN = Capture(
    name="v2-default",
    version=2,
    binary_mode="filesystem (2.x default)",
    execution_data_mode="database (default)",
    cases=(
        Case(
            key="v2-flames",
            flow="yolo",
            camera=CAPILLA,
            scene=FLAMES,
            found=(("fire", 0.62), ("smoke", 0.93)),
        ),
        Case(key="v2-image-missing", flow="yolo", camera=GIARDINO, image="none", ends="error"),
        Case(
            key="v2-not-json",
            flow="yolo",
            camera=TANTI,
            instead=Plan("model is loading, try later"),
            note="HTTP 200 with text: the inference node's output is {data: ...} and the run is success",
        ),
        Case(
            key="v2-500-retried",
            flow="yolo",
            camera=LA_FALDA,
            scene=SMOKE,
            found=(("smoke", 0.88),),
            instead=Plan({"detail": "CUDA out of memory"}, status=500),
            act="retry",
            ends="error",
        ),
        Case(
            key="v2-ollama-medium",
            flow="ollama",
            camera=ICHO_CRUZ,
            scene=SMOKE,
            risk="medium",
            confidence=0.7,
            text="Nivel de riesgo: medio (confianza 7/10). Se ve una bruma clara; podría ser humo.",
        ),
        Case(key="v2-waiting", flow="wait", camera=SALSIPUEDES, found=(("smoke", 0.45),), ends="waiting"),
        Case(key="v2-resumed", flow="wait", camera=SALSIPUEDES, scene=SMOKE, found=(("smoke", 0.72),), act="resume"),
        Case(key="v2-canceled", flow="yolo", camera=TANTI, delay_s=5, act="cancel", ends="canceled"),
        Case(key="v2-crashed", flow="yolo", camera=CAPILLA, delay_s=7, act="crash", ends="crashed"),
    ),
)

DATA_IN_FILES = Capture(
    name="v2-data-in-files",
    version=2,
    binary_mode="filesystem (2.x default)",
    execution_data_mode="filesystem",
    variables={"N8N_EXECUTION_DATA_STORAGE_MODE": "filesystem"},
    cases=(
        Case(key="files-smoke", flow="yolo", camera=LA_FALDA, scene=SMOKE, found=(("smoke", 0.9),)),
        Case(
            key="files-error",
            flow="yolo",
            camera=TANTI,
            instead=Plan({"detail": "Model not loaded"}, status=503),
            ends="error",
        ),
    ),
)

BYTES_IN_DATABASE = Capture(
    name="v2-database",
    version=2,
    binary_mode="database",
    execution_data_mode="database (default)",
    variables={"N8N_DEFAULT_BINARY_DATA_MODE": "database"},
    cases=(
        Case(key="db-flames", flow="yolo", camera=GIARDINO, scene=FLAMES, found=(("fire", 0.79), ("smoke", 0.8))),
        Case(key="db-nothing", flow="yolo", camera=LA_FALDA),
    ),
)

CAPTURES = (INLINE, FILESYSTEM, MODERN, DATA_IN_FILES, BYTES_IN_DATABASE)
