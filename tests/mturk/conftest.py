"""The gateway's ground: our own marketplace over a wire that can be cut, and people who work there."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from app.db.engine import Database
from app.domain.vocabulary import HITTypeId
from app.mturk import requester
from app.mturk.client import Marketplace, connect
from app.mturk.requester import HITType, NewHIT
from app.settings import MarketplaceProfile, Settings
from tests.marketplace.people import Browser, html_question
from tests.marketplace_server import running_marketplace
from tests.wire_proxy import Wire, wire_to

HIT_TYPE = HITType(
    title="Which label fits?",
    description="Look at an example and choose",
    keywords="image, label",
    reward_usd=Decimal("0.05"),
    assignment_duration_s=600,
    auto_approval_delay_s=86_400,
)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[str]:
    """A running marketplace."""
    with running_marketplace(settings_for(tmp_path), database) as url:
        yield url


@pytest.fixture
def wire(site: str) -> Iterator[Wire]:
    """Between us and it."""
    with wire_to(site) as wire:
        yield wire


@pytest.fixture
def work(site: str) -> Iterator[Callable[[HITTypeId], str]]:
    """Has a new Worker answer a HIT of this type; the AssignmentId."""
    browsers: list[Browser] = []

    def answer(hit_type_id: HITTypeId) -> str:
        browsers.append(Browser(site))
        browsers[-1].enrol(f"Worker {len(browsers)}")
        return browsers[-1].work(hit_type_id)

    yield answer
    for browser in browsers:
        browser.close()


@pytest.fixture
def marketplace(wire: Wire, tmp_path: Path) -> Iterator[Marketplace]:
    base = settings_for(tmp_path, marketplace_public_url=wire.url)
    marketplace = connect(base, MarketplaceProfile.LOCAL)
    yield marketplace
    marketplace.client.close()


@pytest.fixture
def hit_type_id(marketplace: Marketplace) -> HITTypeId:
    return requester.create_hit_type(marketplace, HIT_TYPE)


def settings_for(tmp_path: Path, **values: Any) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), **values)


def new_hit(hit_type_id: HITTypeId, token: UUID | None = None) -> NewHIT:
    token = token or uuid4()
    return NewHIT(
        hit_type_id=hit_type_id,
        question=html_question(),
        max_assignments=5,
        lifetime_s=3600,
        annotation=f"label-jury token={token}",
        request_token=token,
    )


def nothing() -> None:
    """No pace."""


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[tuple[Marketplace, Wire]]:
    """An endpoint that answers what it is told to, and nobody behind it."""
    with wire_to("http://127.0.0.1:9") as wire:
        base = settings_for(tmp_path, marketplace_public_url=wire.url)
        marketplace = connect(base, MarketplaceProfile.LOCAL)
        yield marketplace, wire
        marketplace.client.close()
