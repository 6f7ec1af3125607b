"""An error page that says 200 is no approval."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.domain.vocabulary import MarketplaceAssignmentId, MarketplaceHITId
from app.errors import OutcomeUnknown
from app.mturk import requester, reviewing
from app.mturk.client import Marketplace, connect
from app.settings import MarketplaceProfile, Settings
from tests.wire_proxy import Wire, wire_to

ASSIGNMENT, HIT = MarketplaceAssignmentId("3" + "A" * 29), MarketplaceHITId("3" + "B" * 29)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wire_to("http://127.0.0.1:1") as wire:
        yield wire


@pytest.fixture
def marketplace(wire: Wire, tmp_path: Path) -> Marketplace:
    settings = Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), marketplace_public_url=wire.url)
    return connect(settings, MarketplaceProfile.LOCAL)


@pytest.mark.parametrize("page", [b"<html>sign in</html>", b"", b"[]", b'{"Message": "Service Unavailable"}', b'{"a'])
def test_what_does_not_come_from_the_marketplace_is_an_unknown_outcome(
    wire: Wire, marketplace: Marketplace, page: bytes
) -> None:
    for operation in ("ApproveAssignment", "RejectAssignment", "UpdateExpirationForHIT", "DeleteHIT"):
        wire.refuse[operation] = (200, page)
    with pytest.raises(OutcomeUnknown):
        reviewing.approve_assignment(marketplace, ASSIGNMENT, feedback="Thank you.")
    with pytest.raises(OutcomeUnknown):
        reviewing.reject_assignment(marketplace, ASSIGNMENT, feedback="No.")
    with pytest.raises(OutcomeUnknown):
        requester.expire_hit(marketplace, HIT)
    with pytest.raises(OutcomeUnknown):
        requester.delete_hit(marketplace, HIT)


def test_an_empty_object_is_an_answer_even_where_the_endpoint_names_no_requests(
    wire: Wire, marketplace: Marketplace
) -> None:
    wire.refuse["ApproveAssignment"] = (200, b"{}")
    reviewing.approve_assignment(marketplace, ASSIGNMENT, feedback="Thank you.")
