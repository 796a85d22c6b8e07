"""Every key of the pages in one table: the sheet behind `?` and the help print it, js/keys.js presses [data-key].

A key means one thing everywhere. An element that a key presses names it in `data-key`, several with spaces between
them; `data-key-repeats` there lets a key that is held press again. Keys that are held (`by` "script") are handled by
the script of what they act on. Names are those of KeyboardEvent.key, with "Space" and what is held in front
("Ctrl+z", "Shift+j").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

Where = Literal["everywhere", "list", "picture", "review"]
WHERE: Final[tuple[Where, ...]] = ("everywhere", "list", "picture", "review")

_SHOWN: Final = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "Enter": "↵",
    "Escape": "esc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What one key does, or several that mean the same."""

    name: str  # of what it does; key_word() has the words
    keys: tuple[str, ...]
    where: Where
    by: Literal["press", "script"] = "press"
    is_held: bool = False  # it does something for as long as it is held

    @property
    def shown(self) -> tuple[str, ...]:
        """Return what is printed on the keys."""
        return tuple(shown(key) for key in self.keys)


KEYS: Final[tuple[Key, ...]] = (
    Key(name="sheet", keys=("?",), where="everywhere"),
    Key(name="back", keys=("Escape",), where="everywhere"),
    Key(name="search", keys=("/",), where="everywhere"),
    Key(name="newest", keys=(".",), where="everywhere"),
    Key(name="next", keys=("j", "ArrowDown"), where="list"),
    Key(name="previous", keys=("k", "ArrowUp"), where="list"),
    Key(name="open", keys=("Enter", "o"), where="list"),
    Key(name="claim", keys=("g",), where="list"),
    Key(name="select", keys=("Shift+j", "Shift+k"), where="list", by="script"),
    Key(name="select_all", keys=("Ctrl+a",), where="list", by="script"),
    Key(name="older", keys=("ArrowLeft",), where="picture"),
    Key(name="newer", keys=("ArrowRight",), where="picture"),
    Key(name="first", keys=("Home",), where="picture"),
    Key(name="last", keys=("End",), where="picture"),
    Key(name="play", keys=("Space",), where="picture"),
    Key(name="boxes", keys=("b",), where="picture"),
    Key(name="to_box", keys=("z",), where="picture"),
    Key(name="reset", keys=("r",), where="picture"),
    Key(name="blink", keys=("x",), where="picture", by="script", is_held=True),
    Key(name="zoom_in", keys=("+",), where="picture"),
    Key(name="zoom_out", keys=("-",), where="picture"),
    Key(
        name="pan",
        keys=("Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"),
        where="picture",
        by="script",
    ),
    Key(name="risk", keys=("1", "2", "3", "4", "5"), where="review"),
    Key(name="agree", keys=("a",), where="review"),
    Key(name="disagree", keys=("d",), where="review"),
    Key(name="false_alarm", keys=("f",), where="review", by="script"),
    Key(name="unsure", keys=("u",), where="review"),
    Key(name="missed", keys=("m",), where="review"),
    Key(name="note", keys=("n",), where="review"),
    Key(name="park", keys=("s",), where="review"),
    Key(name="escalate", keys=("e",), where="review"),
    Key(name="sign", keys=("Ctrl+Enter",), where="review"),
    Key(name="undo", keys=("Ctrl+z",), where="review"),
)


def row_of(key: str) -> Key:
    """Return the row of the table that names this key."""
    return next(row for row in KEYS if key in row.keys)


def shown(key: str) -> str:
    """Return what is printed for a key, with what is held in front of it."""
    *held, last = key.split("+") if key != "+" else ["+"]
    return " ".join([*(one.lower() for one in held), _printed(last)])


def _printed(key: str) -> str:
    match key:
        case "Space":
            return _("espacio")
        case "Home":
            return _("inicio")
        case "End":
            return _("fin")
        case _:
            return _SHOWN.get(key, key)


def where_word(where: Where) -> str:
    match where:
        case "everywhere":
            return _("En todas partes")
        case "list":
            return _("En la cola y en las ejecuciones")
        case "picture":
            return _("En la imagen")
        case "review":
            return _("En una revisión")


def key_word(name: str) -> str:
    """Return what a key does."""
    match name:
        case "sheet":
            return _("estas teclas")
        case "back":
            return _("volver; cierra sólo lo de arriba")
        case "search":
            return _("buscar")
        case "newest":
            return _("mostrar lo nuevo")
        case "next":
            return _("siguiente")
        case "previous":
            return _("anterior")
        case "open":
            return _("abrir")
        case "claim":
            return _("tomar o soltar la alerta o la revisión")
        case "select":
            return _("elegir y seguir")
        case "select_all":
            return _("elegir las de esta página, o ninguna")
        case "older":
            return _("cuadro más viejo de la cámara; mantener para pasar")
        case "newer":
            return _("cuadro más nuevo de la cámara; mantener para pasar")
        case "first":
            return _("primer cuadro de la tira")
        case "last":
            return _("último cuadro de la tira")
        case "play":
            return _("reproducir o parar la tira")
        case "boxes":
            return _("cajas sí o no")
        case "to_box":
            return _("acercar a la caja")
        case "reset":
            return _("imagen entera")
        case "blink":
            return _("comparar con un cuadro sin humo, mientras se mantiene")
        case "zoom_in":
            return _("acercar")
        case "zoom_out":
            return _("alejar")
        case "pan":
            return _("mover la imagen acercada")
        case "risk":
            return _("riesgo: nada, baja, media, alta, crítica")
        case "agree":
            return _("coincidir con la IA, firmar y seguir")
        case "disagree":
            return _("no coincidir: ir a los niveles")
        case "false_alarm":
            return _("falsa alarma; después, la letra del motivo")
        case "unsure":
            return _("no sé: la mira otra persona")
        case "missed":
            return _("marcar humo que la IA no vio")
        case "note":
            return _("escribir la nota")
        case "park":
            return _("aparcar con una nota")
        case "escalate":
            return _("escalar a un administrador")
        case "sign":
            return _("firmar y seguir")
        case "undo":
            return _("deshacer la última firma, durante 10 s")
        case _:
            raise LookupError(name)


def key_rows() -> list[tuple[str, list[tuple[tuple[str, ...], str]]]]:
    """Return the table for people: where, and there what is printed on the keys with what they do."""
    return [
        (where_word(where), [(key.shown, key_word(key.name)) for key in KEYS if key.where == where]) for where in WHERE
    ]
