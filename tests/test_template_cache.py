"""Compiled templates are kept on disk: compiled once for each text, version and set of options, and never needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from saiweb import template_cache
from saiweb.template_cache import TemplateCache

OPTIONS: dict[str, Any] = {"trim_blocks": True}


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "one.html").write_text("{% if a %}\n{{ a }}{% endif %}")
    (folder / "two.html").write_text("two")
    return folder


def environment(templates: Path, cache: Path, options: dict[str, Any] = OPTIONS) -> tuple[Environment, TemplateCache]:
    kept = TemplateCache(cache, options)
    return Environment(loader=FileSystemLoader(templates), bytecode_cache=kept, autoescape=True, **options), kept


def forbid_compiling(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was compiled")

    monkeypatch.setattr(env, "compile", fail)


def test_what_was_compiled_once_is_loaded(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env, cache = environment(templates, tmp_path / "kept")
    assert cache.fill(env) == 2
    again, kept = environment(templates, tmp_path / "kept")
    forbid_compiling(again, monkeypatch)
    assert kept.fill(again) == 0
    assert again.get_template("one.html").render(a="<") == "&lt;"


def test_a_text_that_changed_is_compiled_anew(templates: Path, tmp_path: Path) -> None:
    env, cache = environment(templates, tmp_path / "kept")
    cache.fill(env)
    (templates / "two.html").write_text("three")
    again, kept = environment(templates, tmp_path / "kept")
    assert kept.fill(again) == 1
    assert again.get_template("two.html").render() == "three"


def test_other_options_have_files_of_their_own(templates: Path, tmp_path: Path) -> None:
    env, cache = environment(templates, tmp_path / "kept")
    cache.fill(env)
    other, kept = environment(templates, tmp_path / "kept", {"trim_blocks": False})
    assert kept.fill(other) == 2
    assert other.get_template("one.html").render(a="a") == "\na"
    assert env.get_template("one.html").render(a="a") == "a"


def test_a_folder_that_cannot_be_written_costs_time_alone(templates: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env, cache = environment(templates, tmp_path / "file" / "kept")
    assert cache.fill(env) == 2
    assert env.get_template("two.html").render() == "two"


def test_a_file_that_is_broken_is_compiled_anew(templates: Path, tmp_path: Path) -> None:
    env, cache = environment(templates, tmp_path / "kept")
    cache.fill(env)
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(file.read_bytes()[:40])
    again, kept = environment(templates, tmp_path / "kept")
    assert kept.fill(again) == 2
    assert again.get_template("two.html").render() == "two"


def always_denied(*_: object) -> bool:
    return False


def test_they_lie_beside_pythons_own_or_with_our_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = tmp_path / "__pycache__" / "templates"
    beside.parent.mkdir()
    monkeypatch.setattr(template_cache, "FOLDER", beside)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert template_cache.folder(tmp_path / "data") == beside
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert template_cache.folder(tmp_path / "data") == tmp_path / "data" / "templates"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(os, "access", always_denied)
    assert template_cache.folder(tmp_path / "data") == tmp_path / "data" / "templates"
