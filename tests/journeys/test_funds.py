"""The marketplace account runs out at 40 % of a Batch; everybody is told; it is refilled; the Batch completes by itself."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan
from app.mturk.client import Marketplace, connect
from app.settings import MarketplaceProfile
from tests.journeys.conftest import write_texts
from tests.receiver import Receiver, receiving
from tests.stack import Part, RunningStack, running_stack

pytestmark = pytest.mark.journey

ITEMS, OPENING = 20, Decimal("6.00")  # five Assignments at $0.06 for each: exactly the balance
ELSEWHERE = Decimal("3.60")
ANSWERS_WITHIN_S = 120


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def stack(tmp_path: Path, database_url: str, receiver: Receiver) -> Iterator[RunningStack]:
    settings = {
        "marketplace_opening_balance_usd": OPENING,
        "alert_webhook_url": receiver.url,
        "alert_webhook_secret": "k" * 32,
    }
    with running_stack(tmp_path, database_url, **settings) as stack:
        yield stack


def spend_elsewhere(marketplace: Marketplace) -> None:
    """Another program of the same Requester publishes a HIT of its own, for which $3.60 are put on hold."""
    client = marketplace.client
    kind = client.create_qualification_type(
        Name="nobody", Description="held by nobody", QualificationTypeStatus="Active"
    )
    nobody = {"QualificationTypeId": kind["QualificationType"]["QualificationTypeId"], "Comparator": "Exists"}
    client.create_hit(
        Title="Something else",
        Description="Something else",
        Reward="3.00",
        MaxAssignments=1,
        LifetimeInSeconds=86_400,
        AssignmentDurationInSeconds=600,
        Question='<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/'
        'ExternalQuestion.xsd"><ExternalURL>https://example.org/</ExternalURL><FrameHeight>0</FrameHeight>'
        "</ExternalQuestion>",
        QualificationRequirements=[nobody],  # type: ignore[list-item]  # the stubs know their own dictionaries only
    )


def console_page(stack: RunningStack, path: str) -> str:
    """A page as the owner's browser gets it."""
    with httpx2.Client(base_url=stack.web_url, follow_redirects=True, timeout=ANSWERS_WITHIN_S) as browser:
        form = {"email": stack.owner.email, "password": stack.owner.password}
        assert browser.post("/sign-in", data=form).status_code == 200
        return browser.get(path).text


@pytest.mark.timeout(1500)
def test_a_batch_that_runs_out_of_funds_at_forty_percent_completes_once_they_are_refilled(
    stack: RunningStack, receiver: Receiver, tmp_path: Path
) -> None:
    made = stack.labeljury("batch", "create", write_texts(tmp_path / "texts.csv", ITEMS), "--template", "text")
    assert "It will cost $6.00" in made.stdout, made.stderr
    assert stack.stop(Part.JOBS) == 0
    assert stack.labeljury("batch", "launch", "1").returncode == 0
    marketplace = connect(stack.settings, MarketplaceProfile.LOCAL)
    spend_elsewhere(marketplace)
    stack.start(Part.JOBS)

    # It stops cleanly where the money ends, and says what is missing wherever somebody may look. The first refusal pauses
    # it; what other calls under way at that moment brought is written down a moment later.
    stack.wait_for("SELECT status = 'paused' AND pause_reason = 'funds' FROM batches")
    stack.wait_for("SELECT count(*) = 0 FROM operations WHERE status = 'acting'")
    assert stack.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 8
    stack.wait_for("SELECT attention LIKE '%labeljury marketplace deposit 3.60%' FROM batches")
    stack.wait_for("SELECT count(*) = 2 FROM alerts WHERE cleared_at IS NULL AND kind IN ('attention', 'low_balance')")
    assert "deposit 3.60" in stack.labeljury("batch", "status", "1").stdout
    assert "low_balance" in stack.labeljury("alerts").stdout
    page = console_page(stack, "/batches/1")
    assert "labeljury marketplace deposit 3.60" in page
    assert "open alert" in page
    with httpx2.Client(timeout=ANSWERS_WITHIN_S) as prometheus:
        metrics = prometheus.get(f"{stack.web_url}/metrics").text
    assert 'labeljury_batches{pause_reason="funds",profile="local",status="paused"} 1.0' in metrics
    assert 'labeljury_alerts_open{kind="low_balance"} 1.0' in metrics

    assert stack.labeljury("marketplace", "deposit", str(ELSEWHERE)).returncode == 0
    stack.wait_for(f"SELECT count(*) = {ITEMS} FROM hits WHERE status = 'live'")
    resumed = stack.one("SELECT actor FROM audit WHERE action = 'batch.resumed'")
    assert resumed.actor == "job runner"
    report = crowd.run_crowd(stack.marketplace_url, CrowdPlan(workers=5, seed=7, patience_s=3))
    assert report.failures == 0, report.errors
    stack.wait_for("SELECT status = 'done' AND attention IS NULL FROM batches")
    stack.wait_for("SELECT count(*) = 0 FROM alerts WHERE cleared_at IS NULL")

    paid = stack.one("SELECT sum(amount_usd) AS usd FROM payments WHERE status = 'paid'").usd
    balance = marketplace.client.get_account_balance()
    assert paid == ITEMS * 5 * Decimal("0.06")
    assert OPENING + ELSEWHERE - Decimal(balance["AvailableBalance"]) - Decimal(balance["OnHoldBalance"]) == paid
    assert Decimal(balance["OnHoldBalance"]) == ELSEWHERE
    assert stack.one("SELECT count(*) AS n FROM responses").n == ITEMS * 5
    stack.wait_for("SELECT bool_and(delivered_at IS NOT NULL AND clear_delivered_at IS NOT NULL) FROM alerts")
    raised = [(event["event"], event["alert"]["kind"]) for event in receiver.events]
    assert {("alert.raised", "attention"), ("alert.raised", "low_balance")} <= set(raised)
    assert {("alert.cleared", "attention"), ("alert.cleared", "low_balance")} <= set(raised)
