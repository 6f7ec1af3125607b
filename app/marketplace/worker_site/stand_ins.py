"""Addresses of MTurk's own that old pages hold, and what stands in for them here.

Pages of twenty years post to www.mturk.com by name and load its `externalHIT_v1.js`. MTurk is closed: left as they are,
their answers would go nowhere. The stored Question stays as it was given; only what is served is changed.
"""

import re

_SUBMIT = re.compile(
    r"(?:https?:)?//(?:www|worker|workersandbox)\.mturk\.com(?::443)?/+mturk/externalSubmit\b", re.IGNORECASE
)
_SCRIPT = re.compile(
    r"(?:https?:)?//(?:s3\.amazonaws\.com/mturk-public|mturk-public\.s3\.amazonaws\.com)/externalHIT_v1\.js",
    re.IGNORECASE,
)
SCRIPT = "/static/externalHIT_v1.js"


def at_home(page: str, submit_to: str) -> str:
    """The page with this marketplace (`submit_to`: its URL without a trailing slash) in the place of MTurk's addresses."""
    page = _SUBMIT.sub(lambda _: f"{submit_to}/mturk/externalSubmit", page)
    return _SCRIPT.sub(lambda _: submit_to + SCRIPT, page)
