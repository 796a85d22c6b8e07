"""Languages: what Babel reads of them, and how templates look words up.

Babel's data of our languages is without what no page shows: names of units, currencies, zones, languages, countries.
They are nine tenths of it, and 4 MB in the web process. What it knows of all languages together is without the tables
by which one is guessed from another, 2 MB more. `python -m saiweb.locale_data` writes the files that are read
instead of Babel's, after Babel was renewed; a test says when.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final, cast

from babel import core, localedata
from babel.support import Translations
from flask_babel import get_locale, get_translations
from jinja2 import Environment

FOLDER: Final = Path(__file__).parent / "translations" / "babel"
LOADED: Final = ("root", "es", "en")
NEEDLESS: Final = frozenset(
    {
        "compact_currency_formats",
        "compact_decimal_formats",
        "compound_unit_patterns",
        "currency_formats",
        "currency_names",
        "currency_names_plural",
        "currency_symbols",
        "currency_unit_patterns",
        "date_fields",
        "interval_formats",
        "languages",
        "meta_zones",
        "quarters",
        "scripts",
        "territories",
        "time_zones",
        "unit_display_names",
        "unit_patterns",
        "variants",
    }
)
NEEDED_OF_ALL: Final = frozenset({"cldr", "parent_exceptions"})  # of global.dat, which is about no single language


def use() -> None:
    """Let Babel read our files; before it reads any."""
    localedata._dirname = str(FOLDER)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    core._global_data = pickle.loads((FOLDER / "global.dat").read_bytes())  # noqa: S301, SLF001 # pyright: ignore[reportPrivateUsage]


def install(env: Environment) -> None:
    """Let templates find their words in the catalogue of the reader's language, which flask-babel looks for anew at
    each of the hundreds of words of a page.
    """
    catalogues: dict[str, Translations] = {}

    def catalogue() -> Translations:
        locale = get_locale()
        language = "" if locale is None else locale.language
        found = catalogues.get(language)
        if found is None:
            found = catalogues[language] = cast("Translations", get_translations())
        return found

    def gettext(text: str) -> str:
        return catalogue().ugettext(text)

    def ngettext(one: str, many: str, count: int) -> str:
        return catalogue().ungettext(one, many, count)

    cast("Any", env).install_gettext_callables(gettext, ngettext, newstyle=True)


def slim(name: str) -> bytes:
    """Return what is left of Babel's own file of a language, or of "global", in its form."""
    is_global = name == "global"
    file = Path(localedata.__file__).parent / ("." if is_global else "locale-data") / f"{name}.dat"
    data: dict[str, Any] = pickle.loads(file.read_bytes())  # noqa: S301 (Babel's own)
    kept = NEEDED_OF_ALL if is_global else data.keys() - NEEDLESS
    return pickle.dumps({key: value for key, value in data.items() if key in kept}, protocol=4)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in (*LOADED, "global"):
        (FOLDER / f"{name}.dat").write_bytes(slim(name))


if __name__ == "__main__":
    main()
