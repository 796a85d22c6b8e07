"""What a provider's claims make of somebody."""

from __future__ import annotations

from typing import Any

import pytest

from config import Config
from saiweb.services import access_requests, oidc_claims

MAP = "sai-admin=admin,sai-expert=expert,sai-viewer=viewer"


def config(**variables: str) -> Config:
    return Config.from_env({"OIDC_ISSUER": "https://id.example.org", "OIDC_CLIENT_ID": "saiweb", **variables})


ZITADEL = {"urn:zitadel:iam:org:project:roles": {"sai-admin": {"17": "example.org"}, "sai-expert": {}}}


@pytest.mark.parametrize(
    ("path", "claims", "role"),
    [
        ("roles", {"roles": ["sai-viewer", "sai-expert"]}, "expert"),
        ("roles", {"roles": "sai-viewer"}, "viewer"),
        ("roles", {"roles": ["admin", "expert", "viewer"]}, None),
        ("roles", {"roles": {"sai-admin": 1}}, None),
        ("roles", {"roles": [["sai-admin"], {"sai-admin": 1}, 7, None]}, None),
        ("rolse", {"roles": ["sai-admin"]}, None),
        ("resource_access.saiweb.roles", {"resource_access": {"saiweb": {"roles": ["sai-admin"]}}}, "admin"),
        ("resource_access.saiweb.roles", {"resource_access": {"other": {"roles": ["sai-admin"]}}}, None),
        ("resource_access.saiweb.roles", {"realm_access": {"roles": ["admin", "sai-admin"]}}, None),
        ("resource_access.saiweb.role", {"resource_access": {"saiweb": {"roles": ["sai-admin"]}}}, None),
        ("resource_access.saiweb", {"resource_access": {"saiweb": {"roles": ["sai-admin"]}}}, None),
        ("resource_access.my.app.roles", {"resource_access": {"my.app": {"roles": ["sai-admin"]}}}, "admin"),
        ("https://example.org/roles", {"https://example.org/roles": ["sai-expert"]}, "expert"),
        ("urn:zitadel:iam:org:project:roles", ZITADEL, "admin"),
        ("urn:zitadel:iam:org:project:42:roles", ZITADEL, None),
        (
            "urn:zitadel:iam:org:project:42:roles",
            {"urn:zitadel:iam:org:project:42:roles": {"sai-viewer": {"17": "example.org"}, "admin": {"17": "x"}}},
            "viewer",
        ),
        ("urn:zitadel:iam:org:project:roles", {"urn:zitadel:iam:org:project:roles": {"sai-admin": {}}}, None),
    ],
)
def test_only_roles_of_this_application_count(path: str, claims: dict[str, Any], role: str | None) -> None:
    assert oidc_claims.role(config(OIDC_ROLE_CLAIM=path, OIDC_ROLE_MAP=MAP), claims) == role


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Ana.Paz@example.org", "ana.paz"),
        ("José Ñandú", "jose.nandu"),
        ("..", "persona"),
        ("李", "persona"),
        ("x", "personax"),
    ],
)
def test_a_user_name_is_made_of_what_the_provider_says(raw: str, name: str) -> None:
    assert access_requests.as_username(raw) == name


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Ana  Paz", "Ana Paz"),
        ("Ana\x00\r\nPaz", "Ana Paz"),
        ("\n", None),
        ("", None),
        (7, None),
        (["Ana"], None),
        (None, None),
    ],
)
def test_a_text_is_one_visible_line(raw: object, text: str | None) -> None:
    assert oidc_claims.text(raw, 120) == text
    assert oidc_claims.text("a" * 5000, 120) == "a" * 120


@pytest.mark.parametrize("raw", ["ana", "ana@", "ana@example.org\nBcc: x@example.org", "a@" + "b" * 253])
def test_what_is_no_address_is_none(raw: str) -> None:
    assert oidc_claims.email(raw) is None
