"""HIT Types with their notifications: to look at, for their owner alone."""

from typing import TYPE_CHECKING

from app.db.engine import Database
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import OutboxMessage
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import publish
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/news"


def test_the_last_deliveries_show_what_went_wrong(
    rita: Office, mallory: Office, mturk: "MTurkClient", database: Database, clock: MovedClock
) -> None:
    hit_type_id = publish(mturk)["HITTypeId"]
    mturk.update_notification_settings(
        HITTypeId=hit_type_id,
        Notification={"Destination": QUEUE, "Transport": "SQS", "Version": "2014-08-15", "EventTypes": ["HITCreated"]},
        Active=True,
    )
    with database.transaction() as db:
        db.add(
            OutboxMessage(
                requester_id=FIRST_REQUESTER_ID,
                hit_type_id=hit_type_id,
                transport="SQS",
                destination=QUEUE,
                body="{}",
                created_at=clock(),
                attempts=3,
                next_attempt_at=clock(),
                given_up_at=clock(),
                last_error="<b>no such queue",
            )
        )
    shown = rita.get(f"hit-types/{hit_type_id}")
    assert "HITCreated" in shown
    delivery = between(shown, 'id="deliveries">', "</tbody>")
    assert "given up" in delivery
    assert "&lt;b&gt;no such queue" in delivery
    mallory.get(f"hit-types/{hit_type_id}", status=404)
