"""What old pages expect of MTurk's own hosts, and what stands in for it here.

Pages of twenty years post to www.mturk.com by name, load its `externalHIT_v1.js` or AWS's `crowd-html-elements.js`, and
keep things in the browser's storage, which all questions shared. MTurk is closed and our questions have no origin to
keep things in: left as they are, their answers would go nowhere. The stored Question stays as it was given; only what is
served is changed.
"""

import re
from pathlib import Path

_SUBMIT = re.compile(
    r"(?:https?:)?//(?:www|worker|workersandbox)\.mturk\.com(?::443)?/+mturk/externalSubmit\b", re.IGNORECASE
)
_SCRIPT = re.compile(
    r"(?:https?:)?//(?:s3\.amazonaws\.com/mturk-public|mturk-public\.s3\.amazonaws\.com)/externalHIT_v1\.js",
    re.IGNORECASE,
)
_CROWD_ELEMENTS = re.compile(r"(?:https?:)?//assets\.crowd\.aws/crowd-html-elements(?:-v2)?\.js", re.IGNORECASE)
SCRIPT = "/static/externalHIT_v1.js"
CROWD_ELEMENTS = "/static/crowd-html-elements.js"

# By their own words, or by a library that may.
_MAY_KEEP_THINGS = re.compile(r"localStorage|sessionStorage|\.cookie\b|<script\b[^>]*\ssrc\b", re.IGNORECASE)
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)
# Before the doctype there may be no element: the page would be shown as those of 1998 were.
_DOCTYPE = re.compile(r"(?:[\s\ufeff]|<!--.*?-->)*<!doctype[^>]*>", re.IGNORECASE | re.DOTALL)
_FIRST_SCRIPT = re.compile(r"<script\b|<body\b", re.IGNORECASE)
# Inside the page: it has to run before the page's own scripts, whatever becomes of the network.
_STORAGE = (Path(__file__).parent / "static" / "frame_storage.js").read_text(encoding="utf-8")


def at_home(page: str, submit_to: str) -> str:
    """The page with this marketplace (`submit_to`: its URL without a trailing slash) in the place of MTurk and AWS."""
    page = _SUBMIT.sub(lambda _: f"{submit_to}/mturk/externalSubmit", page)
    page = _SCRIPT.sub(lambda _: submit_to + SCRIPT, page)
    page = _CROWD_ELEMENTS.sub(lambda _: submit_to + CROWD_ELEMENTS, page)
    return _with_storage(page) if _MAY_KEEP_THINGS.search(page) else page


def _with_storage(page: str) -> str:
    """The page with a memory in the place of the browser's storage, there before its first script."""
    script = _FIRST_SCRIPT.search(page)
    head = _HEAD.search(page, 0, script.start() if script else len(page))
    start = head or _DOCTYPE.match(page)
    at = start.end() if start else 0
    return f"{page[:at]}<script>{_STORAGE}</script>{page[at:]}"
