"""The list asked for reviews: what waits, what was confirmed or not; nothing of it before an expert has answered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from saiweb.queries import reviews
from saiweb.review_records import Review
from tests.review_site import Desk
from tests.site import Site
from tests.views.gallery_site import shown, words
from tests.views.test_review_pages import sign

CLOSED = "review=confirmed&review=false_alarm&review=undecided"


@pytest.fixture
def desk(site: Site) -> Desk:
    found = Desk(site)
    for name in ("elena", "ernesto", "elvira"):
        found.person(name)
    return found


def close(desk: Desk, review: Review, level: str | None) -> None:
    now = datetime.now(UTC)
    with desk.conn() as conn:
        reviews.supersede(conn, review.id, now)
        source = "undecided" if level is None else "admin"
        reviews.close(conn, review.execution_id, level=level, source=source, now=now)  # pyright: ignore[reportArgumentType]


def give_gold(desk: Desk, execution_id: int, name: str) -> Review:
    """Give somebody a closed case whose truth is known; returns the review."""
    [gold] = desk.site.query(
        "INSERT INTO gold_items (execution_id, risk_level, added_by) VALUES (%s, 'critical', %s) RETURNING id",
        execution_id,
        desk.people["elena"],
    )
    [review] = desk.site.query(
        """
        INSERT INTO expert_reviews (execution_id, opinion, gold_id, priority, asked_at, deadline, deadline_rule,
                                    expert_id, assigned_at)
        VALUES (%s, 2, %s, 1, now(), now() + interval '4 hours', 'second_opinion', %s, now())
        RETURNING id
        """,
        execution_id,
        gold["id"],
        desk.people[name],
    )
    return desk.get(review["id"])


@pytest.mark.parametrize(
    ("value", "word", "place"),
    [
        ("none", "Nadie la pidió", 0),
        ("waiting", "Por revisar", 1),
        ("confirmed", "Confirmadas", 2),
        ("false_alarm", "Falsas alarmas", 3),
        ("undecided", "Quedaron sin saberse", 4),
    ],
)
def test_each_state_is_a_choice_a_chip_and_a_list(desk: Desk, value: str, word: str, place: int) -> None:
    found = [desk.review("elena", "high") for _ in range(4)]
    for review, level in zip(found[1:], ("critical", "none", None), strict=True):
        close(desk, review, level)
    desk.site.add_execution(7, "low")
    page = desk.site.get(f"/executions?review={value}")
    assert shown(page) == [[7, *(one.execution_id for one in found)][place]]
    assert f'<input type="checkbox" name="review" value="{value}" checked>' in page
    assert f"Revisión: {word}" in words(page)
    assert "1 resultado " in words(page)


def test_closed_is_a_word_for_all_that_is_done(desk: Desk) -> None:
    close(desk, first := desk.review("elena", "high"), "none")
    desk.review("elena", "high")
    answer = desk.site.client.get("/executions?q=revisión:cerrada")
    assert answer.headers["Location"] == f"/executions?{CLOSED}"
    assert shown(desk.site.get(f"/executions?{CLOSED}")) == [first.execution_id]


def test_a_second_opinion_waits_for_everybody_until_it_is_given_and_the_case_is_closed(desk: Desk) -> None:
    first = desk.review("elena")
    before = {name: desk.client(name).get("/executions?review=waiting").text for name in desk.people}
    assert sign(desk.client("elena", is_open=True), first, "critical").status_code == 303
    second = desk.second(first, "ernesto")
    for name in desk.people:
        assert shown(before[name]) == [first.execution_id]
        assert shown(desk.client(name).get("/executions?review=waiting").text) == [first.execution_id]
        page = desk.client(name).get(f"/executions?{CLOSED}&review=none").text
        assert shown(page) == []
        assert "0 resultados" in words(page)
    assert sign(desk.client("ernesto", is_open=True), second, "critical").status_code == 303
    desk.settle()
    assert shown(desk.client("elvira").get("/executions?review=confirmed").text) == [first.execution_id]


def test_a_gold_item_waits_as_any_second_opinion_does(desk: Desk) -> None:
    close(desk, first := desk.review("elena"), "none")
    assert shown(desk.client("ernesto").get("/executions?review=false_alarm").text) == [first.execution_id]
    second = give_gold(desk, first.execution_id, "ernesto")
    for name in desk.people:
        assert shown(desk.client(name).get("/executions?review=waiting").text) == [first.execution_id]
        page = desk.client(name).get(f"/executions?{CLOSED}&review=none").text
        assert (shown(page), "0 resultados" in words(page)) == ([], True)
    assert sign(desk.client("ernesto", is_open=True), second, "critical").status_code == 303
    assert shown(desk.client("ernesto").get("/executions?review=false_alarm").text) == [first.execution_id]


def test_opened_again_it_waits_again(desk: Desk) -> None:
    close(desk, first := desk.review("elena"), "none")
    with desk.conn() as conn:
        reviews.reopen(conn, first.id, revision=2, is_kept=True)
        reviews.set_open(conn, first.execution_id)
    assert shown(desk.site.get("/executions?review=waiting")) == [first.execution_id]


def test_a_model_that_says_only_its_version_counts_as_that(site: Site) -> None:
    site.add_execution(1, "low", analysis={"model_name": None, "model_version": "10.0"})
    site.add_execution(2, "low", analysis={"model_name": "SAINet", "model_version": "10.0"})
    site.add_execution(3, "low", analysis={"model_name": None})
    assert shown(site.get("/executions?model=10.0")) == [1]
    assert shown(site.get("/executions?model=SAINet")) == [2]
    assert shown(site.get("/executions?model=unknown")) == [3]
