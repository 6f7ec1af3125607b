"""Qualification Types, grants and requests (mturk-facts §2.4, §5)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import FORM, KEY, NOWHERE, fresh, publish, qualification_type
from tests.contract.refusing import INVALID, refused
from tests.marketplace.people import Browser, expire_now
from tests.marketplace.qualification_tests import ask, hand_in

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]
LetPass = Callable[..., None]
DAY = 86_400


def test_a_new_type_echoes_what_it_was_made_of(mturk: "MTurkClient") -> None:
    given: dict[str, Any] = {
        "Name": f"Knows birds {fresh()}",
        "Description": "By ear",
        "Keywords": "birds, ears",
        "QualificationTypeStatus": "Active",
        "RetryDelayInSeconds": 60,
        "Test": FORM,
        "AnswerKey": KEY,
        "TestDurationInSeconds": 600,
        "AutoGranted": False,
    }
    made = mturk.create_qualification_type(**given)["QualificationType"]
    assert {name: made.get(name) for name in given} == given
    assert made["IsRequestable"] is True
    assert mturk.get_qualification_type(QualificationTypeId=made["QualificationTypeId"])["QualificationType"] == made


def test_what_is_not_given_is_left_out(mturk: "MTurkClient") -> None:
    id = qualification_type(mturk)
    made = mturk.get_qualification_type(QualificationTypeId=id)["QualificationType"]
    assert not {"Test", "AnswerKey", "TestDurationInSeconds", "RetryDelayInSeconds", "Keywords"} & made.keys()
    assert made["AutoGranted"] is False


def test_a_name_is_a_requesters_only_once(mturk: "MTurkClient") -> None:
    name = f"Only one {fresh()}"
    qualification_type(mturk, Name=name)
    with refused("QualificationTypeAlreadyExists", "You have already created a QualificationType with this name."):
        qualification_type(mturk, Name=name, Description="another")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Test": FORM},
        {"AnswerKey": KEY},
        {"AnswerKey": KEY, "TestDurationInSeconds": 60},
        {"Test": FORM, "TestDurationInSeconds": 60, "AutoGranted": True},
        {"Test": FORM, "TestDurationInSeconds": 60, "AnswerKey": "<AnswerKey/>"},
        {"Test": FORM, "TestDurationInSeconds": 60, "AnswerKey": KEY.replace(">bird<", ">fish<")},
        {"Test": FORM, "TestDurationInSeconds": 0},
    ],
    ids=["no duration", "key without test", "key with a duration alone", "automatic", "broken key", "other key", "0 s"],
)
def test_a_test_its_duration_and_its_key_belong_together(wrong: dict[str, Any], mturk: "MTurkClient") -> None:
    with refused(INVALID):
        qualification_type(mturk, **wrong)
    # Nothing of it is left behind.


def test_a_test_is_replaced_whole_and_an_omitted_key_is_dropped(mturk: "MTurkClient") -> None:
    id = qualification_type(mturk, Test=FORM, TestDurationInSeconds=60, AnswerKey=KEY)
    with refused(INVALID):
        mturk.update_qualification_type(QualificationTypeId=id, Test=FORM)
    with refused(INVALID):
        mturk.update_qualification_type(QualificationTypeId=id, AutoGranted=True)
    changed = mturk.update_qualification_type(
        QualificationTypeId=id, Test=FORM.replace("Newt", "Toad"), TestDurationInSeconds=90
    )["QualificationType"]
    assert "Toad" in changed["Test"]
    assert changed["TestDurationInSeconds"] == 90
    assert "AnswerKey" not in changed
    keyed = mturk.update_qualification_type(QualificationTypeId=id, Test=FORM, TestDurationInSeconds=60, AnswerKey=KEY)[
        "QualificationType"
    ]
    assert keyed["AnswerKey"] == KEY


def test_the_rest_of_a_type_is_changed_piece_by_piece(mturk: "MTurkClient") -> None:
    id = qualification_type(mturk)
    for change in (
        {"Description": "By sight"},
        {"RetryDelayInSeconds": 7},
        {"AutoGranted": True, "AutoGrantedValue": 5},
        {"QualificationTypeStatus": "Inactive"},
    ):
        changed = mturk.update_qualification_type(QualificationTypeId=id, **change)["QualificationType"]
        assert {name: changed.get(name) for name in change} == change
    assert (changed["Description"], changed["RetryDelayInSeconds"], changed["AutoGrantedValue"]) == ("By sight", 7, 5)


def test_a_type_that_is_not_there_does_not_exist_for_any_operation(post: Post, ada: Browser) -> None:
    for operation, more in (
        ("GetQualificationType", {}),
        ("UpdateQualificationType", {"Description": "x"}),
        ("DeleteQualificationType", {}),
        ("AssociateQualificationWithWorker", {"WorkerId": ada.worker_id}),
        ("DisassociateQualificationFromWorker", {"WorkerId": ada.worker_id}),
        ("GetQualificationScore", {"WorkerId": ada.worker_id}),
        ("ListWorkersWithQualificationType", {}),
        ("ListQualificationRequests", {}),
        ("ListHITsForQualificationType", {}),
    ):
        answer = post(operation, {"QualificationTypeId": NOWHERE, **more})
        assert (answer.type, answer.code) == ("RequestError", "QualificationTypeDoesNotExist"), (operation, answer)
        assert "does not exist" in answer.message
    for operation in ("AcceptQualificationRequest", "RejectQualificationRequest"):
        answer = post(operation, {"QualificationRequestId": NOWHERE})
        assert (answer.type, answer.code) == ("RequestError", "QualificationRequestDoesNotExist"), answer


def test_types_are_found_by_their_name_and_keywords(mturk: "MTurkClient") -> None:
    word = fresh()
    named = qualification_type(mturk, Name=f"Sings {word}")
    tagged = qualification_type(mturk, Keywords=f"music, {word.upper()}")

    def found(**given: Any) -> set[str]:
        listed = mturk.list_qualification_types(MustBeRequestable=False, MustBeOwnedByCaller=True, **given)
        return {one["QualificationTypeId"] for one in listed["QualificationTypes"]}

    assert found(Query=word.upper(), MaxResults=100) == {named, tagged}
    assert found(Query=f"Sings {word}") == {named}
    assert found(Query=word + "?") == set()
    assert named in found(MaxResults=100)


def test_a_granted_score_is_read_overwritten_and_revoked(mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk)
    about: Any = {"QualificationTypeId": id, "WorkerId": ada.worker_id}
    with refused("QualificationDoesNotExist", "does not exist"):
        mturk.get_qualification_score(**about)
    with refused("QualificationDoesNotExist", "does not exist"):
        mturk.disassociate_qualification_from_worker(**about)
    mturk.associate_qualification_with_worker(**about)
    assert mturk.get_qualification_score(**about)["Qualification"]["IntegerValue"] == 1
    mturk.associate_qualification_with_worker(**about, IntegerValue=-7, SendNotification=False)
    mturk.associate_qualification_with_worker(**about, IntegerValue=42, SendNotification=True)
    held = mturk.get_qualification_score(**about)["Qualification"]
    assert (held["IntegerValue"], held["Status"], held["WorkerId"]) == (42, "Granted", ada.worker_id)
    listed = mturk.list_workers_with_qualification_type(QualificationTypeId=id, Status="Granted")
    assert listed["Qualifications"] == [held]
    mturk.disassociate_qualification_from_worker(**about, Reason="The season is over")
    with refused("InvalidQualificationState", "This operation can be called with a status of: Granted"):
        mturk.get_qualification_score(**about)
    with refused("InvalidQualificationState"):
        mturk.disassociate_qualification_from_worker(**about)
    assert mturk.list_workers_with_qualification_type(QualificationTypeId=id)["NumResults"] == 0
    (revoked,) = mturk.list_workers_with_qualification_type(QualificationTypeId=id, Status="Revoked")["Qualifications"]
    assert revoked["Status"] == "Revoked"
    mturk.associate_qualification_with_worker(**about)
    assert mturk.get_qualification_score(**about)["Qualification"]["Status"] == "Granted"


def test_a_worker_who_is_not_there_cannot_be_granted_anything(mturk: "MTurkClient", post: Post) -> None:
    id = qualification_type(mturk)
    answer = post("AssociateQualificationWithWorker", {"QualificationTypeId": id, "WorkerId": "A2NOBODY"})
    assert (answer.status, answer.type) == (400, "ParameterValidationError")


def test_the_systems_own_cannot_be_granted_or_changed(post: Post, ada: Browser) -> None:
    for id in ("00000000000000000040", "000000000000000000L0", "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"):
        for operation, more in (
            ("AssociateQualificationWithWorker", {"WorkerId": ada.worker_id}),
            ("UpdateQualificationType", {"Description": "mine"}),
            ("DeleteQualificationType", {}),
        ):
            assert post(operation, {"QualificationTypeId": id, **more}).status == 400, (operation, id)


def request_of(mturk: "MTurkClient", type_id: str) -> Any:
    """The only pending request."""
    (one,) = mturk.list_qualification_requests(QualificationTypeId=type_id)["QualificationRequests"]
    return one


def test_a_request_without_a_key_waits_for_the_requester(mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk, Test=FORM, TestDurationInSeconds=600)
    assert ask(ada, id).status_code == 200
    assert hand_in(ada, id, q1="wren").status_code == 200
    request = request_of(mturk, id)
    assert (request["WorkerId"], request["Test"]) == (ada.worker_id, FORM)
    assert "<SelectionIdentifier>wren</SelectionIdentifier>" in request["Answer"]
    assert request in mturk.list_qualification_requests(MaxResults=100)["QualificationRequests"]
    mturk.accept_qualification_request(QualificationRequestId=request["QualificationRequestId"], IntegerValue=88)
    score = mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)["Qualification"]
    assert score["IntegerValue"] == 88
    assert mturk.list_qualification_requests(QualificationTypeId=id)["QualificationRequests"] == []
    for decide in (mturk.accept_qualification_request, mturk.reject_qualification_request):
        with pytest.raises(mturk.exceptions.RequestError):
            decide(QualificationRequestId=request["QualificationRequestId"])


def test_a_score_given_unasked_leaves_the_workers_request_pending(mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk)
    ask(ada, id)
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id, IntegerValue=7)
    mturk.accept_qualification_request(
        QualificationRequestId=request_of(mturk, id)["QualificationRequestId"], IntegerValue=8
    )
    score = mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)["Qualification"]
    assert score["IntegerValue"] == 8


def test_a_rejected_request_grants_nothing(mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk)
    ask(ada, id)
    request = request_of(mturk, id)
    assert not {"Test", "Answer"} & request.keys()
    mturk.reject_qualification_request(QualificationRequestId=request["QualificationRequestId"], Reason="Too late")
    with refused("QualificationDoesNotExist"):
        mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)


@pytest.mark.parametrize(("answer", "score"), [("wren", 7), ("newt", 0)])
def test_a_test_with_a_key_is_scored_at_once(answer: str, score: int, mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk, Test=FORM, TestDurationInSeconds=600, AnswerKey=KEY)
    ask(ada, id)
    hand_in(ada, id, q1=answer)
    held = mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)["Qualification"]
    assert held["IntegerValue"] == score
    assert mturk.list_qualification_requests(QualificationTypeId=id)["NumResults"] == 0


def test_a_test_handed_in_too_late_counts_for_nothing(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    id = qualification_type(mturk, Test=FORM, TestDurationInSeconds=60, AnswerKey=KEY)
    ask(ada, id)
    let_pass(minutes=10)
    hand_in(ada, id, q1="wren")
    with refused("QualificationDoesNotExist"):
        mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)


@pytest.mark.parametrize(("given", "score"), [({}, 1), ({"AutoGrantedValue": 9}, 9)])
def test_what_is_granted_automatically_needs_no_requester(
    given: dict[str, Any], score: int, mturk: "MTurkClient", ada: Browser
) -> None:
    id = qualification_type(mturk, AutoGranted=True, **given)
    ask(ada, id)
    held = mturk.get_qualification_score(QualificationTypeId=id, WorkerId=ada.worker_id)["Qualification"]
    assert held["IntegerValue"] == score


def test_a_request_may_be_made_again_after_the_delay_and_without_one_never(
    mturk: "MTurkClient", ada: Browser, let_pass: LetPass
) -> None:
    once, again = qualification_type(mturk), qualification_type(mturk, RetryDelayInSeconds=2 * 3600)

    def tries() -> list[int]:
        for id in (once, again):
            ask(ada, id)
        return [mturk.list_qualification_requests(QualificationTypeId=id)["NumResults"] for id in (once, again)]

    assert tries() == [1, 1]
    for id in (once, again):
        mturk.reject_qualification_request(QualificationRequestId=request_of(mturk, id)["QualificationRequestId"])
    let_pass(hours=1)
    assert tries() == [0, 0]
    let_pass(hours=2)
    assert tries() == [0, 1]


def test_an_inactive_type_takes_no_requests_and_no_requirements(mturk: "MTurkClient", ada: Browser) -> None:
    id = qualification_type(mturk, QualificationTypeStatus="Inactive")
    ask(ada, id)
    assert mturk.list_qualification_requests(QualificationTypeId=id)["NumResults"] == 0


def test_a_deleted_type_is_disposed_of_when_its_hits_are_gone(mturk: "MTurkClient", ada: Browser) -> None:
    name = f"Short-lived {fresh()}"
    id = qualification_type(mturk, Name=name)
    ask(ada, id)
    hit = publish(mturk, QualificationRequirements=[{"QualificationTypeId": id, "Comparator": "Exists"}])
    assert [one["HITId"] for one in mturk.list_hits_for_qualification_type(QualificationTypeId=id)["HITs"]] == [
        hit["HITId"]
    ]
    mturk.delete_qualification_type(QualificationTypeId=id)
    with pytest.raises(mturk.exceptions.RequestError):
        qualification_type(mturk, Name=name)
    expire_now(mturk, hit["HITId"])
    mturk.delete_hit(HITId=hit["HITId"])
    assert qualification_type(mturk, Name=name) != id
    with pytest.raises(mturk.exceptions.RequestError):
        mturk.delete_qualification_type(QualificationTypeId=id)


def accepts(one: Browser, hit: Any) -> bool:
    """Whether the Worker gets the HIT."""
    shown = one.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert shown.status_code < 500, shown.text
    got = "/assignments/" in str(shown.url)
    if got:
        one.post(f"{str(shown.url).removeprefix(one.url)}/return")
    return got


@pytest.mark.parametrize(
    ("comparator", "values", "with_5"),
    [
        ("LessThan", [6], True), ("LessThan", [5], False),
        ("LessThanOrEqualTo", [5], True), ("LessThanOrEqualTo", [4], False),
        ("GreaterThan", [4], True), ("GreaterThan", [5], False),
        ("GreaterThanOrEqualTo", [5], True), ("GreaterThanOrEqualTo", [6], False),
        ("EqualTo", [5], True), ("EqualTo", [6], False),
        ("NotEqualTo", [6], True), ("NotEqualTo", [5], False),
        ("In", [1, 5], True), ("In", [1, 6], False),
        ("NotIn", [1, 6], True), ("NotIn", [1, 5], False),
        ("Exists", None, True), ("DoesNotExist", None, False),
    ],
)  # fmt: skip
def test_a_comparator_decides_who_may_accept(
    comparator: str, values: list[int] | None, with_5: bool, mturk: "MTurkClient", ada: Browser
) -> None:
    id = qualification_type(mturk)
    required: Any = {"QualificationTypeId": id, "Comparator": comparator, "ActionsGuarded": "Accept"}
    if values is not None:
        required["IntegerValues"] = values
    hit = publish(mturk, QualificationRequirements=[required])
    # Who does not have it at all satisfies DoesNotExist, and never what asks for a value.
    without = accepts(ada, hit)
    assert without is (comparator == "DoesNotExist") or comparator in {"NotEqualTo", "NotIn"}
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id, IntegerValue=5)
    assert accepts(ada, hit) is with_5


def test_requirements_are_anded(mturk: "MTurkClient", ada: Browser) -> None:
    one, two = qualification_type(mturk), qualification_type(mturk)
    both: Any = [{"QualificationTypeId": id, "Comparator": "Exists"} for id in (one, two)]
    hit = publish(mturk, QualificationRequirements=both)
    mturk.associate_qualification_with_worker(QualificationTypeId=one, WorkerId=ada.worker_id)
    assert not accepts(ada, hit)
    mturk.associate_qualification_with_worker(QualificationTypeId=two, WorkerId=ada.worker_id)
    assert accepts(ada, hit)


@pytest.mark.parametrize(
    ("guarded", "listed", "previewed"),
    [("Accept", True, True), ("PreviewAndAccept", True, False), ("DiscoverPreviewAndAccept", False, False)],
)
def test_actions_guarded_says_what_an_unqualified_worker_may_still_do(
    guarded: str, listed: bool, previewed: bool, mturk: "MTurkClient", ada: Browser
) -> None:
    id = qualification_type(mturk)
    required: Any = {"QualificationTypeId": id, "Comparator": "Exists", "ActionsGuarded": guarded}
    title = f"Guarded {fresh()}"
    hit = publish(mturk, Title=title, QualificationRequirements=[required])
    assert (title in ada.http.get("/worker").text) is listed
    shown = ada.http.get(f"/projects/{hit['HITTypeId']}/tasks")
    assert shown.status_code < 500
    assert ("<iframe" in shown.text) is previewed
    assert not accepts(ada, hit)
    mturk.associate_qualification_with_worker(QualificationTypeId=id, WorkerId=ada.worker_id)
    assert title in ada.http.get("/worker").text
    assert accepts(ada, hit)


def test_the_system_counts_approvals_and_gives_everybody_100_percent_at_first(
    mturk: "MTurkClient", ada: Browser
) -> None:
    one: Any = {
        "QualificationTypeId": "00000000000000000040",
        "Comparator": "GreaterThanOrEqualTo",
        "IntegerValues": [1],
    }
    all_: Any = {"QualificationTypeId": "000000000000000000L0", "Comparator": "EqualTo", "IntegerValues": [100]}
    experienced, reliable = (publish(mturk, QualificationRequirements=[needed]) for needed in (one, all_))
    assert (accepts(ada, experienced), accepts(ada, reliable)) == (False, True)
    hit = publish(mturk)
    assignment_id = ada.work(hit["HITTypeId"], hit["HITId"])
    mturk.approve_assignment(AssignmentId=assignment_id)
    assert (accepts(ada, experienced), accepts(ada, reliable)) == (True, True)
