"""A simulated Worker's browser: cookies for the site, none for what stands in the sandboxed frame."""

import asyncio
import base64
import hashlib
from binascii import Error as NotBase64
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urljoin

import httpx2

from app.marketplace.crowd.errors import SiteUnreachable
from app.marketplace.crowd.pages import Form, Page

# Every request here may be repeated: accepting again gives the same Assignment, submitting again stores nothing new.
_PAUSES_S = (0.1, 0.4, 1.6)
_TIMEOUT = httpx2.Timeout(60.0, pool=None)


def transport(concurrency: int) -> httpx2.AsyncHTTPTransport:
    """The connections that all Workers share: as many as may be under way at a time."""
    # Less than uvicorn's 5 s, so that a connection is rarely closed from the other side while it is taken up again.
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=2.0)
    return httpx2.AsyncHTTPTransport(limits=limits)


class Browser:
    """Requests of one Worker. Raises SiteUnreachable when a page does not come after several tries."""

    def __init__(self, site: str, shared: httpx2.AsyncBaseTransport) -> None:
        self._site = site.rstrip("/") + "/"
        self._top = _client(shared)
        self._frame = _client(shared)

    async def open(self, path: str) -> Page:
        """A page of the site; `path` may also be a whole address."""
        return await _asked(self._top, "GET", urljoin(self._site, path.lstrip("/")))

    async def send(self, form: Form, **fields: str) -> Page:
        """Send a form of the site; the page that it leads to."""
        return await _asked(self._top, "POST", form.action, {**form.fields, **fields})

    async def open_in_frame(self, url: str) -> Page:
        """What stands in the frame."""
        return await _asked(self._frame, "GET", url)

    async def send_from_frame(self, url: str, fields: Mapping[str, str]) -> Page:
        """Send the form in the frame: its origin is its own, so the site's cookie stays away."""
        return await _asked(self._frame, "POST", url, fields)

    async def sha256_of(self, url: str) -> str | None:
        """The digest of a medium's bytes in hexadecimal; None when it does not load."""
        if url.startswith("data:"):
            data = _data_of(url)
            return None if data is None else hashlib.sha256(data).hexdigest()
        try:
            response = await _response(self._frame, "GET", url)
        except SiteUnreachable:
            return None
        return hashlib.sha256(response.content).hexdigest() if response.is_success else None


def _client(shared: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    # trust_env: a proxy of the environment would stand between the transport and the site.
    return httpx2.AsyncClient(transport=shared, follow_redirects=True, timeout=_TIMEOUT, trust_env=False)


async def _asked(client: httpx2.AsyncClient, method: str, url: str, fields: Mapping[str, str] | None = None) -> Page:
    response = await _response(client, method, url, fields)
    return Page.of(str(response.url), response.status_code, response.text)


async def _response(
    client: httpx2.AsyncClient, method: str, url: str, fields: Mapping[str, str] | None = None
) -> httpx2.Response:
    reason = ""
    for pause_s in (*_PAUSES_S, None):
        try:
            response = await client.request(method, url, data=fields)
        except httpx2.TransportError as fault:
            reason = str(fault) or type(fault).__name__
        except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
            raise SiteUnreachable(url, str(fault)) from fault
        else:
            if not response.is_server_error:
                return response
            reason = f"HTTP {response.status_code}"
        if pause_s is not None:
            await asyncio.sleep(pause_s)
    raise SiteUnreachable(url, reason)


def _data_of(url: str) -> bytes | None:
    """The bytes of a data: URL (RFC 2397); None when it is broken."""
    head, comma, body = url.partition(",")
    data = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return data if comma else None
    try:
        return base64.b64decode(data)
    except (NotBase64, ValueError):
        return None
