"""What every answer of the web process has in common, and what it says when something is missing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient

from config import Config
from saiweb import web
from saiweb.app import create_app
from saiweb.identity import SESSION_COOKIE
from saiweb.postgres import EmbeddedPostgres
from tests import site as sites
from tests.environment import OWNER
from tests.site import CheckedClient, Site


@pytest.fixture(scope="module")
def site(postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str) -> Generator[Site]:
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        site = sites.build(
            postgres,
            new_database(dashboard_template, OWNER),
            Path(folder),
            SAIWEB_DEMO="true",
            N8N_DB_HOST="/nowhere",
            N8N_PUBLIC_URL="https://n8n.example",
        )
        site.client = site.sign_in()
        yield site
        sites.close(site)


@pytest.fixture
def client(site: Site) -> FlaskClient:
    """A client that an admin is signed in with."""
    return site.sign_in()


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    """A client without cookies."""
    return site.app.test_client()


@pytest.fixture
def away(tmp_path: Path) -> FlaskClient:
    """The client of an application whose database does not answer: nobody can say whose session it has."""
    config = Config(db_host=str(tmp_path), db_password="x", data_path=tmp_path, image_cache_path=tmp_path)
    app = create_app(config, background=False)
    app.test_client_class = CheckedClient
    app.extensions["saiweb"].database._pool.timeout = 0.2
    client = app.test_client()
    client.set_cookie(SESSION_COOKIE, "0" * 43)
    return client


@pytest.mark.parametrize("path", ["/", "/health", "/healthz", "/nope", "/static/icons.svg"])
@pytest.mark.parametrize("asking", ["client", "stranger"])
def test_every_answer_forbids_what_is_inline_or_from_elsewhere(
    request: pytest.FixtureRequest, asking: str, path: str
) -> None:
    headers = request.getfixturevalue(asking).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/health", "/nope"])
def test_nothing_is_inline_in_a_page(client: FlaskClient, path: str) -> None:
    page = client.get(path).text
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:99999999"])
def test_a_foreign_host_gets_nothing(client: FlaskClient, host: str) -> None:
    response = client.get("/", headers={"Host": host})
    assert response.status_code == 400
    assert response.mimetype == "text/plain"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost"])
def test_this_machine_is_served(stranger: FlaskClient, host: str) -> None:
    assert stranger.get("/sign-in", headers={"Host": host}).status_code == 200


def test_pages_are_private_and_depend_on_their_reader(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert set(headers["Vary"].split(", ")) >= {"HX-Request", "Cookie", "Accept-Language"}


def test_static_files_may_be_kept_for_ever_under_their_hash_alone(client: FlaskClient) -> None:
    addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)', client.get("/").text)
    assert len(addresses) > 5
    for address in addresses:
        assert client.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable", address
    assert client.get("/static/css/base.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/css/base.css?v=0").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/../app.py").status_code == 404


def test_the_demo_says_that_it_is_one(client: FlaskClient) -> None:
    assert "Red de demostración" in client.get("/").text


def test_parts_that_never_gave_a_sign_are_in_trouble(client: FlaskClient) -> None:
    page = client.get("/health").text
    assert "nunca dio señal" in page
    assert "Todo llega" not in page
    assert client.get("/healthz").status_code == 503


def test_an_execution_leads_to_n8n(site: Site) -> None:
    site.add_execution(7, "none", retry_of=6)
    assert 'href="https://n8n.example/workflow/yDbfhooKemfhMIkC/executions/7"' in site.get("/executions/7")


@pytest.mark.parametrize(("lang", "words"), [("es", "No hay nada en esta dirección"), ("en", "There is nothing at")])
def test_error_pages_speak_both_languages(client: FlaskClient, lang: str, words: str) -> None:
    response = client.get(f"/nope?lang={lang}")
    assert response.status_code == 404
    assert words in response.text


@pytest.mark.parametrize("path", ["/", "/health", "/executions/7"])
def test_a_database_that_is_away_gives_a_page_that_tries_again(away: FlaskClient, path: str) -> None:
    response = away.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert '<meta http-equiv="refresh" content="5">' in response.text
    assert "La base de datos no responde" in response.text
    assert "/events" not in response.text


def test_the_probe_says_unavailable_while_the_database_is_away(away: FlaskClient) -> None:
    response = away.get("/healthz")
    assert (response.status_code, response.text) == (503, "unavailable\n")


def test_a_person_whom_nobody_can_recognise_is_not_asked_to_sign_in_again(away: FlaskClient) -> None:
    for path in ("/", "/events", "/images/0/7/thumb"):
        assert away.get(path, headers={"Accept": "text/html"}).status_code == 503
    assert away.get_cookie(SESSION_COOKIE) is not None


def test_the_door_stands_while_the_database_is_away(away: FlaskClient) -> None:
    away.delete_cookie(SESSION_COOKIE)
    assert away.get("/", headers={"Accept": "text/html"}).location == "/sign-in"
    assert away.get("/sign-in").status_code == 200
    assert away.post("/sign-in", data={"name": "ana", "password": "some password"}).status_code == 503


def test_signing_out_works_while_the_database_is_away(away: FlaskClient) -> None:
    response = away.post("/sign-out")
    assert response.status_code == 303
    assert away.get_cookie(SESSION_COOKIE) is None
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_a_failed_change_leads_back_to_a_page_that_exists(away: FlaskClient) -> None:
    response = away.post("/alerts/acknowledge", data={"ids": "7"})
    assert response.status_code == 503
    assert 'content="5;url=/"' in response.text


@pytest.mark.parametrize("path", ["/", "/nope"])
def test_htmx_gets_a_notice_instead_of_an_error_page(away: FlaskClient, path: str) -> None:
    response = away.get(path, headers={"HX-Request": "true"})
    assert response.status_code in (404, 503)
    assert (response.headers["HX-Retarget"], response.headers["HX-Reswap"]) == ("#notice", "innerHTML")
    assert response.text.startswith('<p class="banner')


def test_an_unexpected_failure_is_a_page_without_detail(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("saiweb.views.stage.executions.get", fail)
    response = site.sign_in().get("/executions/7")
    assert response.status_code == 500
    assert "Algo falló acá adentro" in response.text
    assert "secret" not in response.text
    assert site.get("/health")  # the connection went back whole


def test_a_page_only_reads(site: Site) -> None:
    with site.app.test_request_context("/"):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            web.conn().execute(
                "CREATE TEMPORARY SEQUENCE x; SELECT nextval('x'); INSERT INTO cameras VALUES ('a', 'b')"
            )
        web.close_conn(RuntimeError())
    with site.app.test_request_context("/", method="POST"):
        web.conn().execute("INSERT INTO cameras (device_id, camera_id) VALUES ('a', 'b')")
        web.close_conn()
    assert site.query("SELECT device_id FROM cameras") == [{"device_id": "a"}]


def test_a_change_is_undone_when_the_request_fails(site: Site) -> None:
    with site.app.test_request_context("/", method="POST"):
        web.conn().execute("INSERT INTO cameras (device_id, camera_id) VALUES ('gone', 'b')")
        web.close_conn(RuntimeError())
    assert site.query("SELECT device_id FROM cameras WHERE device_id = 'gone'") == []
