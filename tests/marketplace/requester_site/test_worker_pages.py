"""Rita knows her Workers by what they did for her; Mallory knows none of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from app.secrets import Credentials
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import Browser, publish
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]


@pytest.fixture
def ada(mturk: "MTurkClient", worker: Enrol) -> Browser:
    """Ada, with one approved and one submitted Assignment for Rita."""
    ada = worker("Ada Lovelace")
    first, second = publish(mturk, Title="First <b>"), publish(mturk, Title="Second")
    mturk.approve_assignment(AssignmentId=ada.work(first["HITTypeId"]))
    ada.work(second["HITTypeId"])
    return ada


def test_the_list_counts_what_each_worker_did_for_me(rita: Office, ada: Browser) -> None:
    row = between(rita.get("workers"), f'data-worker-id="{ada.worker_id}"', "</tr>")
    assert row.count('<td class="number">1</td>') == 1  # approved
    assert '<td class="number">2</td>' in row
    assert '<td class="number chosen">1</td>' in row


def test_a_worker_is_known_by_id_never_by_name(rita: Office, ada: Browser) -> None:
    shown = rita.get(f"workers/{ada.worker_id}")
    assert "Lovelace" not in shown + rita.get("workers")
    assert "First &lt;b&gt;" in shown
    assert rita.http.get(f"/requester/worker?id={ada.worker_id.lower()}").status_code == 200


def test_a_blocked_worker_cannot_accept_until_unblocked(rita: Office, ada: Browser, mturk: "MTurkClient") -> None:
    shown = rita.post(f"workers/{ada.worker_id}/block", reason="Clicks <always> the first")
    assert "Clicks &lt;always&gt; the first" in shown
    assert ada.worker_id in rita.get("workers?blocked=on")
    assert mturk.list_worker_blocks()["NumResults"] == 1
    rita.post(f"workers/{ada.worker_id}/unblock")
    assert mturk.list_worker_blocks()["NumResults"] == 0
    rita.post(f"workers/{ada.worker_id}/block", status=409)


def test_qualifications_are_granted_and_revoked(rita: Office, ada: Browser, mturk: "MTurkClient") -> None:
    kind = mturk.create_qualification_type(Name="Careful <b>", Description="x", QualificationTypeStatus="Active")
    type_id = kind["QualificationType"]["QualificationTypeId"]
    shown = rita.post(f"workers/{ada.worker_id}/grant", type_id=type_id, value="80", tell="true")
    assert "Careful &lt;b&gt;</span>: 80" in shown
    assert ada.worker_id in rita.get(f"qualification-types/{type_id}")
    rita.post(f"workers/{ada.worker_id}/revoke", type_id=type_id, reason="Not careful any more")
    assert "Nobody." in rita.get(f"qualification-types/{type_id}")
    assert ada.worker_id in rita.get(f"qualification-types/{type_id}?status=Revoked")


def test_bonus_and_message_reach_the_worker(rita: Office, ada: Browser, mturk: "MTurkClient") -> None:
    shown = rita.get(f"workers/{ada.worker_id}")
    assignment_id = between(shown, '<option value="3', '"')
    form = {"assignment_id": f"3{assignment_id}", "amount": "1.25", "reason": "Thank you", "token": "t"}
    assert "A fee of 20 % of it, at least $0.01, is added." in shown
    paid = rita.post(f"workers/{ada.worker_id}/bonus", form)
    assert "$1.25 on" in paid
    assert "The bonus of $1.25 is paid, and its fee of $0.25: $1.50 in all." in paid
    assert "stands in the Worker" in rita.post(f"workers/{ada.worker_id}/message", subject="Hello", text="Well done")
    inbox = ada.http.get("/worker/messages").text
    assert "Hello" in inbox
    rita.post(f"workers/{ada.worker_id}/message", status=409, subject="x" * 201, text="y")


def test_a_stranger_learns_nothing_of_a_worker_and_changes_nothing(
    rita: Office, mallory: Office, ada: Browser, mturk: "MTurkClient"
) -> None:
    mallory.get(f"workers/{ada.worker_id}", status=404)
    for form in ("block", "unblock", "message"):
        mallory.post(f"workers/{ada.worker_id}/{form}", status=404, reason="x", subject="x", text="x")
    mallory.post(f"workers/{ada.worker_id}/grant", status=404, type_id="3X")
    mallory.post(f"workers/{ada.worker_id}/bonus", status=404, assignment_id="3X")
    kind = mturk.create_qualification_type(Name="Hers", Description="x", QualificationTypeStatus="Active")
    type_id = kind["QualificationType"]["QualificationTypeId"]
    assert "Hers" in rita.get("qualification-types")
    assert "Hers" not in mallory.get("qualification-types")
    mallory.get(f"qualification-types/{type_id}", status=404)
    for form in ("accept", "reject"):
        mallory.post(f"qualification-types/{type_id}/{form}", status=404, request_id="3X")


def test_requests_are_accepted_and_rejected(rita: Office, mallory: Office, worker: Enrol, mturk: "MTurkClient") -> None:
    kind = mturk.create_qualification_type(
        Name="On request", Description="x", QualificationTypeStatus="Active", RetryDelayInSeconds=0
    )
    type_id = kind["QualificationType"]["QualificationTypeId"]
    ada, bob = worker("Ada"), worker("Bob")
    for one in (ada, bob):
        assert one.post(f"/worker/qualifications/{type_id}/request").status_code == 200
    shown = rita.get(f"qualification-types/{type_id}")
    first, second = (part.split('"')[0] for part in shown.split('data-request-id="')[1:])
    mallory.post(f"qualification-types/{type_id}/accept", status=404, request_id=first)
    assert "The request is accepted" in rita.post(f"qualification-types/{type_id}/accept", request_id=first, value="7")
    assert "The request is rejected" in rita.post(
        f"qualification-types/{type_id}/reject", request_id=second, reason="Not yet"
    )
    rita.post(f"qualification-types/{type_id}/accept", status=409, request_id=second)
    holders = between(rita.get(f"qualification-types/{type_id}"), 'id="holders">', "</tbody>")
    assert ada.worker_id in holders
    assert bob.worker_id not in holders


def test_who_works_for_two_requesters_shows_each_only_their_own(
    marketplace: str, rita: Office, mallory: Office, ada: Browser, mallorys_key: Credentials
) -> None:
    hit = publish(mturk_client(marketplace, mallorys_key), Title="Mallory's work")
    ada.work(hit["HITTypeId"])
    hers = mallory.get(f"workers/{ada.worker_id}")
    assert "Mallory&#39;s work" in hers
    assert "Second" not in hers
    assert hers.count("data-assignment-id=") == 1
    assert "Mallory" not in rita.get(f"workers/{ada.worker_id}")
