"""What databases, disks, networks and our own loading say when something fails, in the reader's language.

A sentence is known by a part of it; whoever shows one keeps what was said at hand (macros/reason.html), since only that
is exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

N_: Final = str  # what is translated when it is shown

# the first that is found in the sentence
_KNOWN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"no sign of life", N_("No da señal de vida.")),
        (r"^No sweep has finished in time", N_("Ningún repaso terminó a tiempo.")),
        (r"^The worker has stopped", N_("La carga se detuvo.")),
        (r"image cache folder cannot be written", N_("No se puede escribir en la carpeta de imágenes.")),
        (r"the run is under way", N_("n8n dice que todavía no terminó.")),
        (r"^n8n deleted the execution", N_("n8n la borró antes de que se pudiera leer.")),
        (
            r"no space left|disk (is )?full|could not extend file|quota exceeded|ENOSPC",
            N_("No queda lugar en el disco."),
        ),
        (r"read-only (file system|transaction)|EROFS", N_("Sólo deja leer: no se puede guardar nada.")),
        (r"permission denied|operation not permitted|EACCES|EPERM", N_("Falta un permiso.")),
        (r"input/output error|stale file handle|EIO\b", N_("El disco falla al leer o al escribir.")),
        (r"statement timeout", N_("Una consulta tardó demasiado y se cortó.")),
        (r"lock timeout", N_("Esperó demasiado a que otro terminara.")),
        (r"due to user request", N_("Alguien canceló la consulta.")),
        (r"connection refused|ECONNREFUSED", N_("No atiende: rechaza la conexión.")),
        (
            r"password authentication|no password supplied|role \"[^\"]*\" does not exist",
            N_("No acepta el usuario o la contraseña."),
        ),
        (r"no pg_hba.conf entry", N_("No acepta conexiones desde este equipo.")),
        (r"database \"[^\"]*\" does not exist", N_("Esa base de datos no existe.")),
        (
            r"(relation|column|function) .* does not exist",
            N_("Le falta una parte que este programa espera: es de otra versión."),
        ),
        (
            r"translate host name|name or service not known|failed to resolve|ENOTFOUND",
            N_("No se encuentra su dirección en la red."),
        ),
        (r"no route to host|network is unreachable|EHOSTUNREACH", N_("No hay red hasta ahí.")),
        (r"starting up|recovery mode|not yet accepting", N_("Está arrancando.")),
        (r"too many clients|connection slots", N_("No le quedan conexiones libres.")),
        (
            r"timeout expired|timed? ?out|did not answer within|timeout of \d+ ?ms|ETIMEDOUT",
            N_("No respondió a tiempo."),
        ),
        (r"shutting down|administrator command|closed the connection|ECONNRESET", N_("La conexión se cortó.")),
        (r"connection (has been |is )?(closed|lost|reset)|consuming input|socket hang up", N_("La conexión se cortó.")),
        (r"not valid base64", N_("La imagen llegó mal escrita.")),
        (r"holds no bytes|holds this file no more|no such file or directory|ENOENT", N_("El archivo no está.")),
        (r"N8N_STORAGE_PATHS", N_("n8n lo guarda en una carpeta que este programa no puede leer.")),
        (r"^n8n keeps this file", N_("n8n lo guarda donde este programa no puede leer.")),
        (r"larger than the limit|^The (run data|picture) has \d+ bytes", N_("Es demasiado grande.")),
        (
            r"^The execution data|^The text is not JSON|bundle\.json cannot be read",
            N_("Los datos de la ejecución no se pueden leer."),
        ),
        (r"status code 429|too many requests|rate limit", N_("Le pidieron demasiado seguido.")),
        (
            r"status code 5\d\d|internal server error|bad gateway|service unavailable",
            N_("El servicio al que se le pidió falló."),
        ),
        (r"status code 4\d\d", N_("El servicio al que se le pidió no aceptó el pedido.")),
    )
)


def reason_word(reason: str | None) -> str | None:
    """Return what a failure means; None where no more is known than what was said."""
    if reason is None:
        return None
    return next((_(words) for pattern, words in _KNOWN if pattern.search(reason)), None)


FILTERS: Final[dict[str, Callable[..., Any]]] = {"reason_word": reason_word}
