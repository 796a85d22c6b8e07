"""My signing key: its public half to take away, and the passphrase of people who sign in elsewhere."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, web
from saiweb.queries import expert_keys as queries
from saiweb.records import Account
from saiweb.services import expert_keys as services
from saiweb.services import password_rules, passwords
from saiweb.views import proof
from saiweb.views.account import page

expert_keys = Blueprint("expert_keys", __name__, url_prefix="/account/keys")


@expert_keys.get("/<uuid:key_id>.pem")
def download(key_id: UUID) -> Response:
    """GET /account/keys/<id>.pem: the public half of a key of mine, in use or retired."""
    found = next((one for one in queries.of_person(web.conn(), proof.user_id()) if one.id == key_id), None)
    if found is None:
        abort(404)
    response = Response(services.pem(found.public_key), mimetype="application/x-pem-file")
    response.headers["Content-Disposition"] = f'attachment; filename="sai-{key_id}.pem"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@expert_keys.post("")
def save_passphrase() -> BaseResponse:
    """POST /account/keys: `new`, `again`, and `present` to keep the key; for people without a password here.

    Without `present` there is a new key, and the one before is retired.
    """
    mine = proof.account()
    key = queries.current(web.conn(), mine.id)
    if mine.password_hash is not None and (key is None or key.is_under_password):
        abort(403)  # the key is under the password
    asked = proof.demand(url_for("account.show"))
    if asked is not None:
        return asked
    new, present = request.form.get("new", ""), request.form.get("present", "")
    names = (mine.username, mine.email, mine.full_name)
    problems = password_rules.problems(new, repeated=request.form.get("again", ""), names=names)
    if problems or len(present) > passwords.MAX_LENGTH:
        return page(422, key_problems=problems, key_refusal=None if problems else "wrong")
    web.close_conn()
    try:
        if key is not None and present:
            return _rewrapped(mine, key, present, new)
        sealed = services.make(new, "passphrase")
    except passwords.TooManyAtOnceError:
        return page(503, key_refusal="busy")
    key_id = services.renew(web.conn(), mine.id, sealed, services.REPLACED)
    identity.log("expert_key.make", "user", mine.id, key=str(key_id), retired=None if key is None else str(key.id))
    return redirect(url_for("account.show", saved="key", _anchor="key"), 303)


def _rewrapped(mine: Account, key: queries.ExpertKey, present: str, new: str) -> BaseResponse:
    try:
        sealed = services.rewrap(key, present, new)
    except services.WrongSecretError:
        identity.log("expert_key.refused", "user", mine.id, is_kept=True, key=str(key.id))
        return page(422, key_refusal="wrong")
    if not queries.rewrap(web.conn(), key.id, sealed):
        abort(409)
    identity.log("expert_key.rewrap", "user", mine.id, key=str(key.id))
    return redirect(url_for("account.show", saved="key", _anchor="key"), 303)
