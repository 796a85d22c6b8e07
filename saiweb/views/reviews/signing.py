"""Signatures: a verdict is signed with the key of this session, which the password or passphrase opens once.

Where the key is locked, what was typed is saved as a draft, and the page that asks for the password signs that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from flask import Response, abort, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from saiweb import identity, review_forms, web
from saiweb.queries import review_queue
from saiweb.review_records import Asker
from saiweb.services import passwords, throttle
from saiweb.services import reviews as service
from saiweb.services.expert_keys import NoSigningKeyError, WrongSecretError
from saiweb.services.review_rules import UNDO, KeyLockedError, RefusedError
from saiweb.services.reviews import Opened, StaleError
from saiweb.services.verdicts import FieldError
from saiweb.views import proof
from saiweb.views.reviews import blueprint, cockpit
from saiweb.views.reviews.blueprint import reviews

Act = Literal["sign", "agree", "cannot_tell"]
ACTS: Final[tuple[Act, ...]] = ("sign", "agree", "cannot_tell")


@reviews.post("/<uuid:review_id>/verdict")
def verdict(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/verdict: sign what the form says, that one agrees with the AI, or that one cannot tell."""
    asker, now, act = blueprint.asker(), datetime.now(UTC), _act()
    version, seen = cockpit.version_of_form(), request.form.get("seen", "")
    try:
        found = service.opened(web.conn(), asker, review_id, now)
        ai, detections = found.subject["ai"], found.subject["detections"]
        content = review_forms.content(blueprint.fields(), detections)
        if act == "agree":
            if ai is None or ai["risk_level"] is None:
                raise FieldError("risk_level", "The AI said nothing that one could agree with.")
            content = review_forms.agreeing(content, ai["risk_level"], detections)
        try:
            _sign(asker, found, act, content, version, seen, now)
        except KeyLockedError:
            version = service.save_draft(web.conn(), asker, review_id, content, based_on=version)
            return _ask_for_key(review_id, act, version, seen)
    except (StaleError, FieldError, RefusedError) as error:
        return _not_signed(review_id, error)
    return _signed(asker, review_id)


@reviews.post("/<uuid:review_id>/key")
def key(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/key: open the signing key with `secret`, then do `act` with the draft."""
    asker, act = blueprint.asker(), _act()
    version, seen = cockpit.version_of_form(), request.form.get("seen", "")
    problem = open_key(request.form.get("secret", ""))
    if problem is not None:
        return _ask_for_key(review_id, act, version, seen, problem)
    try:
        now = datetime.now(UTC)
        found = service.opened(web.conn(), asker, review_id, now)
        _sign(asker, found, act, found.draft.content, version, seen, now)
    except (StaleError, FieldError, RefusedError) as error:
        return _not_signed(review_id, error)
    return _signed(asker, review_id)


@reviews.post("/<uuid:review_id>/undo")
def undo(review_id: UUID) -> BaseResponse:
    """POST /reviews/<id>/undo: withdraw the verdict that was signed a moment ago, and show the review again."""
    try:
        service.undo(web.conn(), blueprint.asker(), review_id, signer=_signer(), now=datetime.now(UTC))
    except KeyLockedError:  # it was open ten seconds ago
        return blueprint.refused(RefusedError("too_late"))
    except RefusedError as error:
        return blueprint.refused(error)
    return blueprint.leave(url_for("reviews.show", review_id=review_id), {"kind": "undone"})


def open_key(secret: str) -> Mapping[str, Any] | None:
    """Open the signing key of this session, counted and slowed down as a sign-in; what is wrong, or None.

    The request's transaction ends first: nothing may wait for a connection while the password is worked on.
    """
    who, user_id = identity.person(), proof.user_id()
    web.close_conn()
    shared = web.saiweb()
    counters = throttle.counters(str(user_id), request.remote_addr, identity.known_device(user_id))
    with shared.database.connection() as conn:
        wait = throttle.attempt(conn, counters, datetime.now(UTC))
        if wait is not None:
            return _refused_key("throttled", wait)
    try:
        with shared.database.connection() as conn:
            shared.signers.unlock(conn, who.session_id, user_id, secret)
    except passwords.TooManyAtOnceError:
        return {"problem": "busy", "wait": timedelta(seconds=5), "status": 503}
    except NoSigningKeyError:
        return {"problem": "no_key", "wait": None, "status": 409}
    except WrongSecretError:
        return _refused_key("wrong", None)
    with shared.database.connection() as conn:
        throttle.succeed(conn, counters)
    identity.log("expert_key.open", "session", who.session_id)
    return None


def _refused_key(problem: str, wait: timedelta | None) -> Mapping[str, Any]:
    identity.log("expert_key.refused", "session", identity.person().session_id, is_kept=True, reason=problem)
    return {"problem": problem, "wait": wait, "status": 422 if wait is None else 429}


def _sign(
    asker: Asker, found: Opened, act: Act, content: Mapping[str, Any], version: int, seen: str, now: datetime
) -> None:
    kind = "cannot_tell" if act == "cannot_tell" else "verdict"
    service.sign(web.conn(), asker, found, kind, content, based_on=version, seen=seen, signer=_signer(), now=now)


def _signer() -> Any:
    who = identity.person()
    return web.saiweb().signers.get(web.conn(), who.session_id, who.user_id)


def _not_signed(review_id: UUID, error: StaleError | FieldError | RefusedError) -> BaseResponse:
    if isinstance(error, StaleError):
        return cockpit.stale(review_id, error)
    if isinstance(error, FieldError):
        return cockpit.flawed(review_id, error)
    return blueprint.refused(error)


def _signed(asker: Asker, review_id: UUID) -> BaseResponse:
    """Go on to the next, with ten seconds to undo; htmx gets it with this very answer."""
    notice = {"kind": "signed", "undo": str(review_id)}
    following = review_queue.following(web.conn(), asker, but=review_id)
    if not blueprint.is_htmx() or following is None:
        return blueprint.leave(cockpit.next_address(asker, review_id), notice)
    work = service.work(web.conn(), asker, following, datetime.now(UTC))
    if cockpit.topics_of(work.item) != tuple(request.form.get("topics", "").split(",")):
        return blueprint.leave(url_for("reviews.show", review_id=following), notice)  # the frame of the page is another
    found = cockpit.context(work, notices=[{**notice, "can_undo": True, "until": datetime.now(UTC) + UNDO}])
    response = web.as_page(make_response(render_template("reviews/_next.html", **found)))
    response.headers["HX-Push-Url"] = url_for("reviews.show", review_id=following)
    return response


def _ask_for_key(
    review_id: UUID, act: Act, version: int, seen: str, problem: Mapping[str, Any] | None = None
) -> Response:
    """Ask for the password or passphrase: a page, or a layer over the page where htmx asked."""
    found: dict[str, Any] = {"review_id": review_id, "act": act, "version": version, "seen": seen, "problem": problem}
    status = 200 if problem is None else int(problem["status"])
    if blueprint.is_htmx():
        response = web.as_page(make_response(render_template("reviews/_key_layer.html", **found, is_layer=True)))
        response.headers.update({"HX-Retarget": "#layer", "HX-Reswap": "innerHTML"})
        return response
    return web.render_page("reviews/key.html", topics=(), status=status, **found, is_layer=False)


def _act() -> Act:
    raw = request.form.get("act", "")
    if raw not in ACTS:
        abort(400, f"act: one of {', '.join(ACTS)}")
    return raw
