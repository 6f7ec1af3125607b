"""Verifies AWS Signature Version 4 of a request to the wire endpoint."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from app.marketplace.wire_errors import NotAuthenticated

SERVICE = "mturk-requester"
ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
# The operation is named by x-amz-target alone: were it not signed, a captured approval could be sent again as a rejection.
_MUST_BE_SIGNED = frozenset({"host", "x-amz-date", "x-amz-target"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]{1,128})/(?P<day>\d{8})/(?P<region>[a-z0-9-]{1,32})"
    r"/(?P<service>[a-z-]{1,32})/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]{1,1000}), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers. `headers` maps lower-case names to values; repeated ones are joined by commas."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def verify(request: SignedRequest, secret_of: Callable[[str], str | None], now: datetime) -> str:
    """The access key id that signed the request.

    secret_of: the secret of an access key id, None when there is no such key.
    Raises NotAuthenticated. Any set of signed headers is accepted that includes host, x-amz-date and x-amz-target.
    """
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    if match is None:
        raise _missing(request)
    signed_at = _signing_time(request)
    names = match["headers"].split(";")
    if not set(names) >= _MUST_BE_SIGNED:
        raise NotAuthenticated("InvalidSignatureException", "host, x-amz-date and x-amz-target must be signed.")
    if match["service"] != SERVICE or match["day"] != f"{signed_at:%Y%m%d}":
        raise NotAuthenticated(
            "InvalidSignatureException", f"Credential should be scoped to service {SERVICE} and the day of x-amz-date."
        )
    if abs(now - signed_at) > CLOCK_SKEW:
        raise NotAuthenticated(
            "InvalidSignatureException",
            f"Signature expired: {signed_at:%Y%m%dT%H%M%SZ} is not within 15 minutes of {now:%Y%m%dT%H%M%SZ}.",
        )
    secret = secret_of(match["key"])
    if secret is None:
        raise NotAuthenticated("UnrecognizedClientException", "The security token included in the request is invalid.")
    expected = signature(request, names, secret, signed_at, region=match["region"])
    if not hmac.compare_digest(expected, match["signature"]):
        raise NotAuthenticated(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided."
            " Check your secret access key and signing method.",
        )
    return match["key"]


def signature(request: SignedRequest, names: list[str], secret: str, at: datetime, *, region: str) -> str:
    """The signature, 64 hex digits, over the named headers."""
    scope = f"{at:%Y%m%d}/{region}/{SERVICE}/aws4_request"
    canonical = "\n".join(
        [
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    to_sign = "\n".join(
        [ALGORITHM, f"{at:%Y%m%dT%H%M%SZ}", scope, hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()]
    )
    return _hmac(_signing_key(secret, f"{at:%Y%m%d}", region), to_sign).hex()


@lru_cache(maxsize=256)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = _hmac(f"AWS4{secret}".encode(), day)
    for part in (region, SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def _canonical_query(query: str) -> str:
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{key}={value}" for key, value in pairs)


def _signing_time(request: SignedRequest) -> datetime:
    try:
        given = request.headers.get("x-amz-date", "")
        return datetime.strptime(given, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotAuthenticated("IncompleteSignatureException", "x-amz-date must be YYYYMMDD'T'HHMMSS'Z'.") from None


def _missing(request: SignedRequest) -> NotAuthenticated:
    if "authorization" not in request.headers:
        return NotAuthenticated("MissingAuthenticationTokenException", "Missing Authentication Token")
    return NotAuthenticated(
        "IncompleteSignatureException",
        "Authorization must be AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.",
        http_status=400,
    )
