"""Reads a request's body up to a limit."""

from starlette.requests import Request

LARGEST_BODY = 1_048_576
# Beyond the limit we still read this much and throw it away, so that the sender gets to hear our answer.
MOST_READ = 16 * LARGEST_BODY


async def read(request: Request) -> bytes | None:
    """The body; None when it is larger than 1 MiB. A later `request.form()` sees the same bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:
            chunks.append(chunk)
        elif size > MOST_READ:
            break
    if size > LARGEST_BODY:
        return None
    body = b"".join(chunks)
    # Starlette looks here before it reads the stream, which is used up now.
    request._body = body
    return body
