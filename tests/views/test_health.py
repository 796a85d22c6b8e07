"""The state of the machinery: never fine with a dead part, and every trouble with its beginning and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from tests.site import NOON, Site


def alive(site: Site, component: str, *, is_ok: bool = True, age_s: float = 1, detail: str | None = None) -> None:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    site.add("component_states", component=component, is_ok=is_ok, detail=detail, proof_at=at, since=at)


def test_without_n8n_it_says_what_to_configure(site: Site) -> None:
    page = site.get("/health")
    assert "No hay base de n8n configurada" in page
    assert "N8N_DB_HOST" in page


def test_a_part_in_trouble_has_its_reason(site: Site) -> None:
    alive(site, "listener", is_ok=False, detail="connection <refused>")
    alive(site, "sweep")
    page = site.get("/health")
    assert "connection &lt;refused&gt;" in page
    assert "Avisos de n8n" in page
    assert page.count('class="tile is-bad"') == 1


def test_a_reason_that_is_known_is_told_in_words_with_what_was_said_behind_it(site: Site) -> None:
    said = 'connection to server at "db", port 5432 failed: Connection refused'
    alive(site, "n8n", is_ok=False, detail=said)
    site.add("etl_jobs", execution_id=2, state="failed", last_error="n8n says <running>: the run is under way.")
    page = site.get("/health")
    assert "<summary>No atiende: rechaza la conexión.</summary>" in page
    assert "<summary>n8n dice que todavía no terminó.</summary>" in page
    assert "port 5432 failed: Connection refused</code>" in page
    assert "n8n says &lt;running&gt;" in page
    assert "the connection is refused" in site.get("/health?lang=en")


def test_an_old_proof_of_life_counts_as_dead(site: Site) -> None:
    alive(site, "sweep", age_s=3600)
    assert 'class="tile is-bad"' in site.get("/health")
    assert site.client.get("/healthz").status_code == 503


def test_a_part_that_has_no_word_is_shown_by_its_name(site: Site) -> None:
    alive(site, "flux <capacitor>")
    assert "flux &lt;capacitor&gt;" in site.get("/health")


def test_outages_have_a_beginning_and_an_end(site: Site) -> None:
    site.add(
        "outages", component="images", reason="No space left", started_at=NOON, ended_at=NOON + timedelta(seconds=70)
    )
    site.add("outages", component="n8n", reason="timeout", started_at=NOON + timedelta(hours=1))
    page = site.get("/health")
    assert "14:02:31 · 23 nov" in page
    assert "14:03:41 · 23 nov" in page
    assert "+70,0 s" in page
    assert "sigue" in page


def test_the_queue_and_what_was_parked_are_counted(site: Site) -> None:
    site.add("etl_jobs", execution_id=1, state="queued")
    site.add("etl_jobs", execution_id=2, state="failed")
    page = site.get("/health")
    assert "1 apartada después de varios intentos." in page
    assert "1 en cola" in page


def test_what_is_parked_has_its_reason_and_can_be_tried_again(site: Site) -> None:
    site.add("etl_jobs", execution_id=41, state="failed", last_error="The run data <cannot> be read")
    page = site.get("/health")
    assert "The run data &lt;cannot&gt; be read" in page
    assert 'href="/executions/41"' in page
    answer = site.client.post("/health/retry", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert site.query("SELECT state::text FROM etl_jobs") == [{"state": "queued"}]
    assert "Apartadas" not in site.get("/health")


def test_trying_again_is_for_our_own_pages_only(site: Site) -> None:
    site.add("etl_jobs", execution_id=41, state="failed")
    assert site.client.post("/health/retry", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert site.query("SELECT state::text FROM etl_jobs") == [{"state": "failed"}]


def test_our_own_reasons_are_in_the_readers_language(site: Site) -> None:
    alive(site, "listener", is_ok=False, detail="no sign of life")
    assert "No da señal de vida." in site.get("/health")
    assert "gives no sign of life" in site.get("/health?lang=en")


def test_the_probe_says_ok_and_nothing_else(client: FlaskClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.text, response.mimetype) == (200, "ok\n", "text/plain")


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_it_refuses_other_methods(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 405
