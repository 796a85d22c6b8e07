"""The page around the stage: the way back to the list, its neighbours, what can be done, and the history."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.site import NOON, Site

MINUTE = timedelta(minutes=1)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture
def listed(site: Site) -> Site:
    """1 high, 2 none, 3 high, 4 none, 5 high; a minute apart."""
    for number in range(1, 6):
        site.add_execution(number, "high" if number % 2 else "none", at=NOON + number * MINUTE)
    return site


def test_it_leads_through_the_list_that_it_was_opened_from(listed: Site) -> None:
    page = listed.get("/executions/3?in=level%3Dhigh")
    assert '<a class="btn ghost" href="/executions?level=high"' in page
    bar = page[page.index('id="viewer-bar"') : page.index('id="stage"')]
    assert re.findall(r'href="(/executions/\d+\?in=level%3Dhigh)" data-key="([jk])"', bar) == [
        ("/executions/5?in=level%3Dhigh", "k"),
        ("/executions/1?in=level%3Dhigh", "j"),
    ]


@pytest.mark.parametrize(
    ("listed_in", "number", "place"),
    [
        ("", 5, "1 de 5"),
        ("", 1, "5 de 5"),
        ("order=oldest", 1, "1 de 5"),
        ("level=high", 3, "2 de 3"),
        ("level=high", 4, None),
        ("order=confidence", 5, "~1 de 5"),
    ],
)
def test_it_says_where_in_the_list_it_is(listed: Site, listed_in: str, number: int, place: str | None) -> None:
    listed.change("UPDATE execution_analysis SET confidence_score = execution_id / 10.0")
    for one in range(1, 6):
        listed.change("SELECT refresh_search(%s, %s)", NOON + one * MINUTE, one)
    page = listed.get(f"/executions/{number}", query_string={"in": listed_in})
    found = re.search(r'<span class="place faint">([^<]*)</span>', page)
    assert (found[1] if found else None) == place


def test_at_the_end_of_the_list_there_is_nowhere_to_go(listed: Site) -> None:
    page = listed.get("/executions/5?in=level%3Dhigh")
    assert 'aria-disabled="true" data-key="k"' in page


def test_without_a_list_it_leads_to_all_executions(listed: Site) -> None:
    page = listed.get("/executions/3")
    assert '<a class="btn ghost" href="/executions" data-key="Escape"' in page
    assert 'data-key="j"' not in page


@pytest.mark.parametrize("odd", ["level=odd", "nonsense=1", "after=x", "level=high&level"])
def test_an_odd_list_is_refused_by_name(listed: Site, odd: str) -> None:
    response = listed.client.get("/executions/3", query_string={"in": odd})
    assert response.status_code == (200 if odd == "level=high&level" else 400)


def test_the_link_to_share_needs_no_script_and_no_list(listed: Site) -> None:
    assert 'href="/executions/3" data-copy="Enlace copiado"' in listed.get("/executions/3?in=level%3Dhigh")


def acts(page: str) -> str:
    begin = page.index('id="acts"')
    return words(page[begin - 20 : page.index("</main>", begin)])


def test_what_waits_can_be_claimed_and_marked_as_seen(site: Site) -> None:
    site.add_execution(7, "high", analysis={"can_alarm": True})
    expert = site.sign_in("expert", username="elena")
    page = expert.get("/executions/7").text
    assert "Tomar" in acts(page)
    assert "Sin ver" in acts(page)
    assert expert.post("/alerts/claim", data={"ids": "7"}).status_code == 303
    page = expert.get("/executions/7").text
    assert "Soltar" in acts(page)
    assert "La tiene Elena" in acts(page)
    assert "Elena la tomó" in words(page)
    assert "Tomar" not in acts(site.get("/executions/7"))
    assert expert.post("/alerts/acknowledge", data={"ids": "7"}).status_code == 303
    page = expert.get("/executions/7").text
    assert "<button" not in page[page.index('id="acts"') : page.index("</main>")]
    assert "Vista por Elena" in words(page)
    assert "Elena la vio" in words(page)


def test_the_answer_to_an_act_shows_the_stage_again(site: Site) -> None:
    site.add_execution(7, "high", analysis={"can_alarm": True})
    expert = site.sign_in("expert", username="elena")
    response = expert.post(
        "/alerts/claim", data={"ids": "7", "sel": "7", "place": "viewer"}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 200
    assert 'hx-target="#acts"' in response.text
    assert "La tiene Elena" in words(response.text)


def test_who_only_watches_can_do_nothing(site: Site) -> None:
    site.add_execution(7, "critical", analysis={"can_alarm": True})
    page = site.sign_in("viewer").get("/executions/7").text
    assert "<form" not in page[page.index('id="acts"') : page.index("</main>")]


def test_delays_that_nobody_knows_are_hatched_and_a_clock_ahead_says_so(site: Site) -> None:
    site.add_execution(7, "none", capture_timestamp=None, completion_timestamp=None)
    site.add_execution(8, "none", capture_timestamp=NOON + 180 * MINUTE)
    page = site.get("/executions/7")
    assert "captura a n8n no se sabe análisis no se sabe panel no se sabe" in words(page)
    assert page.count('<rect class="is-unknown"') == 3
    assert "captura a n8n −3,0 h, reloj adelantado" in words(site.get("/executions/8"))


def test_the_history_is_in_order(site: Site) -> None:
    site.add_execution(
        7,
        "high",
        heard_at=NOON + timedelta(seconds=2),
        loaded_at=NOON + timedelta(seconds=3),
        notification={"telegram_sent": True, "telegram_sent_at": NOON + timedelta(seconds=1)},
        analysis={"model_name": "SAINet", "model_version": "v10"},
    )
    text = words(site.get("/executions/7"))
    steps = [
        "La cámara tomó",
        "n8n empezó",
        "SAINet v10: alta",
        "Telegram entregó",
        "El panel oyó",
        "El panel la cargó",
    ]
    assert sorted(steps, key=text.index) == steps


def test_in_english(site: Site) -> None:
    site.add_execution(7, "high", analysis={"can_alarm": True})
    text = words(site.get("/executions/7?lang=en"))
    for sentence in ("The camera took the frame", "The dashboard loaded it"):
        assert sentence in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("**Fire** in __sight__", "<strong>Fire</strong> in <strong>sight</strong>"),
        ("2 ** 3 ** 4 and snake__case", "2 ** 3 ** 4 and snake__case"),
        ("# Result\nSee `cam1`", "Result\nSee cam1"),
        ("**<b onclick=x>**", "<strong>&lt;b onclick=x&gt;</strong>"),
        ("**<script>alert(1)</script>", "**&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_the_words_of_a_model_are_read_without_signs_and_never_as_markup(site: Site, said: str, shown: str) -> None:
    site.add_execution(7, "high", analysis={"assessment": said})
    assert f'<blockquote class="assessment">{shown}</blockquote>' in site.get("/executions/7")
