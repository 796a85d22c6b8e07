"""Tables shaped like those of n8n 1.x and 2.x, as far as executions touch them, and the workflows in them."""

from typing import LiteralString

import psycopg
from psycopg.rows import scalar_row
from psycopg.types.json import Json

from saiweb.demo.workflows import FOREIGN_WORKFLOW_ID, SETTINGS, WATCHED_WORKFLOW_ID, WORKFLOW_NAME, WORKFLOWS, Version

_WORKFLOW_ENTITY: LiteralString = """
CREATE TABLE workflow_entity (
    name varchar(128) NOT NULL,
    active boolean NOT NULL,
    nodes json NOT NULL,
    connections json NOT NULL,
    "createdAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    settings json,
    "staticData" json,
    "pinData" json,
    "versionId" char(36) NOT NULL,
    "triggerCount" integer NOT NULL DEFAULT 0,
    id varchar(36) PRIMARY KEY,
    meta json,
    "parentFolderId" varchar(36) DEFAULT NULL,
    "isArchived" boolean NOT NULL DEFAULT false,
    "versionCounter" integer NOT NULL DEFAULT 1,
    description text,
    "activeVersionId" varchar(36)
);
"""

_EXECUTIONS: LiteralString = """
CREATE TABLE execution_entity (
    id serial PRIMARY KEY,
    finished boolean NOT NULL,
    mode varchar NOT NULL,
    "retryOf" varchar,
    "retrySuccessId" varchar,
    "startedAt" timestamptz(3),
    "stoppedAt" timestamptz(3),
    "waitTill" timestamptz(3),
    status varchar NOT NULL,
    "workflowId" varchar(36) NOT NULL REFERENCES workflow_entity (id) ON DELETE CASCADE,
    "deletedAt" timestamptz(3),
    "createdAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
);
CREATE INDEX ON execution_entity ("workflowId", "startedAt") WHERE "startedAt" IS NOT NULL AND "deletedAt" IS NULL;
CREATE INDEX ON execution_entity ("stoppedAt", status, "deletedAt")
    WHERE "stoppedAt" IS NOT NULL AND "deletedAt" IS NULL;
CREATE INDEX ON execution_entity ("deletedAt");
CREATE TABLE execution_data (
    "executionId" integer PRIMARY KEY REFERENCES execution_entity (id) ON DELETE CASCADE,
    "workflowData" json NOT NULL,
    data text NOT NULL
);
CREATE TABLE execution_metadata (
    id serial PRIMARY KEY,
    "executionId" integer NOT NULL REFERENCES execution_entity (id) ON DELETE CASCADE,
    key varchar(255) NOT NULL,
    value text NOT NULL
);
CREATE TABLE binary_data (
    "fileId" uuid PRIMARY KEY,
    "sourceType" varchar(50) NOT NULL,
    "sourceId" varchar(255) NOT NULL,
    data bytea NOT NULL,
    "mimeType" varchar(255),
    "fileName" varchar(255),
    "fileSize" integer NOT NULL,
    "createdAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    "updatedAt" timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
);
"""

_ONLY_1: LiteralString = """
ALTER TABLE binary_data ADD CHECK ("sourceType" IN ('execution', 'chat_message_attachment'));
"""

_ONLY_2: LiteralString = """
ALTER TABLE workflow_entity
    ADD COLUMN "nodeGroups" json NOT NULL DEFAULT '[]',
    ADD COLUMN "sourceWorkflowId" varchar;
ALTER TABLE execution_entity
    ADD COLUMN "storedAt" varchar(2) NOT NULL DEFAULT 'db' CHECK ("storedAt" IN ('db', 'fs', 's3', 'az')),
    ADD COLUMN "tracingContext" json,
    ADD COLUMN "deduplicationKey" varchar(255),
    ADD COLUMN "jsonSizeBytes" bigint NOT NULL DEFAULT 0,
    ADD COLUMN "workflowVersionId" varchar(36) DEFAULT NULL,
    ADD COLUMN "binaryDataSizeBytes" bigint NOT NULL DEFAULT 0,
    ADD COLUMN "usedPrivateCredentials" boolean NOT NULL DEFAULT false;
ALTER TABLE execution_data ADD COLUMN "workflowVersionId" varchar(36);
ALTER TABLE binary_data ADD CHECK (
    "sourceType" IN ('execution', 'chat_message_attachment', 'agent_file', 'agent_chat_attachment')
);
"""

_INSERT_WORKFLOW: LiteralString = """
INSERT INTO workflow_entity (name, active, nodes, connections, settings, "versionId", "triggerCount", id)
VALUES (%(name)s, true, %(nodes)s, %(connections)s, %(settings)s, %(version_id)s, 1, %(id)s)
ON CONFLICT (id) DO NOTHING
"""


def create_tables(conn: psycopg.Connection[object], version: Version) -> None:
    """Create n8n's tables in an empty database and insert the workflows, in one transaction."""
    with conn.transaction():
        conn.execute(_WORKFLOW_ENTITY)
        conn.execute(_EXECUTIONS)
        conn.execute(_ONLY_1 if version == 1 else _ONLY_2)
        insert_workflow(conn, WATCHED_WORKFLOW_ID, WORKFLOW_NAME)
        insert_workflow(conn, FOREIGN_WORKFLOW_ID, "Informe diario (no es de cámaras)")


def insert_workflow(conn: psycopg.Connection[object], workflow_id: str, name: str) -> None:
    workflow = WORKFLOWS["yolo"]
    conn.execute(
        _INSERT_WORKFLOW,
        {
            "name": name,
            "nodes": Json(list(workflow.nodes.values())),
            "connections": Json(workflow.connections),
            "settings": Json(SETTINGS),
            "version_id": workflow.version_id,
            "id": workflow_id,
        },
    )


def detect_version(conn: psycopg.Connection[object]) -> Version | None:
    """1 or 2 by the columns of the execution_entity found; None where there is no such table."""
    names = (
        conn.cursor(row_factory=scalar_row)
        .execute(
            """
        SELECT column_name
        FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = 'execution_entity'
        """
        )
        .fetchall()
    )
    if not names:
        return None
    return 2 if "storedAt" in names else 1
