"""Rita looks at her HITs and decides on the work; Mallory must not even learn that they exist."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, html_question, publish
from tests.marketplace.requester_site.conftest import Office, between
from tests.marketplace.test_review_policies import known_answers, plurality

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]
HOSTILE = "<script>alert(1)</script> \u202eمرحبا 🙃"


def row_of(page: str, hit_id: str) -> str:
    return between(page, f'data-hit-id="{hit_id}"', "</tr>")


def test_the_list_filters_by_status_type_and_annotation(rita: Office, mturk: "MTurkClient") -> None:
    cats = publish(mturk, RequesterAnnotation="batch:cats 100%")
    dogs = publish(mturk, RequesterAnnotation="batch:dogs", Title="Dogs")
    mturk.update_expiration_for_hit(HITId=dogs["HITId"], ExpireAt=0)  # type: ignore[arg-type] # as scripts do
    assert all(hit["HITId"] in rita.get("hits") for hit in (cats, dogs))
    for query, wanted, other in (
        ("status=Reviewable", dogs, cats),
        (f"type={cats['HITTypeId']}", cats, dogs),
        ("text=CATS", cats, dogs),
        ("text=100%25", cats, dogs),
    ):
        shown = rita.get(f"hits?{query}")
        assert wanted["HITId"] in shown, query
        assert other["HITId"] not in shown, query
    assert "No HIT fits" in rita.get("hits?text=%00%25x")


def test_the_list_goes_on_page_by_page(rita: Office, mturk: "MTurkClient") -> None:
    made = [publish(mturk, RequesterAnnotation=f"number {n}")["HITId"] for n in range(27)]
    first = rita.get("hits?text=number")
    assert first.count("data-hit-id=") == 25
    link = between(first, '<a rel="next" href="', '"').replace("&amp;", "&").removeprefix("/requester/")
    second = rita.get(link)
    assert second.count("data-hit-id=") == 2
    assert {hit_id for hit_id in made if hit_id in second} == set(made[:2])


def test_answers_are_read_as_a_table_and_never_as_markup(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk, Title=HOSTILE, RequesterAnnotation=HOSTILE)
    worker("Ada").work(hit["HITTypeId"], hit["HITId"], **{"choice<b>": HOSTILE, "empty": ""})
    shown = rita.get(f"hits/{hit['HITId']}")
    assert "<script>alert" not in shown
    table = between(shown, '<table class="answers">', "</table>")
    assert "choice&lt;b&gt;" in table
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \u202eمرحبا 🙃" in table
    assert "&lt;QuestionFormAnswers" in shown


def test_the_question_stands_only_in_a_sandboxed_frame(rita: Office, mturk: "MTurkClient") -> None:
    page = "<!doctype html><html><body><h1>Secret question</h1><form></form></body></html>"
    hit = publish(mturk, Question=html_question(page))
    shown = rita.get(f"hits/{hit['HITId']}")
    assert "Secret question" not in shown
    assert 'sandbox="allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox"' in shown
    source = between(shown, 'src="/frame/', '"').replace("&amp;", "&")
    framed = rita.http.get(f"/frame/{source}")
    assert "Secret question" in framed.text
    assert "ASSIGNMENT_ID_NOT_AVAILABLE" in source


def test_work_is_approved_with_feedback_and_paid(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    assert row_of(rita.get("hits?waiting=on"), hit["HITId"])
    shown = rita.post(f"assignments/{assignment_id}/approve", feedback="Thank you")
    assert "The work is approved and paid" in shown
    found = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]
    assert (found["AssignmentStatus"], found["RequesterFeedback"]) == ("Approved", "Thank you")
    again = rita.post(f"assignments/{assignment_id}/approve", status=409)
    assert "This operation can be called with a status of: Submitted</p>" in again


def test_a_rejection_needs_a_reason_and_can_be_overturned(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    assert "Say why" in rita.post(f"assignments/{assignment_id}/reject", status=409, feedback=" ")
    rita.post(f"assignments/{assignment_id}/reject", status=409, feedback="x" * 1025)
    rita.post(f"assignments/{assignment_id}/reject", feedback="Empty answers")
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Rejected"
    assert "Approve after all" in rita.get(f"hits/{hit['HITId']}")
    rita.post(f"assignments/{assignment_id}/approve", override="true")
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Approved"


def test_all_submitted_work_of_a_page_is_approved_at_once(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    ids = [worker(name).work(hit["HITTypeId"]) for name in ("Ada", "Bob")]
    assert "Approve the 2 submitted ones" in rita.get(f"hits/{hit['HITId']}")
    rita.post(f"hits/{hit['HITId']}/approve", assignment_ids=ids)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsCompleted"] == 2
    rita.post(f"hits/{hit['HITId']}/approve", status=422, assignment_ids=["<b>"])


def test_submitted_work_will_be_approved_and_approved_work_was(
    rita: Office, mturk: "MTurkClient", worker: Enrol
) -> None:
    hit = publish(mturk)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    assert "Will be approved by itself 20" in rita.get(f"hits/{hit['HITId']}")
    decided = rita.post(f"assignments/{assignment_id}/approve")
    assert "Will be approved" not in decided
    assert "Approved 20" in decided


def test_a_bonus_form_sent_twice_pays_once(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    form = {"amount": "$0.50", "reason": "Great care <b>", "token": "one"}
    assert "A fee of 20 % of it, at least $0.01, is added." in rita.get(f"hits/{hit['HITId']}")
    paid = rita.post(f"assignments/{assignment_id}/bonus", form)
    assert "The bonus of $0.50 is paid, and its fee of $0.10: $0.60 in all." in paid
    rita.post(f"assignments/{assignment_id}/bonus", form, status=409)
    shown = rita.get(f"hits/{hit['HITId']}")
    assert shown.count("Bonus of $0.50 paid") == 1
    assert "Great care &lt;b&gt;" in shown
    for amount in ("", "-1", "0", "abc", "1e9", "99999999"):
        rita.post(f"assignments/{assignment_id}/bonus", status=409, amount=amount, reason="x", token=f"t{amount}")


def test_a_hit_is_expired_extended_enlarged_and_deleted(rita: Office, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk, MaxAssignments=1)["HITId"]
    assert "Nobody can accept this HIT any more" in rita.post(f"hits/{hit_id}/expire")
    shown = rita.get(f"hits/{hit_id}")
    start = between(shown, 'name="start" value="', '"')
    assert "The HIT is extended" in rita.post(f"hits/{hit_id}/extend", hours="2", start=start)
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Assignable"
    rita.post(f"hits/{hit_id}/extend", status=409, hours="2", start=start)
    rita.post(f"hits/{hit_id}/more", number="2", token="more-1")
    rita.post(f"hits/{hit_id}/more", status=409, number="2", token="more-1")
    assert mturk.get_hit(HITId=hit_id)["HIT"]["MaxAssignments"] == 3
    assert "cannot be extended to" in rita.post(f"hits/{hit_id}/more", status=409, number="50", token="more-2")
    assert "currently in the state" in rita.post(f"hits/{hit_id}/delete", status=409)
    rita.post(f"hits/{hit_id}/expire")
    rita.post(f"hits/{hit_id}/reviewing")
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewing"
    rita.post(f"hits/{hit_id}/reviewing", revert="true")
    assert "The HIT is deleted" in rita.post(f"hits/{hit_id}/delete")
    assert hit_id not in rita.get("hits")
    assert "Disposed" in rita.http.get(f"/requester/hit?id={hit_id}").text


def test_senseless_values_are_refused_with_a_page(rita: Office, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk)["HITId"]
    for path, fields in (
        ("extend", {"hours": "0", "start": "2026-01-01T00:00:00+00:00"}),
        ("extend", {"hours": "1", "start": "yesterday"}),
        ("extend", {}),
        ("more", {"number": "-1"}),
        ("more", {"number": "many"}),
    ):
        shown = rita.http.post(f"/requester/hits/{hit_id}/{path}", data={"csrf": rita.csrf, **fields})
        assert (shown.status_code, "That did not work" in shown.text) == (422, True), fields
    for start in ("2026-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"):
        shown = rita.http.post(
            f"/requester/hits/{hit_id}/extend", data={"csrf": rita.csrf, "hours": "9", "start": start}
        )
        assert shown.status_code < 500, start


def test_a_stranger_neither_sees_nor_changes_a_hit(
    rita: Office, mallory: Office, mturk: "MTurkClient", worker: Enrol
) -> None:
    hit = publish(mturk, Title="Rita's secret")
    ada = worker("Ada")
    assignment_id = ada.work(hit["HITTypeId"])
    for path in ("hits", "", "hit-types", f"hits?type={hit['HITTypeId']}", "workers", "transactions"):
        shown = mallory.get(path)
        assert "secret" not in shown, path
        assert ada.worker_id not in shown, path
    for path in (f"hits/{hit['HITId']}", f"hit-types/{hit['HITTypeId']}", f"assignments/{assignment_id}"):
        assert "secret" not in mallory.get(path, status=404), path
    for path in ("expire", "delete", "reviewing", "more"):
        mallory.post(f"hits/{hit['HITId']}/{path}", status=404, number="1")
    mallory.post(f"hits/{hit['HITId']}/approve", status=404, assignment_ids=[assignment_id])
    for path in ("approve", "reject", "bonus"):
        mallory.post(f"assignments/{assignment_id}/{path}", status=404, feedback="x", amount="1", reason="x")
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Submitted"
    assert rita.get(f"hits/{hit['HITId']}")


def test_the_overview_tells_what_waits_and_what_will_soon_be_paid(
    rita: Office, mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    hit = publish(mturk, AutoApprovalDelayInSeconds=4 * 86400)
    ada = worker("Ada")
    assignment_id = ada.work(hit["HITTypeId"])
    shown = rita.get("")
    assert between(shown, 'id="waiting">', "<") == "1"
    assert assignment_id not in shown
    clock.advance(days=2)
    shown = rita.get("")
    assert "2 days" in between(shown, f'data-assignment-id="{assignment_id}"', "</tr>")
    clock.advance(days=2)
    assert between(rita.get(""), 'id="waiting">', "<") == "0"


def test_a_hit_type_shows_its_hits_in_numbers_and_its_notifications(rita: Office, mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    publish(mturk)
    row = between(rita.get("hit-types"), f'data-hit-type-id="{hit["HITTypeId"]}"', "</tr>")
    assert ">2<" in row
    assert "None." in rita.get(f"hit-types/{hit['HITTypeId']}")


def test_a_page_of_assignments_follows_another(rita: Office, mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk, MaxAssignments=9)
    worker("Ada").work(hit["HITTypeId"])
    shown = rita.get(f"hits/{hit['HITId']}?status=Approved")
    assert "No submitted work of this status yet" in shown
    assert "not valid for the parameter NextToken" in rita.get(f"hits/{hit['HITId']}?after=nonsense", status=400)


def test_what_review_policies_found_and_did_is_shown(
    rita: Office, mallory: Office, mturk: "MTurkClient", worker: Enrol
) -> None:
    policy = known_answers(RejectIfKnownAnswerScoreIsLessThan=50, RejectReason="Both wrong")
    hit = publish(
        mturk, AssignmentReviewPolicy=policy, HITReviewPolicy=plurality(QuestionIds=["one"]), MaxAssignments=1
    )
    page = f"hits/{hit['HITId']}"
    assert rita.get(page).count("It has reviewed nothing yet.") == 2
    assignment_id = worker("Bob").work(hit["HITTypeId"], one="<b>", two="x")
    shown = between(rita.get(page), 'id="reviews"', "</details>")
    first, second = shown.split('id="review-HIT"')
    assert "ScoreMyKnownAnswers/2011-09-01" in first
    assert all(word in first for word in ("KnownAnswerScore", "<td>reject</td>", "Succeeded", assignment_id))
    assert "SimplePlurality/2011-09-01" in second
    assert "<b>" not in shown
    mallory.get(page, status=404)
    assert 'id="reviews"' not in rita.get(f"hits/{publish(mturk, Title='Plain')['HITId']}")
