"""Access keys: make one, see its secret once, revoke it."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from app.errors import InvalidInput
from app.logs import get_logger
from app.marketplace import access_keys
from app.marketplace.requester_site.pages import Desk, Id, Notice, Sender, SignedIn
from app.marketplace.sites.pages import see_other
from app.marketplace.sites.refusals import not_found

log = get_logger(__name__)
router = APIRouter()


@router.get("/keys")
def keys(desk: SignedIn, notice: Notice = "") -> Response:
    """All keys, without their secrets."""
    return _show(desk, notice=notice)


@router.post("/keys")
def create_key(desk: Sender, label: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Make a key and show its secret, this once."""
    try:
        with desk.market.database.transaction() as db:
            key = access_keys.create(db, desk.requester_id, label, desk.market.clock())
    except InvalidInput as error:
        return _show(desk, status=422, problem=str(error))
    log.info("access_key.created", access_key_id=key.access_key_id, requester_id=desk.requester_id)
    return desk.page("new_key", key=key, endpoint=desk.market.settings.marketplace_url)


@router.post("/keys/{access_key_id}/revoke")
def revoke_key(desk: Sender, access_key_id: Id) -> Response:
    """Stop a key for good."""
    with desk.market.database.transaction() as db:
        revoked = access_keys.revoke(db, desk.requester_id, access_key_id, desk.market.clock())
    if not revoked:
        raise not_found("key that you can revoke")
    desk.market.keys.forget(access_key_id)
    log.info("access_key.revoked", access_key_id=access_key_id, requester_id=desk.requester_id)
    return see_other("/requester/keys?notice=key_revoked")


def _show(desk: Desk, *, status: int = 200, **values: str) -> Response:
    with desk.market.database.transaction() as db:
        found = access_keys.of_requester(db, desk.requester_id)
    return desk.page("keys", status=status, keys=found, **values)
