"""Attack: ids of what belongs to somebody else, in every route that takes one (IDOR).

Each route with a parameter stands in ATTACKS with what it must answer; a new one fails until somebody has decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from saiweb.permissions import Role
from saiweb.queries import reviews
from saiweb.records import Scope
from tests.attacks import routes
from tests.environment import jpeg
from tests.site import Site

OURS = {"Sec-Fetch-Site": "same-origin"}
OTHER_DEVICE: dict[str, Any] = {"device_id": "node-1", "camera_id": "cam1", "location": "Molinari"}


@dataclass
class Scene:
    """A site where luis has something of everything, and marta, who is restricted to a camera, attacks."""

    site: Site
    luis: UUID
    ids: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Who asks with which values (names of Scene.ids), and the answer; `unchanged` must return the same ever after."""

    role: Role
    values: dict[str, str]
    form: dict[str, str] = field(default_factory=dict[str, str])
    answer: int = 404
    unchanged: str = "SELECT 1"


ABSENCE = "SELECT cancelled_at FROM expert_absences"
SESSION = "SELECT ended_at, token_hash FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'luis')"
LUIS = "SELECT * FROM users WHERE username = 'luis'"
KIOSK = "SELECT revoked_at FROM kiosks"
LINKS = "SELECT count(*) FROM one_time_links"
# each with a form, and what an expert is answered who may not see the camera; 400: the form is looked at first
REVIEW_ACTS: tuple[tuple[str, dict[str, str], int], ...] = (
    ("show", {}, 404),
    ("claim", {}, 404),
    ("release", {}, 404),
    ("draft", {}, 404),
    ("verdict", {}, 400),
    ("key", {"secret": "x"}, 400),
    ("undo", {}, 404),
    ("park", {"note": "x"}, 404),
    ("escalate", {"note": "x"}, 404),
    ("evidence", {}, 404),
)
REVIEW = "SELECT * FROM expert_reviews ORDER BY id"
NOTICE = "SELECT seen_at FROM review_notices"
SEARCH = "SELECT name, removed_at FROM saved_searches"
REQUEST = "SELECT decided_at FROM access_requests"


def _of_admins(form: dict[str, str] | None = None, **values: str) -> list[Attack]:
    """An admin may touch everybody's, but not what does not exist; nobody else may at all, whoever's it is."""
    form = form or {}
    nothing = Attack(role="admin", values=dict.fromkeys(values, "nothing"), form=form, unchanged=LUIS)
    return [
        nothing,
        *(Attack(role=role, values=values, form=form, answer=403, unchanged=LUIS) for role in ("viewer", "expert")),
    ]


ATTACKS: dict[str, list[Attack]] = {
    "account.end_session": [
        Attack(role=role, values={"session_id": "session"}, unchanged=SESSION) for role in ("viewer", "expert", "admin")
    ],
    "expert_keys.download": [Attack(role=role, values={"key_id": "key"}) for role in ("viewer", "expert", "admin")],
    "profile.cancel_absence": [Attack(role="expert", values={"absence_id": "absence"}, unchanged=ABSENCE)],
    "executions.show": [Attack(role=role, values={"execution_id": "execution"}) for role in ("viewer", "expert")],
    **{
        f"executions.{name}": [Attack(role=role, values={"execution_id": "execution"}) for role in ("viewer", "expert")]
        for name in ("stage", "reel", "drawn", "sequence")
    },
    "searches.rename": [
        Attack(role=role, values={"search_id": "search"}, form={"name": "Mía"}, unchanged=SEARCH)
        for role in ("viewer", "expert", "admin")
    ],
    "searches.remove": [
        Attack(role=role, values={"search_id": "search"}, unchanged=SEARCH) for role in ("viewer", "expert", "admin")
    ],
    **{
        f"reviews.{name}": [
            Attack(role="expert", values={"review_id": "review"}, form=form, answer=answer, unchanged=REVIEW),
            Attack(role="viewer", values={"review_id": "review"}, form=form, answer=403, unchanged=REVIEW),
        ]
        for name, form, answer in REVIEW_ACTS
    },
    "reviews.see_notice": [
        Attack(role=role, values={"notice_id": "notice"}, unchanged=NOTICE) for role in ("expert", "admin")
    ],
    "reviews.ask": [Attack(role="expert", values={"execution_id": "execution"}, form={"why": "x"}, unchanged=REVIEW)],
    **{
        f"reviews.{name}": [
            Attack(role=role, values={"review_id": "review"}, form=form, answer=403, unchanged=REVIEW)
            for role in ("viewer", "expert")
        ]
        for name, form in (
            ("assign", {}),
            ("take_back", {"why": "x"}),
            ("set_deadline", {"why": "x"}),
            ("reopen", {"why": "x"}),
            ("ask_another", {"why": "x"}),
            ("decide", {"why": "x"}),
            ("add_gold", {"level": "none"}),
        )
    },
    "reviews.retire_reason": [Attack(role=role, values={"code": "word"}, answer=403) for role in ("viewer", "expert")],
    "reviews.retire_gold": [
        Attack(role=role, values={"gold_id": "nothing"}, answer=403) for role in ("viewer", "expert")
    ],
    "images.preview": [
        Attack(role="viewer", values={"execution_id": "execution", "sha256": "sha256", "width": "width"}),
        Attack(role="admin", values={"execution_id": "execution", "sha256": "other_sha256", "width": "width"}),
    ],
    "images.original": [
        Attack(role="viewer", values={"execution_id": "execution", "sha256": "sha256"}),
        Attack(role="admin", values={"execution_id": "execution", "sha256": "other_sha256"}),
    ],
    "images.thumb": [
        Attack(role="viewer", values={"execution_id": "execution", "sha256": "sha256"}),
        Attack(role="admin", values={"execution_id": "execution", "sha256": "other_sha256"}),
    ],
    "events.fragment": [Attack(role="admin", values={"topic_name": "word"})],
    "admin.view_as": [
        Attack(role="admin", values={"rank": "word"}),
        Attack(role="viewer", values={"rank": "admin_rank"}, answer=403),
        Attack(role="expert", values={"rank": "admin_rank"}, answer=403),
    ],
    "admin.cancel_absence": [
        Attack(role="admin", values={"user_id": "marta", "absence_id": "absence"}, unchanged=ABSENCE),
        *_of_admins(user_id="luis", absence_id="absence"),
    ],
    "admin.approve": [
        *_of_admins({"role": "viewer"}, request_id="request"),
        Attack(role="viewer", values={"request_id": "request"}, answer=403, unchanged=REQUEST),
    ],
    "admin.refuse": [
        *_of_admins(request_id="request"),
        Attack(role="viewer", values={"request_id": "request"}, answer=403, unchanged=REQUEST),
    ],
    "kiosks.renew": [
        *_of_admins(kiosk_id="kiosk"),
        Attack(role="viewer", values={"kiosk_id": "kiosk"}, answer=403, unchanged=LINKS),
    ],
    "kiosks.revoke": [
        *_of_admins(kiosk_id="kiosk"),
        Attack(role="viewer", values={"kiosk_id": "kiosk"}, answer=403, unchanged=KIOSK),
    ],
    "admin.end_sessions": [*_of_admins({"session": "all"}, user_id="luis")],
    "admin.change_role": [*_of_admins({"role": "admin"}, user_id="luis")],
    **{
        f"admin.{name}": _of_admins(user_id="luis")
        for name in ("person", "rename", "set_scope", "disable", "enable", "make_link", "reset_second_factor")
    },
    **{f"admin.{name}": _of_admins(user_id="luis") for name in ("expert", "save_expert", "save_hours", "add_absence")},
}
# files that anybody may read; tests.attacks.test_paths attacks them
WITHOUT_OWNER = {"static", "bundles.styles", "bundles.scripts"}


@pytest.fixture
def scene(site: Site) -> Scene:
    luis = site.add_person("luis", "expert", email="luis@example.org")
    marta = {
        role: site.add_person(f"marta-{role}", role, scope=None if role == "admin" else _elsewhere())
        for role in ("viewer", "expert", "admin")
    }
    site.begin_session(user_id=luis)
    site.add_execution(7, "critical", picture=jpeg(seed=7), **OTHER_DEVICE)
    site.add_execution(8, "none", picture=jpeg(seed=8), device_id="node-2", camera_id="cam2")
    owner = site.query("SELECT id FROM users WHERE username = 'some-admin'")[0]["id"]
    found: dict[str, Any] = {
        "luis": luis,
        "marta": marta["admin"],
        "nothing": uuid4(),
        "word": "nonsense",
        "admin_rank": "admin",
        "session": site.query("SELECT id FROM sessions WHERE user_id = %s", luis)[0]["id"],
        "absence": uuid4(),
        "key": uuid4(),
        "request": uuid4(),
        "kiosk": uuid4(),
        "execution": 7,
        "width": 640,
        "search": uuid4(),
        "review": _review_of(site, luis, 7),
        "sha256": _sha256(site, 7),
        "other_sha256": _sha256(site, 8),
    }
    found["notice"] = site.query(
        """
        INSERT INTO review_notices (review_id, kind, deadline, for_id, at)
        SELECT id, 'deadline', deadline, expert_id, now() FROM expert_reviews RETURNING id
        """
    )[0]["id"]
    site.add("saved_searches", id=found["search"], user_id=luis, name="De luis", query="level=high")
    site.add("expert_absences", id=found["absence"], user_id=luis, starts_on="2030-01-01", ends_on="2030-01-02")
    site.add("kiosks", id=found["kiosk"], name="Sala", created_by=owner)
    site.add("access_requests", id=found["request"], oidc_issuer="https://id.example", oidc_subject="s")
    site.add(
        "expert_keys",
        id=found["key"],
        user_id=luis,
        public_key=b"k" * 32,
        sealed_private_key=b"s" * 60,
        salt=b"s" * 16,
        derivation=Jsonb({"name": "argon2id", "source": "password"}),
    )
    return Scene(site, luis, found)


def test_every_route_with_a_parameter_is_attacked(site: Site) -> None:
    parametrised = {rule.endpoint for rule in routes.rules(site.app) if rule.arguments}
    assert parametrised - WITHOUT_OWNER == set(ATTACKS)


@pytest.mark.parametrize("endpoint", ATTACKS)
def test_what_is_somebody_elses_is_refused_and_stays_as_it_is(scene: Scene, endpoint: str) -> None:
    for attack in ATTACKS[endpoint]:
        before = _state(scene.site, attack.unchanged)
        method, path = _call(scene, endpoint, attack.values)
        client = routes.attacker(scene.site, attack.role, username=f"marta-{attack.role}")
        form = {**attack.form, "csrf_token": client.token()}
        response = client.open(path, method=method, data=form if method == "POST" else None, headers=OURS)
        assert response.status_code == attack.answer, (endpoint, attack, response.text[:300])
        assert _state(scene.site, attack.unchanged) == before, (endpoint, attack)


@pytest.mark.parametrize("endpoint", ATTACKS)
def test_strangers_learn_nothing_of_what_there_is(scene: Scene, endpoint: str) -> None:
    """The same answer for what exists and for what does not, to whoever is not signed in."""
    attack = ATTACKS[endpoint][-1]
    answers: set[tuple[int, str | None]] = set()
    for values in (attack.values, {name: _nothing_for(name) for name in attack.values}):
        client = routes.attacker(scene.site, None)
        method, path = _call(scene, endpoint, values)
        form = {**attack.form, "csrf_token": client.token()} if method == "POST" else None
        response = client.open(path, method=method, data=form, headers=OURS)
        answers.add((response.status_code, (response.location or "").partition("?")[0] or None))
    assert len(answers) == 1
    assert answers.pop()[0] in (303, 401)


def test_an_alert_outside_of_the_scope_is_not_acknowledged(scene: Scene) -> None:
    client = routes.attacker(scene.site, "expert", username="marta-expert")
    client.post("/alerts/acknowledge", data={"ids": "7", "csrf_token": client.token()}, headers=OURS)
    rows = scene.site.query("SELECT acknowledged_at FROM execution_analysis WHERE execution_id = 7")
    assert rows == [{"acknowledged_at": None}]


def test_the_sessions_of_somebody_else_are_not_ended_through_another_person(scene: Scene) -> None:
    """An admin's form names a person and a session: both must belong together."""
    client = routes.attacker(scene.site, "admin", username="marta-admin")
    before = _state(scene.site, SESSION)
    path = f"/admin/people/{scene.ids['marta']}/sessions/end"
    client.post(path, data={"session": str(scene.ids["session"]), "csrf_token": client.token()}, headers=OURS)
    assert _state(scene.site, SESSION) == before


def _elsewhere() -> Scope:
    return Scope(cameras=frozenset({("node-9", "cam9")}), locations=frozenset())


def _sha256(site: Site, execution_id: int) -> str:
    return site.query("SELECT sha256 FROM execution_images WHERE execution_id = %s", execution_id)[0]["sha256"]


def _nothing_for(name: str) -> str:
    return {"sha256": "other_sha256", "rank": "word", "topic_name": "word", "width": "width", "code": "word"}.get(
        name, "execution" if name in ("execution_id", "notice_id") else "nothing"
    )


def _call(scene: Scene, endpoint: str, values: dict[str, str]) -> tuple[str, str]:
    rule = next(rule for rule in routes.rules(scene.site.app) if rule.endpoint == endpoint)
    method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    return method, routes.address(scene.site.app, endpoint, {name: scene.ids[value] for name, value in values.items()})


def _review_of(site: Site, expert_id: UUID, execution_id: int) -> UUID:
    now = datetime.now(UTC)
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        assert reviews.open_case(conn, execution_id)
        review_id = reviews.add(
            conn, execution_id, opinion=1, priority=1, asked_at=now, deadline=now, rule="detection", by=None
        )
        reviews.assign(conn, review_id, expert_id, now)
    return review_id


def _state(site: Site, statement: str) -> list[Any]:
    with psycopg.connect(site.config.dashboard_conninfo()) as conn:
        return conn.execute(statement.encode()).fetchall()
