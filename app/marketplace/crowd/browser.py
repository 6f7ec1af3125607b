"""A simulated Worker's browser: cookies for the site, none for what stands in the sandboxed frame."""

import asyncio
import base64
import hashlib
import math
import ssl
import time
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import unquote_to_bytes, urljoin

import httpx2

from app.marketplace.crowd.errors import SiteUnreachable
from app.marketplace.crowd.pages import Form, Page

# Every request here may be repeated: accepting again gives the same Assignment, submitting again stores nothing new.
_PAUSES_S = (0.1, 0.4, 1.6)
_TIMEOUT = httpx2.Timeout(60.0, pool=None)
_MOST_REDIRECTS = 10
_POOL_SIZE = 8
_LAST_REPLY_S = 3.0


@asynccontextmanager
async def transports(concurrency: int) -> AsyncIterator[Sequence[httpx2.AsyncBaseTransport]]:
    """The connections that all Workers share: as many as requests may be under way at a time, in several pools.

    A pool looks at each of its connections for each request, so a big one is slow.
    """
    pools = math.ceil(concurrency / _POOL_SIZE)
    trusted = ssl.create_default_context()
    async with AsyncExitStack() as opened:
        sizes = _shared_out(concurrency, pools)
        yield [await opened.enter_async_context(transport(size, trusted)) for size in sizes]


def transport(concurrency: int, trusted: ssl.SSLContext | None = None) -> httpx2.AsyncHTTPTransport:
    """One pool of connections. `trusted`: read once for many pools, since that takes a while."""
    # Less than uvicorn's 5 s, so that a connection is rarely closed from the other side while it is taken up again.
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=2.0)
    return httpx2.AsyncHTTPTransport(limits=limits, verify=trusted or ssl.create_default_context())


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
        """Send a form of the site; the page that it leads to.

        Who is told to stop meanwhile waits a little for the reply: the site may have done what the form asked for.
        """
        sent = asyncio.ensure_future(_asked(self._top, "POST", form.action, {**form.fields, **fields}))
        try:
            return await asyncio.shield(sent)
        except asyncio.CancelledError:
            await asyncio.wait([sent], timeout=_LAST_REPLY_S)
            if not sent.cancel() and not sent.cancelled():
                sent.exception()  # looked at, so that asyncio does not complain about it
            raise

    async def open_in_frame(self, url: str) -> Page:
        """What stands in the frame."""
        return await _asked(self._frame, "GET", url, seen_by_many=True)

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


def _shared_out(number: int, parts: int) -> list[int]:
    return [number // parts + (part < number % parts) for part in range(parts)]


def _client(shared: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    # trust_env: a proxy of the environment would stand between the transport and the site.
    return httpx2.AsyncClient(transport=shared, follow_redirects=False, timeout=_TIMEOUT, trust_env=False)


async def _asked(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    fields: Mapping[str, str] | None = None,
    *,
    seen_by_many: bool = False,
) -> Page:
    began = time.perf_counter()
    response = await _response(client, method, url, fields)
    took_s = time.perf_counter() - began
    away = str(response.next_request.url) if response.next_request is not None else ""
    return Page.of(
        str(response.url), response.status_code, response.text, leads_to=away, took_s=took_s, seen_by_many=seen_by_many
    )


async def _response(
    client: httpx2.AsyncClient, method: str, url: str, fields: Mapping[str, str] | None = None
) -> httpx2.Response:
    reason = ""
    for pause_s in (*_PAUSES_S, None):
        try:
            response = await _followed(client, await client.request(method, url, data=fields))
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


async def _followed(client: httpx2.AsyncClient, response: httpx2.Response) -> httpx2.Response:
    """What the redirects lead to on the same site. The last of them when they lead away: nobody goes there for us."""
    for _ in range(_MOST_REDIRECTS):
        following = response.next_request
        if following is None or following.url.netloc != response.request.url.netloc:
            return response
        response = await client.send(following)
    raise httpx2.TooManyRedirects("too many redirects", request=response.request)


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
