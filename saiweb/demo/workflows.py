"""The workflows of the simulated n8n: SAI's watched one, as it was in both eras, one that waits, and a stranger."""

import uuid
from dataclasses import dataclass
from typing import Literal

WATCHED_WORKFLOW_ID = "yDbfhooKemfhMIkC"
FOREIGN_WORKFLOW_ID = "InformeDiario001"
WORKFLOW_NAME = "Sai-webhook-upload-image+Ollama-analisys+telegram-sendphoto"
BASE_URL = "http://127.0.0.1:5678"
WEBHOOK_PATH = "e861ad7c-8160-4964-8953-5e3a02657293"
TELEGRAM_CHAT_ID = -1001234567890

Flow = Literal["yolo", "ollama", "wait"]
Version = Literal[1, 2]
JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class Workflow:
    """Nodes by name and n8n's connections between them."""

    nodes: dict[str, JsonObject]
    connections: JsonObject

    @property
    def version_id(self) -> str:
        return _stable_id("version", *self.nodes)


def _stable_id(*words: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(words)))


def _node(name: str, kind: str, version: float, x: int, y: int, parameters: JsonObject, **more: object) -> JsonObject:
    return {
        "parameters": parameters,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [x, y],
        "id": _stable_id("node", name),
        "name": name,
        **more,
    }


def _links(*edges: tuple[str, str, int, int]) -> JsonObject:
    """Connections from edges (from, to, output of from, input of to)."""
    outputs: dict[str, list[list[object]]] = {}
    for start, end, output, index in edges:
        branches = outputs.setdefault(start, [])
        while len(branches) <= output:
            branches.append([])
        branches[output].append({"node": end, "type": "main", "index": index})
    return {start: {"main": branches} for start, branches in outputs.items()}


def _http(name: str, x: int, url: str, timeout_ms: int, **body: object) -> JsonObject:
    parameters: JsonObject = {
        "curlImport": "",
        "method": "POST",
        "url": url,
        "authentication": "none",
        "provideSslCertificates": False,
        "sendQuery": False,
        "sendHeaders": True,
        "specifyHeaders": "keypair",
        "headerParameters": {"parameters": [{"name": "X-N8N-Execution-Id", "value": "={{ $execution.id }}"}]},
        "sendBody": True,
        **body,
        "options": {"timeout": timeout_ms},
        "infoMessage": "",
    }
    return _node(name, "httpRequest", 4.2, x, 0, parameters)


def _condition(name: str, x: int, expression: str) -> JsonObject:
    operator: JsonObject = {"type": "boolean", "operation": "true", "singleValue": True}
    conditions: JsonObject = {
        "options": {"caseSensitive": True, "leftValue": "", "typeValidation": "loose", "version": 2},
        "conditions": [{"id": "c1", "leftValue": expression, "rightValue": "", "operator": operator}],
        "combinator": "and",
    }
    return _node(name, "if", 2.2, x, 0, {"conditions": conditions, "looseTypeValidation": True, "options": {}})


def _telegram(binary_property: str, caption: str) -> JsonObject:
    parameters: JsonObject = {
        "resource": "message",
        "operation": "sendPhoto",
        "chatId": str(TELEGRAM_CHAT_ID),
        "binaryData": True,
        "binaryPropertyName": binary_property,
        "replyMarkup": "none",
        "additionalFields": {"caption": caption},
    }
    credentials = {"telegramApi": {"id": "SaiTelegramCred1", "name": "SAI Telegram bot"}}
    return _node("Telegram", "telegram", 1.2, 1100, -120, parameters, credentials=credentials)


_WEBHOOK = _node(
    "Webhook",
    "webhook",
    2,
    0,
    0,
    {
        "multipleMethods": False,
        "httpMethod": "POST",
        "path": WEBHOOK_PATH,
        "authentication": "none",
        "responseMode": "onReceived",
        "contentTypeNotice": "",
        "options": {},
    },
    webhookId=WEBHOOK_PATH,
)
_METADATA = _node(
    "Metadata",
    "extractFromFile",
    1,
    220,
    0,
    {
        "operation": "fromJson",
        "binaryPropertyName": "metadata",
        "destinationKey": "metadata",
        "options": {"keepSource": "both"},
    },
)
_INFERENCE = _http(
    "YOLO Inference",
    440,
    "http://127.0.0.1:8888/api/v1/infer",
    8000,
    contentType="multipart-form-data",
    bodyParameters={
        "parameters": [
            {"parameterType": "formBinaryData", "name": "file", "inputDataFieldName": "image"},
            {
                "parameterType": "formData",
                "name": "camera_id",
                "value": "={{ $json.metadata.device_id }}:{{ $json.metadata.camera_id }}",
            },
        ]
    },
)
_MERGE = _node(
    "Unir imagen", "merge", 3.1, 660, 0, {"mode": "combine", "combineBy": "combineByPosition", "options": {}}
)
_BEFORE_DECISION = (
    ("Webhook", "Metadata", 0, 0),
    ("Metadata", "YOLO Inference", 0, 0),
    ("Metadata", "Unir imagen", 0, 1),
    ("YOLO Inference", "Unir imagen", 0, 0),
)


def _named(*nodes: JsonObject) -> dict[str, JsonObject]:
    return {str(node["name"]): node for node in nodes}


WORKFLOWS: dict[Flow, Workflow] = {
    "yolo": Workflow(
        _named(
            _WEBHOOK,
            _METADATA,
            _INFERENCE,
            _MERGE,
            _condition("Alerta?", 880, "={{ ['high','critical'].includes($json.alert_level) || $json.has_fire }}"),
            _telegram("image", "=🔥 Alerta {{ $json.alert_level ?? 'sin nivel' }}"),
            _node("Sin alerta", "noOp", 1, 1100, 120, {}),
        ),
        _links(
            *_BEFORE_DECISION,
            ("Unir imagen", "Alerta?", 0, 0),
            ("Alerta?", "Telegram", 0, 0),
            ("Alerta?", "Sin alerta", 1, 0),
        ),
    ),
    "ollama": Workflow(
        _named(
            _WEBHOOK,
            _http(
                "Ollama",
                220,
                "http://127.0.0.1:11434/api/generate",
                20000,
                contentType="json",
                specifyBody="json",
                jsonBody="={{ JSON.stringify({ model: 'qwen2.5vl:7b', images: [$json.body.image], stream: false }) }}",
            ),
            _condition("Riesgo?", 440, "={{ /(HIGH|MEDIUM|CRITICAL|ALTO|MEDIO|CR[IÍ]TICO)/i.test($json.response) }}"),
            _node("Preparar imagen", "set", 3.4, 660, -120, {"mode": "manual", "options": {}}),
            _node("Imagen a binario", "convertToFile", 1.1, 880, -120, {"operation": "toBinary", "options": {}}),
            _telegram("data", "={{ $('Preparar imagen').item.json.caption }}"),
            _node("Sin riesgo", "noOp", 1, 660, 120, {}),
        ),
        _links(
            ("Webhook", "Ollama", 0, 0),
            ("Ollama", "Riesgo?", 0, 0),
            ("Riesgo?", "Preparar imagen", 0, 0),
            ("Riesgo?", "Sin riesgo", 1, 0),
            ("Preparar imagen", "Imagen a binario", 0, 0),
            ("Imagen a binario", "Telegram", 0, 0),
        ),
    ),
    "wait": Workflow(
        _named(
            _WEBHOOK,
            _METADATA,
            _INFERENCE,
            _MERGE,
            _node("Esperar operador", "wait", 1.1, 880, 0, {"resume": "webhook", "options": {}}),
            _telegram("image", "=Confirmado por operador"),
        ),
        _links(
            *_BEFORE_DECISION,
            ("Unir imagen", "Esperar operador", 0, 0),
            ("Esperar operador", "Telegram", 0, 0),
        ),
    ),
}

SETTINGS: JsonObject = {
    "executionOrder": "v1",
    "saveDataSuccessExecution": "all",
    "saveDataErrorExecution": "all",
    "saveManualExecutions": True,
    "callerPolicy": "workflowsFromSameOwner",
    "availableInMCP": False,
}


def starting_data(flow: Flow, workflow_id: str, version: Version) -> JsonObject:
    """The workflowData of an execution that has just begun; 2.x writes the same at the end."""
    workflow = WORKFLOWS[flow]
    nodes = list(workflow.nodes.values())
    if version == 2:
        return {
            "id": workflow_id,
            "name": WORKFLOW_NAME,
            "nodes": nodes,
            "connections": workflow.connections,
            "settings": SETTINGS,
            "nodeGroups": [],
        }
    return {
        "connections": workflow.connections,
        "nodes": nodes,
        "name": WORKFLOW_NAME,
        "settings": SETTINGS,
        "id": workflow_id,
    }


def final_data(flow: Flow, workflow_id: str, version: Version) -> JsonObject:
    """The workflowData of an execution that has ended."""
    if version == 2:
        return starting_data(flow, workflow_id, version)
    workflow = WORKFLOWS[flow]
    return {
        "id": workflow_id,
        "name": WORKFLOW_NAME,
        "active": True,
        "activeVersionId": workflow.version_id,
        "isArchived": False,
        "createdAt": "2026-03-02T12:04:11.422Z",
        "updatedAt": "2026-09-14T15:22:19.455Z",
        "nodes": list(workflow.nodes.values()),
        "connections": workflow.connections,
        "settings": SETTINGS,
        "staticData": {},
        "pinData": {},
    }
