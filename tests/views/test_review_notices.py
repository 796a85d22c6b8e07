"""Notices of deadlines: in the navigation of every page of whoever they are for, and nowhere else."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from flask.testing import FlaskClient

from saiweb.realtime import topics
from saiweb.review_records import Review
from tests.review_site import Desk
from tests.site import Site

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    found.person("elena")
    found.person("ernesto")
    return found


def notice(desk: Desk, review: Review, kind: Literal["half_time", "deadline", "escalated"] = "deadline") -> int:
    """Write a notice of this review for its expert, or for the admins where it was escalated."""
    return desk.site.query(
        """
        INSERT INTO review_notices (review_id, kind, deadline, for_id, at)
        SELECT id, %s, deadline, CASE WHEN %s <> 'escalated' THEN expert_id END, now() FROM expert_reviews WHERE id = %s
        RETURNING id
        """,
        kind,
        kind,
        review.id,
    )[0]["id"]


def count(client: FlaskClient, path: str = "/") -> str:
    """Return what the navigation says of reviews."""
    found = re.search(r'<span class="n[^>]*id="reviews-top".*?</span></span>', client.get(path).text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split()) if found else ""


def test_every_page_of_the_expert_says_it_and_no_other_page(desk: Desk) -> None:
    review = desk.review("elena")
    notice(desk, review)
    notice(desk, review, "half_time")
    for path in ("/", "/executions", "/health", f"/executions/{review.execution_id}"):
        assert count(desk.client("elena"), path) == "1 pendientes, 2 avisos", path
    assert "aviso" not in count(desk.client("ernesto"))
    assert "aviso" not in count(desk.site.sign_in("admin"))
    for text in (desk.site.sign_in("viewer").get("/").text, desk.site.app.test_client().get("/sign-in").text):
        assert "reviews-top" not in text
        assert "region-reviews" not in text


def test_admins_are_told_of_what_is_escalated(desk: Desk) -> None:
    notice(desk, desk.review("elena"), "escalated")
    assert count(desk.site.sign_in("admin")).endswith("1 aviso")
    assert "aviso" not in count(desk.client("elena"))


def test_a_new_one_comes_as_a_toast_several_as_one(desk: Desk) -> None:
    client = desk.client("elena")
    first = notice(desk, desk.review("elena"))
    one = client.get(f"/reviews/standing?after={first - 1}", headers=HTMX).text
    assert "Venció" in one
    assert f'id="review-notice-{first}"' in one
    assert "toast" not in client.get(f"/reviews/standing?after={first}", headers=HTMX).text
    assert "toast" not in client.get("/reviews/standing", headers=HTMX).text
    notice(desk, desk.review("elena"))
    assert "2 avisos de revisiones" in client.get(f"/reviews/standing?after={first - 1}", headers=HTMX).text
    assert "toast" not in desk.client("ernesto").get("/reviews/standing?after=0", headers=HTMX).text
    assert desk.site.sign_in("viewer").get("/reviews/standing?after=0", headers=HTMX).status_code == 403


def test_a_notice_is_seen_by_whom_it_is_for(desk: Desk) -> None:
    number = notice(desk, desk.review("elena"))
    see = f"/reviews/notices/{number}/see"
    assert desk.client("ernesto").post(see).status_code == 404
    assert desk.site.sign_in("admin").post(see).status_code == 404
    assert desk.client("elena").post("/reviews/notices/999999/see").status_code == 404
    answer = desk.client("elena").post(see, headers=HTMX)
    assert "aviso" not in answer.text
    assert f"#review-notice-{number}" in answer.text
    assert "aviso" not in count(desk.client("elena"))
    assert desk.client("elena").post(see).status_code == 303  # twice is once


def test_what_is_done_needs_no_notice(desk: Desk) -> None:
    review = desk.review("elena")
    notice(desk, review)
    desk.site.change(
        "UPDATE expert_reviews SET status = 'completed', completed_at = now(), is_superseded = true WHERE id = %s",
        review.id,
    )
    assert "aviso" not in count(desk.client("elena"))
    desk.settle()
    assert desk.site.query("SELECT seen_at IS NOT NULL AS is_seen, seen_by FROM review_notices") == [
        {"is_seen": True, "seen_by": None}
    ]


def test_a_reminder_alone_is_news(desk: Desk) -> None:
    review = desk.review("elena")
    with desk.conn() as conn:
        before = dict(topics.read_reviews(conn, desk.site.config, None))
    notice(desk, review)
    with desk.conn() as conn:
        assert dict(topics.read_reviews(conn, desk.site.config, None)) != before
