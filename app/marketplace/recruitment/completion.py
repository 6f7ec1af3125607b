"""Where people are sent when they are done: only where the Requester said, with what they came with safely encoded."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

LONGEST_TARGET = 2000
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_.\-]{0,63})\}")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def target_problem(url: str) -> str | None:
    """What is wrong with this completion URL; None: nothing.

    Placeholders may stand behind the host alone: nobody's parameters choose the site to which a browser is sent.
    """
    if len(url) > LONGEST_TARGET or not url.isascii() or not url.isprintable() or any(c in url for c in ' \\"<>'):
        return f"use a URL of at most {LONGEST_TARGET} plain characters, without spaces"
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return "this is no URL"
    here = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        return "use an https:// address (http:// only for this machine)"
    if not parts.hostname or "@" in parts.netloc or "{" in parts.netloc or "%" in parts.netloc:
        return "the address needs a plain host name, without placeholders or a password"
    if re.search(r"[{}]", _PLACEHOLDER.sub("", url)):
        return "braces are for placeholders alone: {code}, or {parameter} for something people came with"
    return None


def link(target: str, code: str | None, parameters: Mapping[str, str]) -> str:
    """The target with its placeholders filled; a parameter that nobody came with is left empty."""
    known = {**parameters, "code": code or ""}
    return _PLACEHOLDER.sub(lambda found: _encoded(known.get(found[1], "")), target)


def _encoded(value: str) -> str:
    # A value of dots alone would climb the path.
    return "" if not value.strip(".") else quote(value, safe="")
