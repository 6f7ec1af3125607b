"""Refuses bodies above a size while they arrive, in the words of whichever part would have read them."""

from starlette import status
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UploadLimit:
    """Raises 413 where a body is read that is larger than `largest_bytes`.

    Starlette's own limit answers in plain text whatever the error handlers say; raised where the body is read, the error
    reaches the handlers of the console or of the API.
    """

    def __init__(self, app: ASGIApp, *, largest_bytes: int) -> None:
        self.app, self.largest_bytes = app, largest_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; count its body as it is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > self.largest_bytes:
                raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE)
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.largest_bytes:
                raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE)
            return message

        await self.app(scope, receive_counted, send)
