"""Who else opened a review a moment ago, in words that are true of what is known."""

from __future__ import annotations

import pytest

from saiweb.views.reviews import presence
from tests.review_site import Desk
from tests.site import Site

SELF, SOMEBODY = "También la abriste en otra sesión", "Otra persona la abrió hace un momento"


@pytest.fixture
def desk(site: Site) -> Desk:
    site.app.extensions.pop("review_presence", None)
    found = Desk(site)
    found.person("elena")
    return found


def test_ones_own_second_session_is_no_other_person(desk: Desk) -> None:
    path = f"/reviews/{desk.review('elena').id}"
    first, second = desk.client("elena"), desk.client("elena")
    assert SELF not in first.get(path).text
    assert SELF not in first.get(path).text  # nor is the same page once more
    page = second.get(path).text
    assert SELF in page
    assert SOMEBODY not in page
    assert SELF not in second.get(f"/reviews/{desk.review('elena').id}").text


def test_the_expert_and_an_admin_are_told_of_each_other(desk: Desk) -> None:
    path = f"/reviews/{desk.review('elena').id}"
    expert, admin = desk.client("elena"), desk.site.sign_in("admin")
    assert SOMEBODY not in admin.get(path).text
    assert SOMEBODY in expert.get(path).text
    assert SOMEBODY in admin.get(path).text


def test_it_is_forgotten_after_a_minute(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/reviews/{desk.review('elena').id}"
    desk.client("elena").get(path)
    monkeypatch.setattr(presence, "LASTS_S", 0.0)
    assert SELF not in desk.client("elena").get(path).text
