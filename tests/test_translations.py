"""Every text that a person reads is Spanish at its source, and complete in English."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "saiweb" / "templates"
ENGLISH = ROOT / "saiweb" / "translations" / "en" / "LC_MESSAGES"
METHODS = [("saiweb/templates/**.html", "jinja2"), ("saiweb/**.py", "python")]
OPTIONS = {"saiweb/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}

# Names, units and endonyms, the same in every language.
SAME_EVERYWHERE = {
    "SAI",
    "n8n",
    "Telegram",
    "SHA-256",
    "Español",
    "English",
    "saiweb etl parked",
    "ms",
    "×",
    "nº",
    "n8n:",
}
# Data in the page of components, as cameras and models would say it.
SAMPLES = {"Molinari · cam3", "Cosquín · cam1", "Tanti · cam2", "SAINet v10", "cam1", "cam:molinari"}
READ_ATTRIBUTES = {"alt", "aria-label", "label", "placeholder", "title"}


class Words(HTMLParser):
    """Collects what a template shows without asking for a translation."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [
            value for name, value in attrs if value and (name in READ_ATTRIBUTES or name.startswith("data-text"))
        ]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def english() -> Catalog:
    with (ENGLISH / "messages.po").open("rb") as file:
        return read_po(file, locale="en")


def translations(catalog: Catalog) -> dict[str, list[str]]:
    return {
        as_key(message.id): [message.string] if isinstance(message.string, str) else list(message.string or ())
        for message in catalog
        if message.id
    }


def as_key(message_id: str | list[str] | tuple[str, ...]) -> str:
    return message_id if isinstance(message_id, str) else message_id[0]


def test_english_has_each_text_of_the_program_and_no_other() -> None:
    asked = {
        as_key(message_id)
        for _file, _line, message_id, _comments, _context in extract_from_dir(
            ROOT,
            METHODS,
            OPTIONS,
            directory_filter=lambda path: Path(path).name not in {"static", "node_modules", ".venv"},
        )
    }
    catalog = english()
    assert {as_key(message.id) for message in catalog if message.id} == asked
    assert not catalog.obsolete


def test_each_text_has_its_english_with_the_same_fields() -> None:
    for message in english():
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), f"{message.id} is not translated"
        for text in texts:
            assert set(re.findall(r"%\(\w+\)[sd]|\{\w+\}", str(text))) <= set(
                re.findall(r"%\(\w+\)[sd]|\{\w+\}", str(message.id))
            )


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with (ENGLISH / "messages.mo").open("rb") as file:
        compiled = translations(read_mo(file))
    assert compiled == translations(english()), "run make translations"


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_shows_words_of_its_own(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(), flags=re.DOTALL)
    words = Words()
    words.feed(source)
    own = {text for found in words.found if (text := " ".join(found.split())) and re.search(r"[^\W\d_]{2,}", text)}
    # what surrounds an expression may leave a name of ours with a sign at its end
    assert {text.strip(" ()·,:.+…×") for text in own} <= SAME_EVERYWHERE | SAMPLES


@pytest.mark.parametrize("path", sorted((ROOT / "saiweb" / "static" / "js").glob("*.js")), ids=lambda path: path.name)
def test_no_script_shows_words_of_its_own(path: Path) -> None:
    assert not re.search(r"textContent\s*=\s*[\"'`][^\"'`$]*[a-z]{2,}", path.read_text())
