"""Reads a request's body up to a limit."""

from starlette.requests import Request

LARGEST_BODY = 1_048_576
# Beyond the limit we still read this much and throw it away, so that the sender gets to hear our answer.
MOST_READ = 16 * LARGEST_BODY
# For a route that reads its body here: the server's own limit would answer in plain words, which no SDK understands.
OURS_ALONE = 2**62
_LONGEST_NUMBER = 20


async def read(request: Request) -> bytes | None:
    """The body; None when it is larger than 1 MiB. A later `request.form()` sees the same bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:_LONGEST_NUMBER]) > MOST_READ:
        return None  # not waited for
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
