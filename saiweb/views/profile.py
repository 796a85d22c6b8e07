"""My profile and calendar, for experts."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Blueprint, Response
from werkzeug.wrappers import Response as BaseResponse

from saiweb.views import expert_forms, proof
from saiweb.views.admin import guards

profile = Blueprint("profile", __name__, url_prefix="/account/profile")

MINE: Final = expert_forms.Place(
    show="profile.show",
    save="profile.save",
    save_hours="profile.save_hours",
    add_absence="profile.add_absence",
    cancel_absence="profile.cancel_absence",
    values={},
)


@profile.get("")
def show() -> Response:
    """GET /account/profile?month=2026-11"""
    return expert_forms.page(proof.account(), MINE, asked=guards.asked("month", "saved"))


@profile.post("")
def save() -> BaseResponse:
    """POST /account/profile"""
    return expert_forms.save_profile(proof.account(), MINE)


@profile.post("/hours")
def save_hours() -> BaseResponse:
    """POST /account/profile/hours"""
    return expert_forms.save_hours(proof.account(), MINE)


@profile.post("/absences")
def add_absence() -> BaseResponse:
    """POST /account/profile/absences"""
    return expert_forms.add_absence(proof.account(), MINE)


@profile.post("/absences/<uuid:absence_id>/cancel")
def cancel_absence(absence_id: UUID) -> BaseResponse:
    """POST /account/profile/absences/<id>/cancel"""
    return expert_forms.cancel_absence(proof.account(), MINE, absence_id)
