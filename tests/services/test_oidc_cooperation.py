"""Asking the provider lets everything else in the worker go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests import hostile_provider
from tests.hostile_provider import CLIENT_ID, json_answer

ASKING = """
from gevent import monkey; monkey.patch_all()
import time, gevent
from config import Config
from saiweb.services import oidc
oidc.load()
longest, last = 0.0, time.monotonic()
def tick():
    global longest, last
    while True:
        gevent.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
gevent.spawn(tick)
gevent.sleep(0.05)
longest = 0.0
began = time.monotonic()
oidc.Provider(Config.from_env()).start(redirect_uri="http://127.0.0.1/back", next_path="/")
print(time.monotonic() - began, longest)
"""


def test_a_slow_provider_stops_nobody_else() -> None:
    with hostile_provider.running() as provider:
        metadata = {
            "issuer": provider.issuer,
            **dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), f"{provider.issuer}/x"),
        }

        def late() -> hostile_provider.Answer:
            time.sleep(1)
            return json_answer(metadata)

        provider.replaced["/.well-known/openid-configuration"] = late
        asked = subprocess.run(
            [sys.executable, "-c", ASKING],
            env={**os.environ, "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID},
            check=True,
            capture_output=True,
            text=True,
        )
    took_s, stalled_s = map(float, asked.stdout.split())
    assert took_s >= 1
    assert stalled_s < 0.5
