"""The web application over a database of its own, with rows put in as the ETL would, for tests of what people see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import html5lib
import psycopg
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from werkzeug.test import TestResponse

from config import Config
from saiweb import notify
from saiweb.app import create_app
from saiweb.db import Database
from saiweb.identity import SESSION_COOKIE
from saiweb.permissions import Role
from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import users
from saiweb.services.image_store import ImageStore, StoredImage
from saiweb.services.sessions import Sessions
from saiweb.web import SAFE_METHODS
from tests.environment import OWNER, jpeg

TABLES = (
    "execution_detections",
    "execution_notifications",
    "execution_images",
    "execution_analysis",
    "executions",
    "execution_keys",
    "cameras",
    "etl_jobs",
    "component_states",
    "outages",
    "users",
    "recovery_codes",
    "kiosks",
    "sessions",
    "one_time_links",
    "access_requests",
    "sign_in_throttles",
    "expert_profiles",
    "expert_hours",
    "expert_absences",
    "expert_keys",
    "settings",
    "person_preferences",
    "saved_searches",
    "activity_log",
    "search_rows",
    "search_changes",
    "search_months",
    "search_pairs",
    "search_kinds",
    "search_places",
    "review_cases",
    "gold_items",
    "expert_reviews",
    "review_deadlines",
    "review_drafts",
    "review_notices",
    "review_assessments",
)
NOON = datetime(2026, 11, 23, 17, 2, 31, tzinfo=UTC)  # 14:02:31 in Córdoba


class CheckedClient(FlaskClient):
    """Parses every HTML answer by the letter of the standard, and posts as a page of ours does."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Sec-Fetch-Site", "same-origin")
        if kwargs.get("method") not in (None, *SAFE_METHODS) and not args[1:]:
            headers.setdefault("X-CSRFToken", self._token())
        kwargs.setdefault("buffered", True)
        response = super().open(*args, headers={k: v for k, v in headers.items() if v is not None}, **kwargs)
        if response.mimetype == "text/html" and "Content-Encoding" not in response.headers:
            check_html(response.text)
        return response

    def _token(self) -> str:
        """Return what a page of ours would have in its forms."""
        with self.session_transaction() as session:
            raw: str = session.setdefault("csrf_token", "0" * 40)
        return URLSafeTimedSerializer(str(self.application.secret_key), salt="wtf-csrf-token").dumps(raw)


def check_html(text: str) -> None:
    """Fail on whatever a strict parser complains about, and on ids that stand twice."""
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    is_page = text.lstrip().lower().startswith("<!doctype")
    tree = cast("Any", parser.parse(text) if is_page else parser.parseFragment(text))
    assert not parser.errors, [(position, code, data) for position, code, data in parser.errors][:3]
    ids: list[str] = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), f"ids stand twice: {sorted({one for one in ids if ids.count(one) > 1})}"


@dataclass
class Site:
    """The application, its client, and a way to fill its database."""

    app: Flask
    config: Config
    owner_conninfo: str
    superuser_conninfo: str
    images: ImageStore
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def add_person(self, username: str, role: Role = "viewer", **columns: Any) -> UUID:
        """Put in a person without a password, unless a hash is given."""
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            return users.add(conn, username=username, full_name=username.title(), role=role, **columns)

    def session_token(self, role: Role = "admin", *, username: str | None = None, **columns: Any) -> str:
        """Begin a session of somebody of this role, put in if need be; returns what its cookie holds."""
        username = username or f"some-{role}"
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            account = users.find_by_name(conn, username)
        user_id = self.add_person(username, role, **columns) if account is None else account.id
        return self.begin_session(user_id=user_id)

    def sign_in(self, role: Role = "admin", *, username: str | None = None, **columns: Any) -> FlaskClient:
        """Return a client that is signed in as somebody of this role; whoever is not there yet is put in."""
        client = self.app.test_client()
        client.set_cookie(SESSION_COOKIE, self.session_token(role, username=username, **columns))
        return client

    def begin_session(self, **whose: UUID) -> str:
        """Begin a session of a person or a kiosk; returns what its cookie holds."""
        sessions: Sessions = self.app.extensions["saiweb"].sessions
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            token, _ = sessions.begin(conn, method="password", address="127.0.0.1", user_agent="tests", **whose)
        return token

    def get(self, path: str, **kwargs: Any) -> str:
        """Return the text of a page that must be there."""
        response = self.client.get(path, **kwargs)
        assert response.status_code == 200, response.text
        return response.text

    def clear(self) -> None:
        """Empty all tables: row by row, since few have any, and TRUNCATE makes the files of each anew (0.2 s)."""
        with psycopg.connect(self.superuser_conninfo, options="-c session_replication_role=replica") as conn:
            for table in TABLES:
                conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        self.app.extensions["saiweb"].sessions.forget_all()
        self.app.extensions.pop("gallery_places", None)

    def query(self, statement: str, *values: Any) -> list[DictRow]:
        with psycopg.Connection[DictRow].connect(self.config.dashboard_conninfo(), row_factory=dict_row) as conn:
            return conn.execute(statement.encode(), values).fetchall()

    def change(self, statement: str, *values: Any) -> None:
        """Change rows as the app's role may."""
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            conn.execute(statement.encode(), values)

    def add_execution(
        self,
        execution_id: int,
        risk: str | None = "none",
        *,
        at: datetime = NOON,
        boxes: Sequence[tuple[Any, ...]] = (),
        picture: bytes | None = None,
        image_state: str = "stored",
        image_reason: str | None = None,
        analysis: dict[str, Any] | None = None,
        notification: dict[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """Put in one execution; `risk` None: not analysed; `boxes` are (class, confidence, x, y, width, height)."""
        key = {"execution_id": execution_id, "execution_timestamp": at}
        row: dict[str, Any] = {
            "id": execution_id,
            "execution_timestamp": at,
            "completion_timestamp": at + timedelta(seconds=1),
            "duration_ms": 1000,
            "workflow_id": "yDbfhooKemfhMIkC",
            "status": "success",
            "mode": "webhook",
            "device_id": "sai-cam-node-03",
            "camera_id": "cam3",
            "location": "Molinari",
            "capture_timestamp": at - timedelta(seconds=2),
            "is_history": False,
            **columns,
        }
        analysed: dict[str, Any] = {
            **key,
            "risk_level": risk,
            "risk_source": None if risk is None else "derived",
            "alert_priority": None if risk is None else "low",
            "detection_count": None if risk is None else len(boxes),
            "can_alarm": not row["is_history"],
            **(analysis or {}),
        }
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            conn.execute("SELECT ensure_partitions(%s)", [at])
            _insert(conn, "execution_keys", {**key, "source_created_at": at})
            _insert(conn, "executions", row)
            _insert(conn, "execution_analysis", analysed)
            _insert(conn, "execution_images", {**key, **self._image(execution_id, picture, image_state, image_reason)})
            _insert(conn, "execution_notifications", {**key, **(notification or {})})
            for index, (name, confidence, *numbers) in enumerate(boxes):
                place = dict(zip(("x", "y", "width", "height"), numbers, strict=True))
                box = {"detection_index": index, "class_name": name, "confidence": confidence, **place}
                _insert(conn, "execution_detections", {**key, **box})
            # The parts came one by one; the ETL writes them with their execution, whose trigger then sees them all.
            conn.execute("SELECT refresh_search(%s, %s)", [at, execution_id])

    def store_picture(self, execution_id: int) -> None:
        """Let the picture of an execution that was put in without one come after all."""
        columns = self._image(execution_id, None, "stored", None)
        changes = ", ".join(f"{name} = %s" for name in columns)
        self.change(
            f"UPDATE execution_images SET {changes} WHERE execution_id = %s",  # noqa: S608 (names of ours)
            *columns.values(),
            execution_id,
        )

    def publish(self, channel: str, payload: int | str) -> None:
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            notify.publish(conn, channel, payload)

    def add(self, table: str, **columns: Any) -> None:
        with psycopg.connect(self.config.dashboard_conninfo()) as conn:
            _insert(conn, table, columns)

    def _image(self, execution_id: int, picture: bytes | None, state: str, reason: str | None) -> dict[str, Any]:
        if state != "stored":
            return {"state": state, "state_reason": reason}
        stored = self.images.store(execution_id, [picture or jpeg(seed=execution_id % 50)])
        assert isinstance(stored, StoredImage)
        names = ("original_path", "thumbnail_path", "sha256", "size_bytes", "width", "height", "format")
        return {"state": "stored", "state_reason": reason, **{name: getattr(stored, name) for name in names}}


def build(server: EmbeddedPostgres, database: str, folder: Path, **variables: str) -> Site:
    """Build the application of a migrated database; nothing runs beside it."""
    config = Config.from_env(
        {
            "SAIWEB_EMBEDDED_SOCKET": str(server.socket_dir),
            "SAI_DB_NAME": database,
            "SAI_DATA_PATH": str(folder),
            "IMAGE_CACHE_MIN_FREE": "1MB",
            **variables,
        }
    )
    app = create_app(config, background=False)
    app.test_client_class = CheckedClient
    store = ImageStore(config.image_cache_path, min_free_bytes=0)
    return Site(app, config, server.conninfo(database, OWNER), server.conninfo(database), store)


def close(site: Site) -> None:
    database: Database = site.app.extensions["saiweb"].database
    site.app.extensions["saiweb"].hub.close()
    database.close()


def _insert(conn: psycopg.Connection[Any], table: str, columns: dict[str, Any]) -> None:
    conn.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Placeholder, columns)),
        ),
        columns,
    )
