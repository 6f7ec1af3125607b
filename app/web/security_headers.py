"""Headers that tell browsers what our pages may not do. A route that needs others sets them itself."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Thumbnails come from wherever the item file says; nothing else comes from outside, and nothing runs or styles inline.
PAGE_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: http: https:",
        "media-src 'self' data: http: https:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
# The page that Workers see brings its scripts and styles inline, so it runs in an opaque origin and may send nothing.
QUESTION_POLICY = "; ".join(
    [
        "sandbox allow-scripts",
        "default-src 'none'",
        "img-src * data:",
        "media-src * data:",
        "style-src 'unsafe-inline'",
        "script-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ]
)
QUESTION_HEADERS = {"Content-Security-Policy": QUESTION_POLICY, "X-Frame-Options": "SAMEORIGIN"}

_DEFAULTS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class SecurityHeaders:
    """Adds each default header that an answer does not have yet. By https it also asks browsers to stay there."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.defaults = _DEFAULTS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; complete the headers of what comes back."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.defaults.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
