"""The page of components: there beside the demo network, and nowhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from saiweb.postgres import EmbeddedPostgres
from tests import site as sites
from tests.site import Site


@pytest.fixture
def demo(site: Site, postgres: EmbeddedPostgres) -> Generator[Site]:
    """The same place as the demo network runs beside it, where an admin is signed in."""
    with tempfile.TemporaryDirectory(prefix="saiweb-test-") as folder:
        other = sites.build(postgres, site.config.db_name, Path(folder), SAIWEB_DEMO="true")
        other.client = other.sign_in("admin")
        yield other
        sites.close(other)


def test_it_shows_everything_in_both_themes(demo: Site) -> None:
    page = demo.get("/styleguide")
    for theme in ("dark", "light"):
        assert page.count(f'<section class="theme" data-theme="{theme}"') == 1
    pieces = ("lv tag", "n hot", "due past", "btn fire", "chip on", "seg", "pill", "toast", "skel", "stale", "ledger")
    for piece in pieces:
        assert page.count(f'class="{piece}') >= 2, piece


def test_it_is_not_there_without_the_demo(site: Site) -> None:
    assert site.client.get("/styleguide").status_code == 404
