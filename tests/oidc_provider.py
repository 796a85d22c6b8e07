"""Starts a real OpenID provider on this machine, and registers applications with it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import requests

HERE = Path(__file__).parent / "provider"
REQUIREMENTS = HERE / "requirements.txt"
BUILT = Path(__file__).parent.parent / "build"
PATIENCE_S = 60


@contextlib.contextmanager
def running(people: Mapping[str, Mapping[str, Any]]) -> Generator[str]:
    """Run the provider with these people; yields its address. Its environment is made once, from pinned packages."""
    process = subprocess.Popen(
        [_environment() / "bin" / "python", "-P", HERE / "server.py", json.dumps(people)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    impatience = threading.Timer(PATIENCE_S, process.kill)
    impatience.start()
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        impatience.cancel()
        assert address, "the provider did not start"
        yield address
    finally:
        impatience.cancel()
        process.kill()
        process.communicate()


def register(issuer: str, redirect_uri: str, *, back_to: str, scope: str) -> tuple[str, str]:
    """Register an application; returns its id and secret."""
    answer = requests.post(
        f"{issuer}/oauth/register",
        json={
            "client_name": "SAI",
            "client_uri": issuer,  # on the provider's own machine: it asks nobody for consent
            "redirect_uris": [redirect_uri],
            "post_logout_redirect_uris": [back_to],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": scope,
            "token_endpoint_auth_method": "client_secret_basic",
        },
        timeout=10,
    )
    assert answer.status_code == 201, answer.text
    registered = cast("dict[str, str]", answer.json())
    return registered["client_id"], registered["client_secret"]


def _environment() -> Path:
    """Return the provider's environment, made if it is not there yet: from the same list nothing else can come."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + python.encode()).hexdigest()[:12]
    folder, unfinished = BUILT / f"oidc-provider-{digest}", BUILT / f"oidc-provider-{digest}-{os.getpid()}"
    if not folder.exists():
        uv = Path(sys.executable).with_name("uv")
        BUILT.mkdir(exist_ok=True)
        subprocess.run([uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, unfinished], check=True)
        subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--python",
                unfinished / "bin" / "python",
                "-r",
                REQUIREMENTS,
            ],
            check=True,
        )
        unfinished.rename(folder)
    return folder
