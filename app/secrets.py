"""The installation's secret and what is derived from it: pseudonyms and the local marketplace's credentials."""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field

from app.errors import InvalidInput, Problem
from app.settings import SHORTEST_SECRET, Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS-style access key: the id is public, the secret signs requests."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def installation_secret(settings: Settings) -> bytes:
    """The configured secret, or the one generated on first use into `<data_dir>/secret.key` (mode 0600).

    Raises InvalidInput where that file holds too little to be a secret: everybody could guess what is derived from it.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / "secret.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"secret.key.{secrets.token_hex(8)}")
    if not path.exists():
        # Written aside and linked into place: of two processes that start at once, one wins and both read its secret.
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST_SECRET:
        raise InvalidInput(
            [Problem(f"{path} is damaged: restore it from a backup, or delete it to have a new one made")]
        )
    return secret


def pseudonym(secret: bytes, worker_id: str) -> str:
    """A Worker's stable stand-in for everything that leaves the house: `W-` and 16 hex digits of a keyed hash."""
    return "W-" + _derive(secret, "worker", worker_id)[:16]


def local_credentials(settings: Settings) -> Credentials:
    """The first Requester's access key on our own marketplace; service and marketplace derive the same."""
    secret = installation_secret(settings)
    return Credentials(
        access_key_id="LJ" + _derive(secret, "access-key-id")[:18].upper(),
        secret_access_key=_derive(secret, "secret-access-key"),
    )


def keyed_number(secret: bytes, purpose: str, number: int) -> int:
    """64 bits that only the holder of `secret` can foretell."""
    return int(_derive(secret, purpose, str(number))[:16], 16)


def _derive(secret: bytes, *purpose: str) -> str:
    return hmac.new(secret, "\x1f".join(purpose).encode(), hashlib.sha256).hexdigest()
