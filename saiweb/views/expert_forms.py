"""An expert's profile and calendar, as the expert and as admins change them: the same forms at two addresses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import experts as expert_queries
from saiweb.queries.experts import Hours, Profile
from saiweb.records import Account
from saiweb.services import experts as expert_rules
from saiweb.services.experts import FieldError

WEEKDAYS: Final = range(1, 8)
PROFILE_FIELDS: Final = ("certification", "certification_number", "certified_until", "specialisations")
ABSENCE_FIELDS: Final = ("starts_on", "ends_on", "note")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the forms stand: the blueprint's name and what its addresses need besides."""

    show: str
    save: str
    save_hours: str
    add_absence: str
    cancel_absence: str
    values: dict[str, UUID]

    def address(self, **more: Any) -> str:
        return url_for(self.show, **self.values, **more)


def page(
    account: Account,
    place: Place,
    *,
    status: int = 200,
    wrong: str | None = None,
    typed: dict[str, str] | None = None,
    asked: dict[str, str] | None = None,
) -> Response:
    """Render the page; `wrong` is the field that could not be kept, `typed` what its form held."""
    conn = web.conn()
    local = datetime.now(web.saiweb().config.timezone)
    first = _month(asked or {}, local.date())
    profile = expert_queries.profile(conn, account.id) or Profile(specialisations=[])
    hours = expert_queries.hours(conn, account.id)
    absences = expert_queries.absences(conn, account.id, since=min(first, local.date()))
    before, after = expert_rules.months_around(first)
    return web.render_page(
        "profile/show.html",
        status=status,
        account=account,
        place=place,
        is_own="user_id" not in place.values,
        profile=_shown(profile) | _of(typed, PROFILE_FIELDS),
        absence=dict.fromkeys(ABSENCE_FIELDS, "") | _of(typed, ABSENCE_FIELDS),
        week=_shown_week(hours) | _typed_week(typed),
        wrong=wrong,
        first=first,
        month_before=f"{before:%Y-%m}",
        month_after=f"{after:%Y-%m}",
        weeks=expert_rules.month(hours, absences, first),
        absences=[one for one in absences if one.ends_on >= local.date()],
        today=local.date(),
        is_available=expert_rules.is_available(hours, absences, local) if hours else None,
        saved=(asked or {}).get("saved"),
    )


def save_profile(account: Account, place: Place) -> BaseResponse:
    """Keep `certification`, `certification_number`, `certified_until`, `specialisations`."""
    typed = _typed(PROFILE_FIELDS)
    try:
        wanted = expert_rules.parse_profile(*(typed[name] for name in PROFILE_FIELDS))
    except FieldError as error:
        return page(account, place, status=HTTPStatus.UNPROCESSABLE_ENTITY, wrong=error.name, typed=typed)
    present = expert_queries.profile(web.conn(), account.id) or Profile(specialisations=[])
    before, after = _logged(present), _logged(wanted)
    if before != after:
        expert_queries.save_profile(web.conn(), account.id, wanted)
        identity.log("expert.profile", "user", account.id, before=before, after=after)
    return redirect(place.address(saved="profile"), HTTPStatus.SEE_OTHER)


def save_hours(account: Account, place: Place) -> BaseResponse:
    """Keep `start_1` and `end_1` (Monday) to `start_7` and `end_7`; both empty: no hours on that day."""
    typed = _typed(tuple(f"{name}_{weekday}" for weekday in WEEKDAYS for name in ("start", "end")))
    try:
        wanted = expert_rules.parse_week(
            {weekday: (typed[f"start_{weekday}"], typed[f"end_{weekday}"]) for weekday in WEEKDAYS}
        )
    except FieldError as error:
        return page(account, place, status=HTTPStatus.UNPROCESSABLE_ENTITY, wrong=error.name, typed=typed)
    present = expert_queries.hours(web.conn(), account.id)
    if present != wanted:
        expert_queries.save_hours(web.conn(), account.id, wanted)
        identity.log("expert.hours", "user", account.id, before=_logged_week(present), after=_logged_week(wanted))
    return redirect(place.address(saved="hours", _anchor="hours"), HTTPStatus.SEE_OTHER)


def add_absence(account: Account, place: Place) -> BaseResponse:
    """Keep `starts_on`, `ends_on`, `note`."""
    typed = _typed(ABSENCE_FIELDS)
    try:
        starts_on, ends_on, text = expert_rules.parse_absence(*(typed[name] for name in ABSENCE_FIELDS))
    except FieldError as error:
        return page(account, place, status=HTTPStatus.UNPROCESSABLE_ENTITY, wrong=error.name, typed=typed)
    absence_id = expert_queries.add_absence(web.conn(), account.id, starts_on=starts_on, ends_on=ends_on, note=text)
    after = {"absence": str(absence_id), "starts_on": str(starts_on), "ends_on": str(ends_on), "note": text}
    identity.log("expert.absence", "user", account.id, after=after)
    return redirect(place.address(saved="absence", _anchor="absences"), HTTPStatus.SEE_OTHER)


def cancel_absence(account: Account, place: Place, absence_id: UUID) -> BaseResponse:
    """Cancel an absence of this person; another's is not found."""
    cancelled = expert_queries.cancel_absence(web.conn(), absence_id, account.id)
    if cancelled is None:
        abort(HTTPStatus.NOT_FOUND)
    before = {"absence": str(absence_id), "starts_on": str(cancelled.starts_on), "ends_on": str(cancelled.ends_on)}
    identity.log("expert.absence_cancelled", "user", account.id, before=before)
    return redirect(place.address(saved="absence", _anchor="absences"), HTTPStatus.SEE_OTHER)


def _typed(names: tuple[str, ...]) -> dict[str, str]:
    typed = {name: request.form.get(name, "") for name in names}
    for name, value in typed.items():
        if "\x00" in value:
            abort(HTTPStatus.BAD_REQUEST, f"{name}: no text")
    return typed


def _of(typed: dict[str, str] | None, names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in (typed or {}).items() if name in names}


def _shown(profile: Profile) -> dict[str, str]:
    return {
        "certification": profile.certification or "",
        "certification_number": profile.certification_number or "",
        "certified_until": str(profile.certified_until or ""),
        "specialisations": ", ".join(profile.specialisations),
    }


def _logged(profile: Profile) -> dict[str, Any]:
    found = {name: value for name, value in asdict(profile).items() if name in PROFILE_FIELDS}
    return found | {"certified_until": None if profile.certified_until is None else str(profile.certified_until)}


def _shown_week(week: dict[int, Hours]) -> dict[int, tuple[str, str]]:
    none: tuple[str, str] = ("", "")
    return dict.fromkeys(WEEKDAYS, none) | {day: (f"{one:%H:%M}", f"{two:%H:%M}") for day, (one, two) in week.items()}


def _typed_week(typed: dict[str, str] | None) -> dict[int, tuple[str, str]]:
    if typed is None or "start_1" not in typed:
        return {}
    return {day: (typed[f"start_{day}"], typed[f"end_{day}"]) for day in WEEKDAYS}


def _logged_week(week: dict[int, Hours]) -> dict[str, str]:
    return {str(day): f"{one:%H:%M}-{two:%H:%M}" for day, (one, two) in sorted(week.items())}


def _month(asked: dict[str, str], today: date) -> date:
    try:
        return expert_rules.parse_month(asked["month"]) if "month" in asked else today.replace(day=1)
    except FieldError:
        abort(HTTPStatus.BAD_REQUEST, "month: such as 2026-11")
