"""Refuses bodies above a size while they arrive, in the words of whichever part would have read them."""

from starlette import status
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Bodies that are no uploads are kept in memory as a whole, and none of ours comes near this.
LARGEST_FORM_MB = 1
# Where sheets of bonuses and decisions arrive, of any Batch.
SHEETS = "/sheet"
_MB = 1_000_000


class UploadLimit:
    """Raises 413 where a body is read that is too large: above `largest_upload_mb` on `uploads`, LARGEST_FORM_MB elsewhere.

    Starlette's own limit answers in plain text whatever the error handlers say; raised where the body is read, the error
    reaches the handlers of the console or of the API.
    """

    def __init__(self, app: ASGIApp, *, uploads: frozenset[str], largest_upload_mb: int) -> None:
        self.app, self.uploads, self.largest_upload_mb = app, uploads, largest_upload_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; count its body as it is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_upload = scope["path"] in self.uploads or scope["path"].endswith(SHEETS)
        largest = (self.largest_upload_mb if is_upload else LARGEST_FORM_MB) * _MB
        announced = Headers(scope=scope).get("content-length", "0")
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            if announced.isdigit() and int(announced) > largest:
                raise _too_large(is_upload)
            message = await receive()
            read += len(message.get("body", b""))
            if read > largest:
                raise _too_large(is_upload)
            return message

        await self.app(scope, receive_counted, send)


def _too_large(is_upload: bool) -> HTTPException:
    upload = "The file is larger than this installation takes (LABELJURY_MAX_UPLOAD_MB). Split it into several Batches."
    other = f"The request is larger than {LARGEST_FORM_MB} MB; only item files may be."
    return HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, upload if is_upload else other)
