"""A link by mail for a forgotten password: the same answer to everybody, a mail to whom it belongs, not many."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.mailbox import Inbox, Server
from tests.reconfigured import reconfigure
from tests.site import Site
from tests.waiting import until

NEW = "una frase larga y rara"
ASKED = "Si hay una cuenta con ese nombre"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def mailing(site: Site, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Generator[Site]:
    """The application with a mail server."""
    server = Server(inbox)
    server.start()
    options = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_FROM": "saiweb@example.org"}
    reconfigure(site, monkeypatch, SMTP_SECURITY="none", **options)
    yield site
    server.stop()


def logged(site: Site) -> list[dict[str, Any]]:
    return site.query("SELECT actor, details FROM activity_log WHERE action = 'link.mail' ORDER BY id")


@pytest.mark.parametrize("name", ["ana", "ana@example.org", " Ana@Example.org "])
def test_the_link_that_is_mailed_chooses_a_new_password(
    mailing: Site, stranger: FlaskClient, inbox: Inbox, name: str
) -> None:
    mailing.add_person("ana", email="ana@example.org")
    page = stranger.post("/forgotten", data={"name": name})
    assert page.status_code == 200
    assert ASKED in page.text
    until(lambda: len(inbox.envelopes) == 1)
    message = inbox.only()
    assert message["To"] == "ana@example.org"
    found = re.search(r"/link#(\S+)", message.get_content())
    assert found
    assert found[1] not in page.text
    chosen = stranger.post("/link/password", data={"code": found[1], "password": NEW, "repeated": NEW})
    assert chosen.status_code == 303
    assert logged(mailing) == [{"actor": "ana", "details": {"purpose": "password"}}]


def test_nobody_learns_who_is_there(mailing: Site, stranger: FlaskClient, inbox: Inbox) -> None:
    mailing.add_person("ana", email="ana@example.org")
    mailing.add_person("luis")
    marta = mailing.add_person("marta", email="marta@example.org")
    mailing.add_person("juan", email="juan@example.org", oidc=("https://id.example.org", "1"))
    mailing.query("UPDATE users SET is_active = false WHERE id = %s RETURNING id", marta)
    names = ("nobody", "nobody@example.org", "luis", "marta", "juan", "ana")
    answers = [stranger.post("/forgotten", data={"name": name}) for name in names]
    assert {answer.status_code for answer in answers} == {200}
    texts = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert len(texts) == 1
    until(lambda: len(inbox.envelopes) == 1)
    assert inbox.only()["To"] == "ana@example.org"
    until(lambda: len(logged(mailing)) == 1)


def test_nobody_is_flooded_with_mails_whether_there_or_not(mailing: Site, stranger: FlaskClient) -> None:
    mailing.add_person("ana", email="ana@example.org")
    for name in ("ana", "nobody"):
        answers = [stranger.post("/forgotten", data={"name": name}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) > 60


def test_nonsense_is_refused(mailing: Site, stranger: FlaskClient, inbox: Inbox) -> None:
    for name in ("", "a" * 300, "ana\x00"):
        assert stranger.post("/forgotten", data={"name": name}).status_code == 422
    assert inbox.envelopes == []
