"""Letters: what the mails of this program say, in the language in force; `{link}` stands where the link will."""

from __future__ import annotations

from flask_babel import gettext as _  # pyright: ignore[reportUnknownVariableType]

from saiweb.services.links import LASTS
from saiweb.services.mail import Letter


def invitation(username: str) -> Letter:
    """Tell somebody who was let in how to choose a password."""
    return _letter(
        _("Te invitaron a SAI"),
        _("Te invitaron a SAI, el sistema de alerta de incendios. Tu usuario es %(name)s.", name=username),
        _("Para elegir tu contraseña abrí este enlace:"),
        _("Sirve una sola vez, durante %(hours)d horas.", hours=_hours("invitation")),
        _("Si no sabés de qué se trata, no hagas nada."),
    )


def password_link() -> Letter:
    """Tell somebody who asked, or whose admin did, how to choose another password."""
    return _letter(
        _("Tu enlace para elegir una contraseña de SAI"),
        _("Alguien pidió elegir de nuevo la contraseña de tu cuenta de SAI."),
        _("Si fuiste vos, abrí este enlace:"),
        _("Sirve una sola vez, durante %(hours)d horas.", hours=_hours("password")),
        _("Si no fuiste vos, no hagas nada: tu contraseña sigue siendo la misma."),
    )


def _letter(subject: str, opening: str, invitation_to_open: str, lasts: str, closing: str) -> Letter:
    return Letter(subject, f"{opening}\n\n{invitation_to_open}\n\n{{link}}\n\n{lasts}\n{closing}\n")


def _hours(purpose: str) -> int:
    return int(next(lasts for name, lasts in LASTS.items() if name == purpose).total_seconds()) // 3600
