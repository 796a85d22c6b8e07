"""The client of an OpenID provider: what it believes, whom it asks, and what a claim makes of somebody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey

from config import Config
from saiweb.errors import ConfigError
from saiweb.services import oidc, oidc_http
from saiweb.services.oidc import Identified, OidcError, ProviderAwayError, ProviderWrongError, StaleError
from tests import hostile_provider
from tests.hostile_provider import CLIENT_ID, Provider, json_answer

BACK = "http://127.0.0.1:8000/sign-in/provider/callback"
ISSUER = {"OIDC_ISSUER": "https://id.example.org", "OIDC_CLIENT_ID": CLIENT_ID}
MAP = "sai-admin=admin,sai-expert=expert,sai-viewer=viewer"
A_DAY_S = 86_400  # the claims are made when tests are collected, and may be tried much later


@pytest.fixture(scope="module")
def running_provider() -> Generator[Provider]:
    with hostile_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    running_provider.reset()
    return running_provider


def client(provider: Provider, **variables: str) -> oidc.Provider:
    return oidc.Provider(config(OIDC_ISSUER=provider.issuer, **variables))


def config(**variables: str) -> Config:
    return Config.from_env({**ISSUER, "OIDC_CLIENT_SECRET": "the-secret", **variables})


def sign_in(provider: Provider, ours: oidc.Provider, **answer: str) -> Identified:
    address, start = ours.start(redirect_uri=BACK, next_path="/")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    provider.nonce = asked["nonce"]
    query = {"code": "a-code", "state": asked["state"], **answer}
    who, _ = ours.finish(json.loads(json.dumps(start.to_json())), query, redirect_uri=BACK)
    return who


def test_who_comes_back_is_who_the_provider_says(provider: Provider) -> None:
    who = sign_in(provider, client(provider))
    assert who == Identified(
        issuer=provider.issuer,
        subject="subject-of-ana",
        username="ana",
        email="ana@example.org",
        full_name="Ana Paz",
        role=None,
    )


def test_the_way_there_carries_proofs_and_no_secret(provider: Provider) -> None:
    ours = client(provider)
    address, start = ours.start(redirect_uri=BACK, next_path="/")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] != start.verifier
    assert asked["redirect_uri"] == BACK
    assert "the-secret" not in address
    assert start.verifier not in address
    second, _ = ours.start(redirect_uri=BACK, next_path="/", is_other=True)
    assert {"state", "nonce", "code_challenge"} <= {
        name for name, values in parse_qs(urlsplit(second).query).items() if values != [asked.get(name)]
    }
    assert "prompt=login" in second


def test_the_code_is_exchanged_with_the_verifier_and_the_secret(provider: Provider) -> None:
    sign_in(provider, client(provider))
    ((_, sent),) = [one for one in provider.asked if one[0] == "/token"]
    assert sent["grant_type"] == "authorization_code"
    assert len(sent["code_verifier"]) >= 43
    assert sent["Authorization"].startswith("Basic ")
    assert "client_secret" not in sent


def test_a_public_client_proves_itself_by_its_verifier_alone(provider: Provider) -> None:
    sign_in(provider, client(provider, OIDC_CLIENT_SECRET=""))
    ((_, sent),) = [one for one in provider.asked if one[0] == "/token"]
    assert sent["client_id"] == CLIENT_ID
    assert sent["Authorization"] == ""


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example.org"},
        {"iss": None},
        {"aud": "another-application"},
        {"aud": ["another-application"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another-application"], "azp": "another-application"},
        {"aud": None},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + A_DAY_S},
        {"nbf": int(time.time()) + A_DAY_S},
        {"nonce": "another-sign-in"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"at_hash": "of-another-token"},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(provider: Provider, claims: dict[str, Any]) -> None:
    provider.claims = claims
    with pytest.raises(ProviderWrongError):
        sign_in(provider, client(provider))


def test_clocks_may_differ_by_a_minute(provider: Provider) -> None:
    now = int(time.time())
    provider.claims = {"iat": now + 40, "exp": now - 40}
    assert sign_in(provider, client(provider)).subject == "subject-of-ana"


def test_a_token_signed_by_another_key_is_refused(provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048)
    provider.claims = {"roles": ["sai-admin"]}
    with pytest.raises(ProviderWrongError):
        sign_in(provider, client(provider, OIDC_ROLE_CLAIM="roles", OIDC_ROLE_MAP=MAP))


def test_an_unsigned_token_is_refused_whatever_the_provider_promises(provider: Provider) -> None:
    provider.algorithm = "none"
    provider.metadata = {"id_token_signing_alg_values_supported": ["none", "RS256"]}
    with pytest.raises(ProviderWrongError, match="Algorithm"):
        sign_in(provider, client(provider))


@pytest.mark.parametrize("secret", ["the client's", "the published key"])
def test_a_token_signed_with_what_others_know_is_refused(provider: Provider, secret: str) -> None:
    provider.algorithm = "HS256"
    provider.shared_secret = b"the-secret" if secret == "the client's" else provider.key.as_pem(private=False)
    provider.metadata = {"id_token_signing_alg_values_supported": ["HS256", "RS256"]}
    with pytest.raises(ProviderWrongError, match="Algorithm"):
        sign_in(provider, client(provider))


def test_a_secret_among_the_published_keys_verifies_nothing(provider: Provider) -> None:
    leaked = OctKey.import_key("0" * 32, {"kid": str(provider.key.kid)})
    provider.replaced["/keys"] = json_answer({"keys": [leaked.as_dict()]})
    provider.algorithm, provider.shared_secret = "HS256", b"0" * 32
    with pytest.raises(ProviderWrongError, match="keys"):
        sign_in(provider, client(provider))


def test_a_new_key_is_looked_for_but_not_at_every_token(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = client(provider)
    sign_in(provider, ours)
    old, provider.key = provider.key, RSAKey.generate_key(2048, auto_kid=True)
    for number in range(3):
        with pytest.raises(ProviderWrongError):
            sign_in(provider, ours, code=f"early-{number}")
    assert [path for path, _ in provider.asked].count("/keys") == 1
    monkeypatch.setattr(oidc, "KEYS_AGAIN_S", 0.0)
    assert sign_in(provider, ours, code="later").subject == "subject-of-ana"
    provider.key = old


def test_the_state_must_be_the_browsers_own_and_fresh(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = client(provider)
    _, start = ours.start(redirect_uri=BACK, next_path="/")
    kept = start.to_json()
    for wrong, state in (
        (kept, "planted"),
        (kept, ""),
        (None, start.state),
        ({}, ""),
        ({**kept, "at": start.at - 601}, start.state),
        ({**kept, "extra": 1}, start.state),
    ):
        with pytest.raises(StaleError):
            ours.finish(wrong, {"state": state, "code": "a-code"}, redirect_uri=BACK)
    assert "/token" not in [path for path, _ in provider.asked]


def test_an_answer_in_another_providers_name_is_refused(provider: Provider) -> None:
    with pytest.raises(ProviderWrongError):
        sign_in(provider, client(provider), iss="https://other.example.org")
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(ProviderWrongError):
        sign_in(provider, client(provider))
    assert sign_in(provider, client(provider), iss=provider.issuer).username == "ana"


def test_a_code_works_once(provider: Provider) -> None:
    ours = client(provider)
    sign_in(provider, ours)
    with pytest.raises(ProviderWrongError):
        sign_in(provider, ours)


def test_what_the_token_leaves_out_is_asked_for(provider: Provider) -> None:
    provider.claims = {"name": None, "preferred_username": None, "email": None}
    provider.userinfo = {"sub": "subject-of-ana", "name": "Ana Paz", "roles": ["sai-expert"], "iss": "nonsense"}
    who = sign_in(provider, client(provider, OIDC_ROLE_CLAIM="roles", OIDC_ROLE_MAP=MAP))
    assert (who.full_name, who.role, who.issuer) == ("Ana Paz", "expert", provider.issuer)


def test_nobody_elses_particulars_are_taken(provider: Provider) -> None:
    provider.claims = {"name": None}
    provider.userinfo = {"sub": "subject-of-luis", "name": "Luis Sosa"}
    with pytest.raises(ProviderWrongError):
        sign_in(provider, client(provider))


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/latest", "file:///etc/passwd", "http://name:word@127.0.0.1/", "gopher://127.0.0.1/", 7],
)
def test_the_provider_leads_us_nowhere_else(provider: Provider, name: str, address: object) -> None:
    provider.metadata = {name: address}
    with pytest.raises(ProviderWrongError, match=name):
        sign_in(provider, client(provider))
    assert {path for path, _ in provider.asked} == {"/.well-known/openid-configuration"}


def test_a_provider_that_says_it_is_another_is_refused(provider: Provider) -> None:
    provider.metadata = {"issuer": "https://other.example.org"}
    with pytest.raises(ProviderWrongError):
        client(provider).start(redirect_uri=BACK, next_path="/")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
def test_redirects_are_not_followed(provider: Provider, path: str) -> None:
    provider.replaced[path] = (307, {"Location": f"{provider.issuer}/elsewhere"}, b"")
    with pytest.raises(OidcError):
        sign_in(provider, client(provider))
    assert "/elsewhere" not in [asked for asked, _ in provider.asked]


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize(
    "content", [b'{"x": "' + b"x" * 2**20 + b'"}', b"<html>", b"[]", b"", b'{"keys": 7}', b'{"id_token": 7}', b"\xff"]
)
def test_an_answer_that_is_none_ends_the_sign_in(provider: Provider, path: str, content: bytes) -> None:
    provider.replaced[path] = (200, {"Content-Type": "application/json"}, content)
    with pytest.raises(ProviderWrongError, match="too_large" if len(content) > 2**20 else None):
        sign_in(provider, client(provider))


def test_a_provider_that_is_down_is_said_to_be_so(provider: Provider) -> None:
    with pytest.raises(ProviderAwayError):
        oidc.Provider(config(OIDC_ISSUER="http://127.0.0.1:9")).start(redirect_uri=BACK, next_path="/")
    provider.replaced["/token"] = json_answer({}, 503)
    with pytest.raises(ProviderAwayError):
        sign_in(provider, client(provider))


def test_a_certificate_must_be_trusted_by_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = hostile_provider.make_certificate(tmp_path)
    with hostile_provider.running(tls=(str(certificate), str(key))) as provider:
        with pytest.raises(ProviderAwayError, match="SSLError"):
            sign_in(provider, client(provider))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        oidc_http.trusted_certificates.cache_clear()
        try:
            assert sign_in(provider, client(provider)).username == "ana"
            provider.metadata = {"token_endpoint": provider.issuer.replace("127.0.0.1", "localhost") + "/token"}
            with pytest.raises(ProviderAwayError, match="SSLError"):  # the certificate is 127.0.0.1's
                sign_in(provider, client(provider))
        finally:
            oidc_http.trusted_certificates.cache_clear()


def test_a_failure_is_not_repeated_by_everybody_who_waits(provider: Provider) -> None:
    provider.replaced["/.well-known/openid-configuration"] = json_answer({}, 500)
    ours = client(provider)
    for _ in range(5):
        with pytest.raises(ProviderAwayError):
            ours.start(redirect_uri=BACK, next_path="/")
    assert len(provider.asked) == 1


def test_an_answer_that_trickles_is_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_http, "TIMEOUT_S", (0.2, 0.2))

    monkeypatch.setattr(oidc_http, "DEADLINE_S", -1.0)
    with pytest.raises(ProviderAwayError, match="too_slow"):
        client(provider).start(redirect_uri=BACK, next_path="/")

    def late() -> hostile_provider.Answer:
        time.sleep(0.5)
        return json_answer({})

    provider.replaced["/.well-known/openid-configuration"] = late
    with pytest.raises(ProviderAwayError):
        client(provider).start(redirect_uri=BACK, next_path="/")


def test_neither_proxy_nor_netrc_of_the_environment_gets_a_secret(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert sign_in(provider, client(provider)).username == "ana"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OIDC_ISSUER": "http://id.example.org"}, "https"),
        ({"OIDC_ISSUER": "https://name:word@id.example.org"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://id.example.org/?x=1"}, "OIDC_ISSUER"),
        ({"OIDC_SCOPES": "profile email"}, "openid among them"),
        ({"OIDC_ROLE_MAP": "sai-admin=root", "OIDC_ROLE_CLAIM": "roles"}, "OIDC_ROLE_MAP"),
        ({"OIDC_ROLE_MAP": "a=admin,a=viewer", "OIDC_ROLE_CLAIM": "roles"}, "once"),
        ({"OIDC_ROLE_CLAIM": "roles"}, "together"),
        ({"OIDC_ROLE_MAP": MAP}, "together"),
        ({"OIDC_APPROVAL": "never"}, "OIDC_APPROVAL"),
        ({"OIDC_APPROVAL": "without-role"}, "needs OIDC_ROLE_CLAIM"),
        ({"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID"),
        ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": "saiweb"}, "needs OIDC_ISSUER"),
    ],
)
def test_a_wrong_value_is_one_sentence(variables: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config.from_env({**ISSUER, **variables})
    assert len(str(error.value).splitlines()) == 1
    assert says in str(error.value)


def test_the_secret_shows_nowhere() -> None:
    assert "the-secret" not in repr(config())
    with pytest.raises(ConfigError) as error:
        config(OIDC_CLIENT_SECRET="the-secret\nand more")
    assert "the-secret" not in str(error.value)


def test_whoever_does_not_use_it_does_not_load_it() -> None:
    loaded = "import sys, saiweb.app; print([one for one in ('authlib', 'joserfc', 'requests') if one in sys.modules])"
    output = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
