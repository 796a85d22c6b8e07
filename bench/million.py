"""A million executions over 13 months, made in SQL as the ETL would have left them, and kept for the next measurement.

Cameras are used unevenly, most executions show nothing, level, confidence, priority, classes, Telegram, attention and
reviews hang together, models follow each other, what a run did not say is NULL. Words of the assessments have a known
share: see WORDS.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, LiteralString, cast

import psycopg

from saiweb import db
from saiweb.demo.workflows import WATCHED_WORKFLOW_ID
from saiweb.embedded_databases import ensure_databases
from saiweb.postgres import EmbeddedPostgres
from tests.environment import APP, OWNER, REPOSITORY, build_n8n

ROWS: Final = 1_000_000
DAYS: Final = 395
FOLDER: Final = REPOSITORY / "build" / "million"
# share of the executions that have the word in their assessment, about
WORDS: Final = {
    "humo": 0.1,
    "nublado": 0.05,
    "ruta": 0.02,
    "helicóptero": 0.01,
    "aserradero": 0.01,
    "quincho": 0.001,
    "ñandú": 0.0001,
}
_FAST: Final = {"fsync": "off", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "work_mem": "128MB"}

_RAW: LiteralString = """
CREATE TEMPORARY TABLE raw AS
SELECT n AS id,
       date_trunc('second', now()) - make_interval(days => %(days)s)
           + make_interval(secs => floor(n * %(days)s * 86400.0 / %(rows)s) + (n %% 7 > 2)::int * random()) AS at,
       n::float8 / %(rows)s AS age,
       -- a few cameras send most
       floor(64 * power(random(), 2.2))::int AS camera,
       random() AS r1, random() AS r2, random() AS r3, random() AS r4, random() AS r5, random() AS r6, random() AS r7
FROM generate_series(1, %(rows)s) AS n
"""
_SHAPED: LiteralString = """
CREATE TEMPORARY TABLE shaped AS
SELECT *,
       CASE WHEN status <> 'success' OR r4 < 0.01 THEN NULL
            WHEN r3 < 0.004 THEN 'critical' WHEN r3 < 0.014 THEN 'high' WHEN r3 < 0.045 THEN 'medium'
            WHEN r3 < 0.11 THEN 'low' ELSE 'none' END::risk_level AS level,
       CASE WHEN age < 0.3 THEN 'llava:13b' WHEN age < 0.55 THEN 'qwen2.5vl:7b' WHEN age < 0.6 AND r5 < 0.5 THEN
            'qwen2.5vl:7b' WHEN age < 0.85 THEN 'yolo-sai-v3' ELSE 'yolo-sai-v4' END AS model
FROM (
    SELECT *,
           CASE WHEN r2 < 0.015 THEN 'error' WHEN r2 < 0.021 THEN 'crashed' WHEN r2 < 0.024 THEN 'canceled'
                ELSE 'success' END AS status
    FROM raw
) AS with_status
"""
_ANALYSED: LiteralString = """
CREATE TEMPORARY TABLE analysed AS
SELECT *,
       CASE level WHEN 'none' THEN CASE WHEN r5 < 0.3 THEN round((r6 * 0.4)::numeric, 3) END
                  WHEN 'low' THEN round((0.3 + r6 * 0.3)::numeric, 3)
                  WHEN 'medium' THEN round((0.4 + r6 * 0.35)::numeric, 3)
                  WHEN 'high' THEN round((0.55 + r6 * 0.4)::numeric, 3)
                  WHEN 'critical' THEN round((0.7 + r6 * 0.3)::numeric, 3) END::float8 AS confidence,
       CASE level WHEN 'none' THEN CASE WHEN r7 < 0.02 THEN '{person}' WHEN r7 < 0.03 THEN '{vehicle}' ELSE '{}' END
                  WHEN 'low' THEN CASE WHEN r7 < 0.7 THEN '{smoke}' WHEN r7 < 0.9 THEN '{cloud}' ELSE '{dust}' END
                  WHEN 'medium' THEN CASE WHEN r7 < 0.9 THEN '{smoke}' ELSE '{smoke,vehicle}' END
                  WHEN 'high' THEN CASE WHEN r7 < 0.8 THEN '{smoke}' ELSE '{smoke,smoke,person}' END
                  WHEN 'critical' THEN CASE WHEN r7 < 0.4 THEN '{fire}' ELSE '{fire,smoke}' END
                  END::text[] AS classes,
       at < now() - interval '12 hours' AS is_old
FROM shaped
"""
_TABLES: tuple[LiteralString, ...] = (
    """
    SELECT ensure_partitions(month)
    FROM generate_series((SELECT min(at) FROM raw), now() + interval '1 month', interval '20 days') AS month
    """,
    "INSERT INTO execution_keys SELECT id, at, at FROM analysed",
    """
    INSERT INTO executions (id, execution_timestamp, workflow_id, completion_timestamp, duration_ms, status, mode,
                            camera_id, device_id, location, capture_timestamp, is_history, heard_at, loaded_at,
                            error_node)
    SELECT id, at, 'yDbfhooKemfhMIkC', at + make_interval(secs => 1 + r6 * 4), (1000 + r6 * 4000)::int, status,
           'webhook',
           CASE WHEN r1 > 0.004 THEN 'cam' || 1 + camera %% 4 END,
           CASE WHEN r1 > 0.006 THEN 'sai-cam-node-' || lpad((1 + camera / 4)::text, 2, '0') END,
           CASE WHEN r1 > 0.01 THEN (ARRAY['Molinari', 'La Falda', 'Cosquín', 'Capilla del Monte', 'Villa Giardino',
               'Huerta Grande', 'Bialet Massé', 'Santa María', 'Valle Hermoso', 'La Cumbre'])[1 + camera / 4 %% 10] END,
           CASE WHEN r1 < 0.97 THEN at - make_interval(secs => r5 * 3) END, false, at, at,
           CASE WHEN status = 'error' THEN 'Analizar imagen' END
    FROM analysed ORDER BY at, id
    """,
    """
    INSERT INTO execution_analysis (execution_id, execution_timestamp, risk_level, risk_source, confidence_score,
                                    alert_priority, smoke_detected, flame_detected, detection_count, model_name,
                                    processing_time_ms, assessment, can_alarm, acknowledged_at)
    SELECT id, at, level, CASE WHEN level IS NOT NULL THEN
               CASE WHEN model LIKE 'yolo%%' THEN 'derived' ELSE 'stated' END END::risk_source,
           confidence,
           CASE WHEN level = 'critical' THEN 'critical'
                WHEN level = 'high' THEN CASE WHEN confidence >= 0.9 THEN 'critical' ELSE 'high' END
                WHEN level = 'medium' THEN 'normal' WHEN level IS NOT NULL THEN 'low' END::alert_priority,
           'smoke' = ANY(classes), 'fire' = ANY(classes), cardinality(classes),
           CASE WHEN level IS NOT NULL AND r2 < 0.98 THEN model END,
           CASE WHEN level IS NOT NULL THEN 80 + r6 * 900 END,
           CASE WHEN level IS NOT NULL AND r1 < 0.985 THEN concat_ws(' ',
               (ARRAY['Se observa un paisaje serrano despejado', 'La imagen muestra monte bajo y pastizal seco',
                      'Vista del valle con buena visibilidad',
                      'Cámara orientada hacia el cerro'])[1 + floor(r2 * 997)::int %% 4],
               CASE WHEN level IN ('none') THEN 'sin indicios de incendio'
                    ELSE 'con una posible columna de humo sobre la ladera' END,
               CASE WHEN r4 > 0.95 THEN 'y cielo nublado' END,
               CASE WHEN r5 BETWEEN 0.4 AND 0.42 THEN 'cerca de la ruta' END,
               CASE WHEN r6 BETWEEN 0.3 AND 0.31 THEN 'pasa un helicóptero' END,
               CASE WHEN r7 BETWEEN 0.5 AND 0.51 THEN 'detrás del aserradero' END,
               CASE WHEN r7 BETWEEN 0.6 AND 0.601 THEN 'junto al quincho' END,
               CASE WHEN r6 BETWEEN 0.7 AND 0.7001 THEN 'y un ñandú' END,
               'sector ' || 1 + floor(r5 * 40)::int) || '.' END,
           true,
           CASE WHEN level IN ('critical', 'high') AND is_old AND r4 < 0.97 THEN at + interval '4 minutes' END
    FROM analysed ORDER BY at, id
    """,
    """
    INSERT INTO execution_detections (execution_id, execution_timestamp, detection_index, class_name, confidence,
                                      x, y, width, height)
    SELECT id, at, place - 1, name, confidence, 100 + 500 * r1, 80 + 300 * r2, 40 + 100 * r3, 40 + 80 * r4
    FROM analysed, unnest(classes) WITH ORDINALITY AS one (name, place)
    """,
    """
    INSERT INTO execution_images (execution_id, execution_timestamp, state, state_reason, original_path,
                                  thumbnail_path, sha256, size_bytes, width, height, format, extracted_at)
    SELECT id, at, state, CASE WHEN state <> 'stored' THEN 'no data' END,
           CASE WHEN state = 'stored' THEN format('by-execution/%%s/%%s/original.jpg', id / 1000, id) END,
           CASE WHEN state = 'stored' THEN format('by-execution/%%s/%%s/thumbnail.webp', id / 1000, id) END,
           CASE WHEN state = 'stored' THEN md5(id::text) || md5('x' || id) END, 150000, 1920, 1080,
           CASE WHEN state = 'stored' THEN 'jpeg' END, at + interval '2 seconds'
    FROM (
        SELECT id, at, CASE WHEN r6 < 0.015 OR status = 'crashed' THEN 'missing' WHEN r6 < 0.025 THEN 'unreachable'
                            WHEN r6 < 0.028 THEN 'rejected' ELSE 'stored' END::image_state AS state
        FROM analysed WHERE r2 > 0.001
    ) AS pictures ORDER BY at, id
    """,
    """
    INSERT INTO execution_notifications (execution_id, execution_timestamp, telegram_sent, telegram_sent_at,
                                         telegram_error)
    SELECT id, at, sent, CASE WHEN sent THEN at + interval '1 second' END,
           CASE WHEN NOT sent AND level IN ('critical', 'high') THEN 'chat not found' END
    FROM (SELECT id, at, level, CASE WHEN status = 'canceled' THEN NULL
                                     WHEN level IN ('critical', 'high') THEN r5 < 0.97 ELSE false END AS sent
          FROM analysed) AS told
    """,
    """
    INSERT INTO cameras (device_id, camera_id, location, last_seen_at)
    SELECT device_id, camera_id, max(location), max(execution_timestamp) FROM executions
    WHERE device_id IS NOT NULL AND camera_id IS NOT NULL GROUP BY 1, 2
    """,
)
_REVIEWED: LiteralString = """
INSERT INTO review_cases (execution_id, execution_timestamp, detected_at, reason, risk_level, state, outcome_level,
                          outcome_source, closed_at)
SELECT id, at, at, level::text, level, CASE WHEN is_done THEN 'closed' ELSE 'open' END::review_case_state, outcome,
       CASE WHEN NOT is_done THEN NULL WHEN outcome IS NULL THEN 'undecided' ELSE 'single' END,
       CASE WHEN is_done THEN at + interval '3 hours' END
FROM (
    SELECT *, CASE WHEN is_done AND r7 > 0.02 THEN CASE WHEN r6 < 0.35 THEN 'none' ELSE level END END AS outcome
    FROM (SELECT *, is_old AND r5 < 0.98 AS is_done FROM analysed WHERE level >= 'high') AS risky
) AS judged
"""


@contextmanager
def running() -> Generator[EmbeddedPostgres]:
    """Start the server that holds the million, made first if need be; `sai_dashboard` is the database."""
    folder = FOLDER / _mark()
    server = EmbeddedPostgres(folder / "postgres")
    if not (folder / "done").exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(EmbeddedPostgres(folder / "postgres", settings=_FAST))
        (folder / "done").touch()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _mark() -> str:
    """Return what changes when the data or the schema does."""
    text = Path(__file__).read_text() + "".join(one.text for one in db.load_migrations())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _make(server: EmbeddedPostgres) -> None:
    begun = time.monotonic()
    server.start()
    ensure_databases(server.conninfo("postgres"), {"sai_dashboard": OWNER})
    conninfo = server.conninfo("sai_dashboard", OWNER)
    # Migrations of the search meet rows as on a house that was in use.
    _migrate_until(conninfo, "add_search")
    with psycopg.connect(server.conninfo("sai_dashboard"), autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # neither foreign keys nor triggers: rows are right
        conn.execute("SELECT setseed(0.42)")
        for statement in (_RAW, _SHAPED, _ANALYSED, *_TABLES):
            conn.execute(statement, {"rows": ROWS, "days": DAYS})
            _say(begun, statement.split("(")[0].split("\n")[-1].strip()[:40])
        _migrate_until(conninfo, "search_reviews")
        conn.execute(_REVIEWED)
    db.migrate(conninfo, app_role=APP)
    _say(begun, "migrated")
    build_n8n(server, "n8n", version=1, workflow_ids=[WATCHED_WORKFLOW_ID])
    with psycopg.connect(server.conninfo("sai_dashboard"), autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE)")
    _say(begun, "vacuumed")
    server.stop()


def _migrate_until(conninfo: str, name: str) -> None:
    migrations = db.load_migrations()
    index = next(number for number, one in enumerate(migrations) if one.name == name)
    with psycopg.connect(conninfo) as conn:
        conn.execute("""
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
        """)
        row = conn.execute("SELECT count(*) FROM schema_migrations").fetchone()
        for one in migrations[row[0] if row else 0 : index]:
            conn.execute(cast("LiteralString", one.text))
            conn.execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                [one.version, one.name, one.sha256],
            )


def _say(begun: float, what: str) -> None:
    sys.stderr.write(f"million: {time.monotonic() - begun:5.0f} s  {what}\n")


if __name__ == "__main__":
    with running() as made:
        print(made.conninfo("sai_dashboard", APP))
