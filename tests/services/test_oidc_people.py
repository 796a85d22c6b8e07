"""Two windows of the same new person, at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from config import Config
from saiweb.postgres import EmbeddedPostgres
from saiweb.services import oidc_people
from saiweb.services.oidc import Identified
from tests import environment
from tests.waiting import until

ANA = Identified(
    issuer="https://id.example.org",
    subject="1",
    username="ana",
    email=None,
    full_name="Ana Paz",
    role="viewer",
)
CONFIG = Config.from_env(
    {
        "OIDC_ISSUER": ANA.issuer,
        "OIDC_CLIENT_ID": "saiweb",
        "OIDC_ROLE_CLAIM": "roles",
        "OIDC_ROLE_MAP": "sai-viewer=viewer",
        "OIDC_APPROVAL": "without-role",
    }
)


def test_two_first_sign_ins_make_one_person_and_let_in_both(
    postgres: EmbeddedPostgres, new_database: Callable[..., str], dashboard_template: str
) -> None:
    conninfo = postgres.conninfo(new_database(dashboard_template, environment.OWNER), environment.APP)
    with psycopg.connect(conninfo) as first, psycopg.connect(conninfo) as second, psycopg.connect(conninfo) as third:
        third.autocommit = True
        one = oidc_people.settle(first, CONFIG, ANA)
        with ThreadPoolExecutor() as pool:
            later = pool.submit(oidc_people.settle, second, CONFIG, ANA)
            until(lambda: third.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
            first.commit()
            other = later.result(10)
        second.commit()
        assert one.account is not None
        assert other.account is not None
        assert (other.state, other.account.id) == ("known", one.account.id)
