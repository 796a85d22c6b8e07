"""A real OpenID provider, canaille with its people in memory; runs in an environment of its own (tests/provider).

Started with a JSON object of people: {"ana": {"password": ..., "email": ..., "groups": [...]}}. Prints its address.
Whoever wants to be a client registers itself, as the standard says.
"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
import logging
import secrets
import socket
import sys
from typing import Any

import canaille
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server


def main(people: dict[str, dict[str, Any]]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    app = canaille.create_app(
        {
            "SECRET_KEY": secrets.token_hex(32),
            "SERVER_NAME": address,
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "CAPTCHA_ENABLED": False, "LANGUAGE": "en", "LOGGING": None},
            "CANAILLE_OIDC": {
                "ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)],
                "DYNAMIC_CLIENT_REGISTRATION_OPEN": True,
            },
        }
    )
    with app.app_context():
        _put_in(people)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", listener.getsockname()[1], app, threaded=True, fd=listener.fileno())
    print(f"http://{address}", flush=True)
    server.serve_forever()


def _put_in(people: dict[str, dict[str, Any]]) -> None:
    groups: dict[str, list[Any]] = {}
    for name, one in people.items():
        user = models.User(
            user_name=name,
            password=one["password"],
            emails=[one["email"]],
            formatted_name=one["full_name"],
            family_name=one["full_name"].split()[-1],
        )
        Backend.instance.save(user)
        for group in one.get("groups", ()):
            groups.setdefault(group, []).append(user)
    for name, members in groups.items():
        Backend.instance.save(models.Group(display_name=name, members=members))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
