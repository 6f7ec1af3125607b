"""Keeps other sites from sending our forms: a token per login in every form, and the browser's word on who sent it."""

import secrets

from fastapi import Request

from app.errors import Forbidden

FIELD = "csrf_token"
_OWN_SITES = {"same-origin", "none"}


def refuse_other_sites(request: Request) -> None:
    """Raise Forbidden where the browser says that another site sent this form. All that the sign-in form can check."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise Forbidden("send this form from another site")


async def check(request: Request, expected: str) -> None:
    """Raise Forbidden unless the form carries the login's own token.

    Async, unlike everything else here, because only so can a dependency read the form, which is parsed once and kept.
    """
    refuse_other_sites(request)
    form = await request.form()
    sent = form.get(FIELD)
    if not isinstance(sent, str) or not secrets.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden("send this form: it is too old or not ours, so reload the page and try again")
