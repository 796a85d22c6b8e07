"""Who may do what: one table for routes and one for topics; what stands in neither is refused to everybody.

Roles are steps of no ladder: each row names all who may. A kiosk is a wall screen that only looks.
"""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["viewer", "expert", "admin"]
Rank = Literal["nobody", "kiosk", "viewer", "expert", "admin"]  # what asks: a person by role, a kiosk, or a stranger

ROLES: Final[tuple[Role, ...]] = ("viewer", "expert", "admin")
RANKS: Final[tuple[Rank, ...]] = ("nobody", "kiosk", *ROLES)

PUBLIC: Final[frozenset[Rank]] = frozenset(RANKS)
WATCHING: Final[frozenset[Rank]] = frozenset({"kiosk", *ROLES})
PEOPLE: Final[frozenset[Rank]] = frozenset(ROLES)
JUDGING: Final[frozenset[Rank]] = frozenset({"expert", "admin"})
EXPERTS: Final[frozenset[Rank]] = frozenset({"expert"})
ADMINS: Final[frozenset[Rank]] = frozenset({"admin"})

ROUTES: Final[dict[str, frozenset[Rank]]] = {
    # anybody
    "static": PUBLIC,
    "bundles.styles": PUBLIC,
    "health.probe": PUBLIC,
    "preferences.save": PUBLIC,
    "pwa.manifest": PUBLIC,
    "bundles.scripts": PUBLIC,
    "pwa.service_worker": PUBLIC,
    "pwa.offline": PUBLIC,
    "sign_in.show": PUBLIC,
    "sign_in.enter": PUBLIC,
    "sign_in.leave": PUBLIC,
    "oidc.start": PUBLIC,
    "oidc.callback": PUBLIC,
    "oidc.waiting": PUBLIC,
    "oidc.left": PUBLIC,
    "oidc.sign_out": PUBLIC,
    "links.show": PUBLIC,
    "links.look": PUBLIC,
    "links.choose_password": PUBLIC,
    "forgotten.show": PUBLIC,
    "forgotten.ask": PUBLIC,
    "second_factor.show": PUBLIC,
    "second_factor.enter": PUBLIC,
    # whoever watches
    "dashboard.index": WATCHING,
    "executions.show": WATCHING,
    "executions.stage": WATCHING,
    "executions.reel": WATCHING,
    "executions.drawn": PEOPLE,
    "executions.sequence": PEOPLE,
    "images.original": WATCHING,
    "images.thumb": WATCHING,
    "images.preview": WATCHING,
    "health.show": WATCHING,
    "events.stream": WATCHING,
    "sound.save": WATCHING,
    "events.fragment": WATCHING,
    "help.show": WATCHING,
    # every person, about themselves
    "account.show": PEOPLE,
    "pwa.alerts": PEOPLE,
    "styleguide.show": PEOPLE,
    "preferences.show": PEOPLE,
    "preferences.save_keys": PEOPLE,
    "account.save": PEOPLE,
    "account.change_password": PEOPLE,
    "account.end_session": PEOPLE,
    "account.end_others": PEOPLE,
    "proof.ask": PEOPLE,
    "proof.give": PEOPLE,
    "second_factor.set_up": PEOPLE,
    "second_factor.begin": PEOPLE,
    "second_factor.confirm": PEOPLE,
    "second_factor.renew_codes": PEOPLE,
    "second_factor.turn_off": PEOPLE,
    "expert_keys.download": PEOPLE,
    "expert_keys.save_passphrase": EXPERTS,
    # every person, on the list; a wall screen has nobody to search, and a file leaves the house
    "gallery.index": PEOPLE,
    "gallery.news": PEOPLE,
    "gallery.export": PEOPLE,
    "gallery.export_selection": PEOPLE,
    "searches.index": PEOPLE,
    "searches.save": PEOPLE,
    "searches.rename": PEOPLE,
    "searches.remove": PEOPLE,
    # whoever judges
    "gallery.acknowledge": JUDGING,
    "gallery.claim": JUDGING,
    "alerts.answered": PEOPLE,
    "alerts.claim": JUDGING,
    "alerts.release": JUDGING,
    "alerts.acknowledge": JUDGING,
    "alerts.undo": JUDGING,
    "reviews.index": JUDGING,
    "reviews.show": JUDGING,
    "reviews.standing": JUDGING,
    "reviews.see_notice": JUDGING,
    "reviews.ask": JUDGING,
    "reviews.evidence": JUDGING,
    "reviews.figures": JUDGING,
    "reviews.claim": EXPERTS,
    "reviews.release": EXPERTS,
    "reviews.draft": EXPERTS,
    "reviews.verdict": EXPERTS,
    "reviews.key": EXPERTS,
    "reviews.undo": EXPERTS,
    "reviews.park": EXPERTS,
    "reviews.escalate": EXPERTS,
    # experts, about themselves
    "profile.show": EXPERTS,
    "profile.save": EXPERTS,
    "profile.save_hours": EXPERTS,
    "profile.add_absence": EXPERTS,
    "profile.cancel_absence": EXPERTS,
    # whoever runs it
    "alerts.take_away": ADMINS,
    "health.retry": ADMINS,
    "admin.people": ADMINS,
    "admin.new_person": ADMINS,
    "admin.invite": ADMINS,
    "admin.person": ADMINS,
    "admin.rename": ADMINS,
    "admin.change_role": ADMINS,
    "admin.set_scope": ADMINS,
    "admin.disable": ADMINS,
    "admin.enable": ADMINS,
    "admin.end_sessions": ADMINS,
    "admin.make_link": ADMINS,
    "admin.reset_second_factor": ADMINS,
    "admin.expert": ADMINS,
    "admin.save_expert": ADMINS,
    "admin.save_hours": ADMINS,
    "admin.add_absence": ADMINS,
    "admin.cancel_absence": ADMINS,
    "admin.approvals": ADMINS,
    "admin.approve": ADMINS,
    "admin.refuse": ADMINS,
    "admin.settings": ADMINS,
    "admin.save_settings": ADMINS,
    "admin.roles": ADMINS,
    "admin.view_as": ADMINS,
    "admin.activity": ADMINS,
    "admin.export_activity": ADMINS,
    "reviews.assign": ADMINS,
    "reviews.take_back": ADMINS,
    "reviews.set_deadline": ADMINS,
    "reviews.reopen": ADMINS,
    "reviews.ask_another": ADMINS,
    "reviews.decide": ADMINS,
    "reviews.add_gold": ADMINS,
    "reviews.settings": ADMINS,
    "reviews.save_settings": ADMINS,
    "reviews.save_reason": ADMINS,
    "reviews.retire_reason": ADMINS,
    "reviews.retire_gold": ADMINS,
    "kiosks.index": ADMINS,
    "kiosks.create": ADMINS,
    "kiosks.renew": ADMINS,
    "kiosks.revoke": ADMINS,
}

TOPICS: Final[dict[str, frozenset[Rank]]] = {
    "critical": WATCHING,
    "queue": PEOPLE,
    "rest": PEOPLE,
    "wall": WATCHING,
    "live": WATCHING,
    "figures": WATCHING,
    "gallery": PEOPLE,
    "changes": WATCHING,
    "health": WATCHING,
    "reviews": JUDGING,
}

# All that is open, besides what anybody may call, to people whose role demands a second factor that they lack.
WITHOUT_SECOND_FACTOR: Final[frozenset[str]] = frozenset(
    {"second_factor.set_up", "second_factor.begin", "second_factor.confirm", "proof.ask", "proof.give"}
)


def may(rank: Rank, endpoint: str | None) -> bool:
    """Tell whether this rank may call the route; a route without a row is nobody's."""
    return endpoint is not None and rank in ROUTES.get(endpoint, ())


def may_hear(rank: Rank, topic: str) -> bool:
    """Tell whether this rank may listen to the topic; one without a row is nobody's."""
    return rank in TOPICS.get(topic, ())
