"""A one-time link as the admin sees it: once, in the answer that made it, which nothing stores."""

from __future__ import annotations

from flask import Response

from saiweb import letters, web
from saiweb.records import Account
from saiweb.services import links, mail
from saiweb.services.people import NewLink


def show(account: Account, link: NewLink) -> Response:
    """Answer with the link, and mail it where there is an address and a mail server."""
    config = web.saiweb().config
    address = links.address(config, link.code)
    mailed_to = account.email if config.has_mail else None
    if mailed_to is not None:
        letter = letters.invitation(account.username) if link.purpose == "invitation" else letters.password_link()
        mail.post(config, to=mailed_to, letter=letter, link=address)
    response = web.render_page(
        "admin/link.html",
        account=account,
        address=address,
        purpose=link.purpose,
        hours=int(links.LASTS[link.purpose].total_seconds()) // 3600,
        mailed_to=mailed_to,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
