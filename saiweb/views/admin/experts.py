"""An expert's profile and calendar, for admins."""

from __future__ import annotations

from uuid import UUID

from flask import Response
from werkzeug.wrappers import Response as BaseResponse

from saiweb.views import expert_forms, viewed
from saiweb.views.admin import guards
from saiweb.views.admin.blueprint import admin


@admin.get("/people/<uuid:user_id>/expert")
def expert(user_id: UUID) -> Response:
    """GET /admin/people/<id>/expert?month=2026-11"""
    account = guards.load_person(user_id)
    response = expert_forms.page(account, _place(user_id), asked=guards.asked("month", "saved"))
    viewed.note("expert.view", "user", user_id)
    return response


@admin.post("/people/<uuid:user_id>/expert")
def save_expert(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/expert"""
    return expert_forms.save_profile(guards.load_person(user_id), _place(user_id))


@admin.post("/people/<uuid:user_id>/hours")
def save_hours(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/hours"""
    return expert_forms.save_hours(guards.load_person(user_id), _place(user_id))


@admin.post("/people/<uuid:user_id>/absences")
def add_absence(user_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/absences"""
    return expert_forms.add_absence(guards.load_person(user_id), _place(user_id))


@admin.post("/people/<uuid:user_id>/absences/<uuid:absence_id>/cancel")
def cancel_absence(user_id: UUID, absence_id: UUID) -> BaseResponse:
    """POST /admin/people/<id>/absences/<id>/cancel"""
    return expert_forms.cancel_absence(guards.load_person(user_id), _place(user_id), absence_id)


def _place(user_id: UUID) -> expert_forms.Place:
    return expert_forms.Place(
        show="admin.expert",
        save="admin.save_expert",
        save_hours="admin.save_hours",
        add_absence="admin.add_absence",
        cancel_absence="admin.cancel_absence",
        values={"user_id": user_id},
    )
